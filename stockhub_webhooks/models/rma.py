"""The return (RMA) and its items."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models.documents import Line, OrderDocument, money, text, timestamp, whole_number


class RMA(OrderDocument):
    """A return of goods of an order. It has no `updated_at`."""

    order = models.ForeignKey("stockhub_webhooks.Order", models.CASCADE, related_name="rmas", verbose_name=_("order"))
    status = text(_("status"), db_index=True)
    date_requested = timestamp(_("requested at"), db_index=True)
    date_received = timestamp(_("received back at"))
    date_processed = timestamp(_("processed at"))
    currency = text(_("currency"))

    class Meta(OrderDocument.Meta):
        verbose_name = _("return")
        verbose_name_plural = _("returns")

    def get_status_display(self) -> str:
        """The status in words; an unknown one as it is."""
        return statuses.label(statuses.RMA, self.status)


class RMAItem(Line):
    """An item of a return; `item_id` is the contract's `id`, which Django keeps for the primary key."""

    rma = models.ForeignKey(RMA, models.CASCADE, related_name="items", verbose_name=_("return"))
    item_id = models.CharField(_("item number"), max_length=64, null=True, blank=True)
    resolution = text(_("resolution"))
    reason = text(_("reason"))
    qty_requested = whole_number(_("requested"))
    qty_approved = whole_number(_("approved"))
    qty_returned = whole_number(_("returned"))
    color = text(_("colour"))
    merchant_product_reference = text(_("product reference"))
    merchant_resolution = text(_("merchant's resolution"))
    item_return_fee = money(_("return fee, a piece"))
    row_line_return_fee = money(_("return fee"))
    status = text(_("status"))

    class Meta(Line.Meta):
        verbose_name = _("returned item")
        verbose_name_plural = _("returned items")

    def get_status_display(self) -> str:
        """The status in words; an unknown one as it is."""
        return statuses.label(statuses.RMA, self.status)
