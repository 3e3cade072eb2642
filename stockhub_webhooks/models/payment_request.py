"""The order payment request (V2) and its lines."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.documents import Document, PricedLine, address, code, money, timestamp, whole_number

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.host_link import HostLink
    from stockhub_webhooks.models.order import Order


class PaymentRequest(Document):
    """A request to pay for an order; amounts are in `currency`, VAT included.

    The contract gives it no `increment_id`: ours is `purchase_order_increment_id`, else `order_increment_id`.

    Attributes:
        order: None if the request names no order.
        pay_by_link: the address of a payment page, as received.
        created_at: when the request was created at Stock Hub, aware.
        erased_at: when its personal data was erased, if it names no order; otherwise the order says it.
        payment_method: the contract's `payment.method`; `po_number` is its `payment.po_number`.
    """

    order: models.ForeignKey[Order | None, Order | None] = models.ForeignKey(
        "stockhub_webhooks.Order",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="payment_requests",
        verbose_name=_("order"),
    )
    order_increment_id: models.CharField[str | None, str | None] = ExactCharField(
        _("number of the order"), max_length=64, null=True, blank=True
    )
    purchase_order_increment_id: models.CharField[str | None, str | None] = ExactCharField(
        _("number of the purchase order"), max_length=64, null=True, blank=True
    )
    pay_by_link: models.TextField[str | None, str | None] = models.TextField(_("payment link"), null=True, blank=True)
    created_at = timestamp(_("created at"), db_index=True)
    payment_method = code(_("payment method"))
    currency = code(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    tax_amount = money(_("tax"))
    discount_amount = money(_("discount"))
    grand_total = money(_("total"))
    shipping_address = address(_("shipping address"))
    billing_address = address(_("billing address"))
    erased_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("personal data erased at"), null=True, editable=False
    )

    if TYPE_CHECKING:
        order_id: int | None
        shipping_address_id: int | None
        billing_address_id: int | None
        items: RelatedManager[PaymentRequestItem]
        host_link: HostLink

    class Meta(Document.Meta):
        verbose_name = _("payment request")
        verbose_name_plural = _("payment requests")

    def get_payment_method_display(self) -> str:
        """Return the label of the payment method, or the code itself if it is unknown."""
        return statuses.label(statuses.PAYMENT_METHOD, self.payment_method)


class PaymentRequestItem(PricedLine):
    """A line of a payment request.

    Attributes:
        qty: the number of pieces.
        external_reference: a reference of another system, as received.
    """

    payment_request: models.ForeignKey[PaymentRequest, PaymentRequest] = models.ForeignKey(
        PaymentRequest, models.CASCADE, related_name="items", verbose_name=_("payment request")
    )
    qty = whole_number(_("quantity"))
    external_reference = code(_("external reference"))

    if TYPE_CHECKING:
        payment_request_id: int

    class Meta(PricedLine.Meta):
        verbose_name = _("payment request line")
        verbose_name_plural = _("payment request lines")
