"""The invoice and its lines."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, money, text, timestamp, whole_number


class Invoice(OrderDocument):
    """What Winkelstraat charges for an order."""

    order = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="invoices", verbose_name=_("order")
    )
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = text(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    grand_total = money(_("total"))
    billing_address = address(_("billing address"))

    class Meta(OrderDocument.Meta):
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")


class InvoiceItem(PricedLine):
    """A line of an invoice."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="items", verbose_name=_("invoice"))
    qty = whole_number(_("quantity"))

    class Meta(PricedLine.Meta):
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
