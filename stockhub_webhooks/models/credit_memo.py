"""The refund (credit memo) and its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, code, money, timestamp, whole_number

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.order import Order


class CreditMemo(OrderDocument):
    """A refund of Winkelstraat for an order; amounts are in `currency`, VAT included.

    In the contract's examples `grand_total` = `subtotal` + `shipping_price` + `adjustment` − `fee_amount`.

    Attributes:
        created_at: when the credit memo was created at Stock Hub, aware.
        updated_at: when the credit memo was last changed at Stock Hub, aware.
        return_fee_amount: documented, but absent from every example; it may be subtracted from the total too.
    """

    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="credit_memos", verbose_name=_("order")
    )
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = code(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    adjustment = money(_("adjustment"))
    fee_amount = money(_("fee"))
    return_fee_amount = money(_("return fee"))
    grand_total = money(_("total"))
    billing_address = address(_("billing address"))

    if TYPE_CHECKING:
        billing_address_id: int | None
        items: RelatedManager[CreditMemoItem]

    class Meta(OrderDocument.Meta):
        verbose_name = _("credit note")
        verbose_name_plural = _("credit notes")


class CreditMemoItem(PricedLine):
    """A line of a credit memo.

    Attributes:
        qty: the number of refunded pieces.
        reversal: a code such as "NONE"; the set is open.
        return_item_fee: the return fee, in the document's currency, VAT included.
    """

    credit_memo: models.ForeignKey[CreditMemo, CreditMemo] = models.ForeignKey(
        CreditMemo, models.CASCADE, related_name="items", verbose_name=_("credit note")
    )
    qty = whole_number(_("quantity"))
    reversal = code(_("reversal"))
    return_item_fee = money(_("return fee"))

    if TYPE_CHECKING:
        credit_memo_id: int

    class Meta(PricedLine.Meta):
        verbose_name = _("credit note line")
        verbose_name_plural = _("credit note lines")

    def get_reversal_display(self) -> str:
        """Return the label of the reversal, or the code itself if it is unknown."""
        return statuses.label(statuses.REVERSAL, self.reversal)
