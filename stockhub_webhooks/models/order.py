"""The order and its lines."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.indexes import NotNullIndex
from stockhub_webhooks.models.documents import Document, PricedLine, address, code, money, timestamp, whole_number

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.credit_memo import CreditMemo
    from stockhub_webhooks.models.host_link import HostLink
    from stockhub_webhooks.models.invoice import Invoice
    from stockhub_webhooks.models.ledger import Event, ReceiverCall
    from stockhub_webhooks.models.missing_line import MissingLine
    from stockhub_webhooks.models.notes import Note
    from stockhub_webhooks.models.payment_request import PaymentRequest
    from stockhub_webhooks.models.pull import OrderAnswer
    from stockhub_webhooks.models.rma import RMA
    from stockhub_webhooks.models.shipment import Shipment
    from stockhub_webhooks.models.worklists import WorklistRow

CANCELED = "canceled"


class Order(Document):
    """An order at Stock Hub, identified by (`account`, `increment_id`).

    An order that is known only from its children is a stub: it has a number, perhaps a `po_number`, no
    `received_at`, and no lines or amounts yet.

    Attributes:
        status: a code of Magento, such as "complete"; the set is open.
        created_at: when the order was created at Stock Hub, aware.
        updated_at: when the order was last changed at Stock Hub, aware.
        subtotal: the sum of the lines, in `currency`, VAT included.
        shipping_price: in `currency`, VAT included.
        grand_total: in `currency`, VAT included; `subtotal` + `shipping_price` in the contract's examples.
        billing_address: the address of the party that pays Winkelstraat, which may be the reseller itself.
        erased_at: when the personal data of the order was erased: later messages about it bring none back.
        host_link: the link to the shop's own order; raises `HostLink.DoesNotExist` if there is none yet.
    """

    status = code(_("status"), db_index=True)
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    currency = code(_("currency"))
    subtotal = money(_("subtotal"))
    shipping_price = money(_("shipping costs"))
    grand_total = money(_("total"))
    shipping_address = address(_("shipping address"))
    billing_address = address(_("billing address"))
    erased_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("personal data erased at"), null=True, editable=False
    )

    if TYPE_CHECKING:
        shipping_address_id: int | None
        billing_address_id: int | None
        items: RelatedManager[OrderItem]
        shipments: RelatedManager[Shipment]
        invoices: RelatedManager[Invoice]
        rmas: RelatedManager[RMA]
        credit_memos: RelatedManager[CreditMemo]
        payment_requests: RelatedManager[PaymentRequest]
        events: RelatedManager[Event]
        receiver_calls: RelatedManager[ReceiverCall]
        notes: RelatedManager[Note]
        worklist_rows: RelatedManager[WorklistRow]
        rest_answer: OrderAnswer
        host_link: HostLink

    class Meta(Document.Meta):
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [*Document.Meta.indexes, NotNullIndex(fields=["erased_at"], name="stockhub_order_erased")]
        permissions = [
            ("view_personal_data", _("Can see who the customers are, and what messages hold")),
            ("export", _("Can export orders and what belongs to them")),
            ("view_person", _("Can see and download all that is kept of a customer")),
            ("erase_person", _("Can erase the personal data of a customer")),
            ("view_figures", _("Can see the figures of a period")),
        ]

    @property
    def is_stub(self) -> bool:
        """True if the order is known only from its children."""
        return self.received_at is None

    @property
    def is_cancelled(self) -> bool:
        """True if Stock Hub cancelled the order; an edited order is cancelled, and continues under a new number.

        `stockhub_webhooks.purchases` tells if the whole purchase is cancelled.
        """
        return (self.status or "").lower() == CANCELED

    def get_status_display(self) -> str:
        """Return the label of the status, or the code itself if it is unknown."""
        return statuses.label(statuses.ORDER, self.status)


class OrderItem(PricedLine):
    """A line of an order; `qty_ordered` is the number of pieces."""

    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        Order, models.CASCADE, related_name="items", verbose_name=_("order")
    )
    qty_ordered = whole_number(_("ordered"))

    if TYPE_CHECKING:
        order_id: int
        missing_line: MissingLine

    class Meta(PricedLine.Meta):
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
