"""The refund (credit memo) and its lines."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, money, text, timestamp, whole_number


class CreditMemo(OrderDocument):
    """What Winkelstraat pays back for an order.

    In the contract's examples grand_total = subtotal + shipping_price + adjustment − fee_amount.
    """

    order = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="credit_memos", verbose_name=_("order")
    )
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = text(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    adjustment = money(_("adjustment"))
    fee_amount = money(_("fee"))
    return_fee_amount = money(_("return fee"))
    grand_total = money(_("total"))
    billing_address = address(_("billing address"))

    class Meta(OrderDocument.Meta):
        verbose_name = _("credit note")
        verbose_name_plural = _("credit notes")


class CreditMemoItem(PricedLine):
    """A refunded line."""

    credit_memo = models.ForeignKey(CreditMemo, models.CASCADE, related_name="items", verbose_name=_("credit note"))
    qty = whole_number(_("quantity"))
    reversal = text(_("reversal"))
    return_item_fee = money(_("return fee"))

    class Meta(PricedLine.Meta):
        verbose_name = _("credit note line")
        verbose_name_plural = _("credit note lines")

    def get_reversal_display(self) -> str:
        """The reversal in words; an unknown one as it is."""
        return statuses.label(statuses.REVERSAL, self.reversal)
