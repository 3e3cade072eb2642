"""Orders and what belongs to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, Maybe, RelatedFactory, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from stockhub_webhooks import models
from stockhub_webhooks.conf import DEFAULT_ACCOUNT
from stockhub_webhooks.testing.factories.base import NumberedFactory
from stockhub_webhooks.testing.samples.world import ARTICLES, CUSTOMERS

FEE = Decimal("2.50")
PRICE = Decimal("120.00")
SHIPPING_PRICE = Decimal("4.95")
ARTICLE = ARTICLES[0]


def _whole(document: Any) -> Decimal:
    """Return the price of all lines of a document, which has one."""
    return Decimal(document.quantity * document.price)


class AddressFactory(DjangoModelFactory[models.Address]):
    """An invented person in the Netherlands."""

    class Meta:
        model = models.Address

    first_name = "Sanne"
    last_name = "de Voorbeeld"
    email = Sequence(lambda number: f"sanne.{number}@example.com")
    telephone = CUSTOMERS[0]["telephone"]
    street = "Keizersgracht"
    house_number = "999B"
    postcode = "1015ZZ"
    city = "Amsterdam"
    country_id = "NL"


class _LineFactory(DjangoModelFactory[Any]):
    class Meta:
        abstract = True

    sku = ARTICLE.sku
    parent_sku = ARTICLE.parent_sku
    manufacturer = ARTICLE.manufacturer
    size = ARTICLE.size
    mpn = ARTICLE.mpn


class _PricedLineFactory(_LineFactory):
    class Meta:
        abstract = True

    qty = 2
    item_price_inc_tax = PRICE
    row_total_inc_tax = LazyAttribute(lambda line: line.qty * line.item_price_inc_tax)


def _lines(factory: str, parent: str, **values: Any) -> RelatedFactory:
    """Return the one line of a document, with its `quantity` at its `price`."""
    amounts = {"qty": SelfAttribute("..quantity"), "item_price_inc_tax": SelfAttribute("..price")}
    return RelatedFactory(f"{__name__}.{factory}", parent, **{**amounts, **values})


class _DocumentFactory(NumberedFactory[Any]):
    class Meta:
        abstract = True
        skip_postgeneration_save = True  # its lines are rows of their own


class OrderFactory(_DocumentFactory):
    """An order with one line; `stub=True` makes one of which only the number is known."""

    class Meta:
        model = models.Order

    class Params:
        quantity = 2
        price = PRICE
        stub = False

    account = DEFAULT_ACCOUNT
    increment_id = Sequence(lambda number: f"{number + 1:09}")
    po_number = Sequence(lambda number: f"SHOP-{number + 1}")
    received_at = Maybe("stub", None, LazyFunction(timezone.now))
    status = Maybe("stub", None, "processing")
    created_at = Maybe("stub", None, SelfAttribute("received_at"))
    updated_at = SelfAttribute("created_at")
    currency = Maybe("stub", None, "EUR")
    subtotal = Maybe("stub", None, LazyAttribute(_whole))
    shipping_price = Maybe("stub", None, SHIPPING_PRICE)
    grand_total = Maybe("stub", None, LazyAttribute(lambda order: order.subtotal + order.shipping_price))
    shipping_address = Maybe("stub", None, SubFactory(AddressFactory))
    billing_address = Maybe("stub", None, SubFactory(AddressFactory))
    items = Maybe(
        "stub",
        None,
        RelatedFactory(
            f"{__name__}.OrderItemFactory",
            "order",
            qty_ordered=SelfAttribute("..quantity"),
            item_price_inc_tax=SelfAttribute("..price"),
        ),
    )


class OrderItemFactory(_LineFactory):
    """A line of an order."""

    class Meta:
        model = models.OrderItem

    order = SubFactory(OrderFactory, items=None)
    qty_ordered = 2
    item_price_inc_tax = PRICE
    row_total_inc_tax = LazyAttribute(lambda line: line.qty_ordered * line.item_price_inc_tax)


class _ChildFactory(_DocumentFactory):
    """A document of an order."""

    class Meta:
        abstract = True

    class Params:
        quantity = 2
        price = PRICE

    order = SubFactory(OrderFactory)
    account = SelfAttribute("order.account")
    increment_id = Sequence(lambda number: f"{number + 1:09}")
    po_number = SelfAttribute("order.po_number")
    received_at = LazyFunction(timezone.now)
    currency = "EUR"


class ShipmentFactory(_ChildFactory):
    """A shipment in transit, with one line and one parcel number; `delivered=True` makes one that has arrived."""

    class Meta:
        model = models.Shipment

    class Params:
        delivered = False

    status = Maybe("delivered", "DELIVERED", "IN_TRANSIT")
    created_at = SelfAttribute("received_at")
    updated_at = SelfAttribute("received_at")
    collected_at = SelfAttribute("received_at")
    delivered_at = Maybe("delivered", SelfAttribute("received_at"), None)
    shipping_address = SubFactory(AddressFactory)
    origin_address = SubFactory(
        AddressFactory, first_name=None, last_name=None, company_name="Voorbeeld Logistiek B.V."
    )
    items = _lines("ShipmentItemFactory", "shipment")
    tracks = RelatedFactory(f"{__name__}.TrackFactory", "shipment")


class ShipmentItemFactory(_PricedLineFactory):
    """A line of a shipment."""

    class Meta:
        model = models.ShipmentItem

    shipment = SubFactory(ShipmentFactory, items=None)


class TrackFactory(DjangoModelFactory[models.Track]):
    """A parcel number of a shipment; of a return with `TrackFactory(shipment=None, rma=rma)`."""

    class Meta:
        model = models.Track

    shipment = SubFactory(ShipmentFactory, tracks=None)
    tracking_number = Sequence(lambda number: f"1Z00AA{number:012}")
    carrier = "ups"
    tracking_url = LazyAttribute(lambda track: f"https://tracking.example.com/track?tracknum={track.tracking_number}")


class _TotalsFactory(_ChildFactory):
    """A document with amounts that add up."""

    class Meta:
        abstract = True

    subtotal = LazyAttribute(_whole)
    shipping_price = SHIPPING_PRICE
    grand_total = LazyAttribute(lambda document: document.subtotal + document.shipping_price)
    created_at = SelfAttribute("received_at")
    billing_address = SubFactory(AddressFactory)


class InvoiceFactory(_TotalsFactory):
    """An invoice with one line."""

    class Meta:
        model = models.Invoice

    updated_at = SelfAttribute("received_at")
    items = _lines("InvoiceItemFactory", "invoice")


class InvoiceItemFactory(_PricedLineFactory):
    """A line of an invoice."""

    class Meta:
        model = models.InvoiceItem

    invoice = SubFactory(InvoiceFactory, items=None)


class RMAFactory(_ChildFactory):
    """A return that is authorised, with one item."""

    class Meta:
        model = models.RMA

    status = "authorized"
    date_requested = SelfAttribute("received_at")
    items = RelatedFactory(
        f"{__name__}.RMAItemFactory",
        "rma",
        qty_requested=SelfAttribute("..quantity"),
        status=SelfAttribute("..status"),
    )


class RMAItemFactory(_LineFactory):
    """An item of a return."""

    class Meta:
        model = models.RMAItem

    rma = SubFactory(RMAFactory, items=None)
    item_id = Sequence(lambda number: str(number + 1))
    resolution = "refund"
    reason = "no_reason"
    qty_requested = 2
    color = ARTICLE.color
    merchant_product_reference = ARTICLE.mpn
    item_return_fee = FEE
    row_line_return_fee = LazyAttribute(lambda item: item.qty_requested * item.item_return_fee)
    status = "authorized"


class CreditMemoFactory(_TotalsFactory):
    """A credit note for one line, less a fee a piece."""

    class Meta:
        model = models.CreditMemo

    updated_at = SelfAttribute("received_at")
    shipping_price = Decimal(0)
    adjustment = Decimal(0)
    fee_amount = LazyAttribute(lambda memo: memo.quantity * FEE)
    grand_total = LazyAttribute(lambda memo: memo.subtotal + memo.shipping_price + memo.adjustment - memo.fee_amount)
    items = _lines("CreditMemoItemFactory", "credit_memo")


class CreditMemoItemFactory(_PricedLineFactory):
    """A credited line."""

    class Meta:
        model = models.CreditMemoItem

    credit_memo = SubFactory(CreditMemoFactory, items=None)
    reversal = "NONE"
    return_item_fee = LazyAttribute(lambda line: line.qty * FEE)


class PaymentRequestFactory(_TotalsFactory):
    """A request to pay for an order, with one line."""

    class Meta:
        model = models.PaymentRequest

    purchase_order_increment_id = SelfAttribute("increment_id")
    order_increment_id = SelfAttribute("order.increment_id")
    pay_by_link = LazyAttribute(lambda request: f"https://pay.example.com/p/{request.increment_id}")
    payment_method = "purchaseorder"
    tax_amount = LazyAttribute(lambda request: (request.grand_total * 21 / 121).quantize(Decimal("0.01")))
    discount_amount = Decimal(0)
    shipping_address = SubFactory(AddressFactory)
    items = _lines("PaymentRequestItemFactory", "payment_request")


class PaymentRequestItemFactory(_PricedLineFactory):
    """A line that is to be paid."""

    class Meta:
        model = models.PaymentRequestItem

    payment_request = SubFactory(PaymentRequestFactory, items=None)
