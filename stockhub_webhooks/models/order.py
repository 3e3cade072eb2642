"""The order and its lines."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models.documents import Document, PricedLine, address, money, text, timestamp, whole_number


class Order(Document):
    """An order of the shop at Stock Hub, known by (`account`, `increment_id`).

    While only its children were heard of it is a stub: it has a number, perhaps a `po_number`, and its
    `received_at` is None.
    """

    status = text(_("status"), db_index=True)
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = text(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    grand_total = money(_("total"))
    shipping_address = address(_("shipping address"))
    billing_address = address(_("billing address"))

    class Meta(Document.Meta):
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = [
            ("view_personal_data", _("Can see who the customers are, and what messages hold")),
            ("export", _("Can export orders and what belongs to them")),
        ]

    @property
    def is_stub(self) -> bool:
        """Whether the order itself was not received yet."""
        return self.received_at is None

    def get_status_display(self) -> str:
        """The status in words; an unknown one as it is."""
        return statuses.label(statuses.ORDER, self.status)


class OrderItem(PricedLine):
    """A line of an order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="items", verbose_name=_("order"))
    qty_ordered = whole_number(_("ordered"))

    class Meta(PricedLine.Meta):
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
