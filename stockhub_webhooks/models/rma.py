"""The return (RMA) and its items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.documents import Line, OrderDocument, code, money, text, timestamp, whole_number

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.order import Order
    from stockhub_webhooks.models.shipment import Track


class RMA(OrderDocument):
    """A return of goods of an order. The contract gives it no `updated_at`.

    Once known, `date_received`, `date_processed`, and `qty_approved` and `qty_returned` of an item stay known: a null
    in a later message does not erase them.

    Attributes:
        status: a code such as "authorized"; the contract names the codes for items, and the set is open.
        date_requested: when the customer asked for the return, aware.
        date_received: when the goods came back, aware.
        date_processed: when the return was settled, aware.
    """

    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="rmas", verbose_name=_("order")
    )
    status = code(_("status"), db_index=True)
    date_requested = timestamp(_("requested at"), db_index=True)
    date_received = timestamp(_("received back at"))
    date_processed = timestamp(_("processed at"))
    currency = code(_("currency"))

    if TYPE_CHECKING:
        items: RelatedManager[RMAItem]
        tracks: RelatedManager[Track]

    class Meta(OrderDocument.Meta):
        verbose_name = _("return")
        verbose_name_plural = _("returns")

    def get_status_display(self) -> str:
        """Return the label of the status, or the code itself if it is unknown."""
        return statuses.label(statuses.RMA, self.status)


class RMAItem(Line):
    """An item of a return.

    Attributes:
        item_id: the contract's `id`; Django uses that name for the primary key.
        resolution: the customer's wish, a code such as "refund"; the set is open.
        reason: a code such as "no_reason"; the set is open.
        qty_requested: pieces that the customer wants to return.
        qty_approved: pieces that may be returned.
        qty_returned: pieces that came back.
        item_return_fee: the fee for one piece, in the return's `currency`, VAT included.
        row_line_return_fee: the fee for the requested pieces, in the return's `currency`, VAT included.
        status: a code such as "approved"; the set is open.
    """

    rma: models.ForeignKey[RMA, RMA] = models.ForeignKey(
        RMA, models.CASCADE, related_name="items", verbose_name=_("return")
    )
    item_id: models.CharField[str | None, str | None] = ExactCharField(
        _("item number"), max_length=64, null=True, blank=True
    )
    resolution = code(_("resolution"))
    reason = code(_("reason"))
    qty_requested = whole_number(_("requested"))
    qty_approved = whole_number(_("approved"))
    qty_returned = whole_number(_("returned"))
    color = text(_("colour"))
    merchant_product_reference = code(_("product reference"))
    merchant_resolution = code(_("merchant's resolution"))
    item_return_fee = money(_("return fee, a piece"))
    row_line_return_fee = money(_("return fee"))
    status = code(_("status"))

    if TYPE_CHECKING:
        rma_id: int

    class Meta(Line.Meta):
        verbose_name = _("returned item")
        verbose_name_plural = _("returned items")

    def get_status_display(self) -> str:
        """Return the label of the status, or the code itself if it is unknown."""
        return statuses.label(statuses.RMA, self.status)

    def get_reason_display(self) -> str:
        """Return the label of the customer's reason, or the code itself if it is unknown."""
        return statuses.label(statuses.RETURN_REASON, self.reason)

    def get_resolution_display(self) -> str:
        """Return the label of the customer's wish, or the code itself if it is unknown."""
        return statuses.label(statuses.RESOLUTION, self.resolution)

    def get_merchant_resolution_display(self) -> str:
        """Return the label of the merchant's resolution, or the code itself if it is unknown."""
        return statuses.label(statuses.RESOLUTION, self.merchant_resolution)
