"""The invoice and its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, code, money, timestamp, whole_number

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.order import Order


class Invoice(OrderDocument):
    """An invoice of Winkelstraat for an order; amounts are in `currency`, VAT included.

    Attributes:
        created_at: when the invoice was created at Stock Hub, aware.
        updated_at: when the invoice was last changed at Stock Hub, aware.
        billing_address: the address of the party that pays Winkelstraat, which may be the reseller itself.
    """

    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="invoices", verbose_name=_("order")
    )
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = code(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    grand_total = money(_("total"))
    billing_address = address(_("billing address"))

    if TYPE_CHECKING:
        billing_address_id: int | None
        items: RelatedManager[InvoiceItem]

    class Meta(OrderDocument.Meta):
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")


class InvoiceItem(PricedLine):
    """A line of an invoice; `qty` is the number of pieces."""

    invoice: models.ForeignKey[Invoice, Invoice] = models.ForeignKey(
        Invoice, models.CASCADE, related_name="items", verbose_name=_("invoice")
    )
    qty = whole_number(_("quantity"))

    if TYPE_CHECKING:
        invoice_id: int

    class Meta(PricedLine.Meta):
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
