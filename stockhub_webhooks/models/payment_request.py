"""The order payment request (V2) and its lines."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.documents import Document, PricedLine, address, money, text, timestamp, whole_number


class PaymentRequest(Document):
    """A request to pay for an order.

    It has no number of its own: `increment_id` is `purchase_order_increment_id`, else `order_increment_id`.
    The contract's `payment` is taken apart into `payment_method` and `po_number`.
    """

    order = models.ForeignKey(
        "stockhub_webhooks.Order",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="payment_requests",
        verbose_name=_("order"),
    )
    order_increment_id = models.CharField(_("number of the order"), max_length=64, null=True, blank=True)
    purchase_order_increment_id = models.CharField(
        _("number of the purchase order"), max_length=64, null=True, blank=True
    )
    pay_by_link = models.TextField(_("payment link"), null=True, blank=True)
    created_at = timestamp(_("created at"), db_index=True)
    payment_method = text(_("payment method"))
    currency = text(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    tax_amount = money(_("tax"))
    discount_amount = money(_("discount"))
    grand_total = money(_("total"))
    shipping_address = address(_("shipping address"))
    billing_address = address(_("billing address"))

    class Meta(Document.Meta):
        verbose_name = _("payment request")
        verbose_name_plural = _("payment requests")


class PaymentRequestItem(PricedLine):
    """A line that is to be paid."""

    payment_request = models.ForeignKey(
        PaymentRequest, models.CASCADE, related_name="items", verbose_name=_("payment request")
    )
    qty = whole_number(_("quantity"))
    external_reference = text(_("external reference"))

    class Meta(PricedLine.Meta):
        verbose_name = _("payment request line")
        verbose_name_plural = _("payment request lines")
