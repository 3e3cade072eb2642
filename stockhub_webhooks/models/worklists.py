"""What does not proceed by itself: a row for each document, or number of ours, and rule of the worklists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountManager, AccountModel
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.credit_memo import CreditMemo
from stockhub_webhooks.models.documents import Document
from stockhub_webhooks.models.invoice import Invoice
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.models.payment_request import PaymentRequest
from stockhub_webhooks.models.rma import RMA
from stockhub_webhooks.models.shipment import Shipment
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from typing_extensions import Self

# the kinds of documents that a row may be about; `NUMBER` is a number of the shop that Stock Hub never mentioned
KINDS: dict[str, type[Document]] = {
    "order": Order,
    "shipment": Shipment,
    "invoice": Invoice,
    "rma": RMA,
    "credit_memo": CreditMemo,
    "payment_request": PaymentRequest,
}
NUMBER = "number"


class WorklistRow(AccountModel):
    """A condition that holds for a document, and that a person should look at once its deadline has passed.

    Attributes:
        rule: a key of `DEADLINE_DAYS`.
        kind: what the row is about: a key of `KINDS`, or `NUMBER`.
        number: Stock Hub's number of the document; of `NUMBER` the shop's own order number.
        order: the order of the document, or the order itself; None if there is none.
        subject_id: primary key of the document; None for `NUMBER`.
        po_number: the shop's own order number.
        since: when the condition began to hold, by the data and never by the clock of a sweep; aware.
        detail: what is missing: a list of facts, each an object with a `code`, which `office.worklists.wording` reads.
        fingerprint: of all facts; a row that a person dismissed comes back when it changes.
        status: waiting until the deadline passes, then open; dismissed by a person; ended if it no longer holds.
        opened_at: when the deadline was seen to have passed; aware.
        ended_at: when the condition was seen to have ended; aware.
        announced: the values of `since` for which `deadline.passed` was recorded.
        is_quiet: True if receivers are not called for it, since it was old when this version was installed.
        dismissed_fingerprint: the fingerprint at the time of the dismissal.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("worklist", "within its time")
        OPEN = "open", pgettext_lazy("worklist", "does not proceed")
        DISMISSED = "dismissed", pgettext_lazy("worklist", "dismissed")
        ENDED = "ended", pgettext_lazy("worklist", "in order again")

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    rule: models.CharField[str, str] = ExactCharField(_("rule"), max_length=40)
    kind: models.CharField[str, str] = ExactCharField(_("kind"), max_length=20)
    number: models.CharField[str, str] = ExactCharField(_("number"), max_length=255, db_index=True)
    order: models.ForeignKey[Order | None, Order | None] = models.ForeignKey(
        Order, models.CASCADE, null=True, blank=True, related_name="worklist_rows", verbose_name=_("order")
    )
    subject_id: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True, editable=False)
    po_number: models.CharField[str | None, str | None] = ExactCharField(
        _("our order number"), max_length=255, null=True, blank=True, db_index=True
    )
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("since"))
    detail: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    fingerprint: models.CharField[str, str] = ExactCharField(max_length=32, editable=False)
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=12, choices=Status, default=Status.WAITING
    )
    opened_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("on the list since"), null=True, blank=True
    )
    ended_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("in order since"), null=True, blank=True
    )
    announced: models.JSONField[list[str], list[str]] = models.JSONField(default=list, editable=False)
    is_quiet: models.BooleanField[bool, bool] = models.BooleanField(default=False, db_default=False, editable=False)
    dismissed_by: models.CharField[str, str] = models.CharField(_("dismissed by"), max_length=255, blank=True)
    dismissed_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("dismissed at"), null=True, blank=True
    )
    dismissed_reason: models.TextField[str, str] = models.TextField(_("reason"), blank=True)
    dismissed_fingerprint: models.CharField[str, str] = ExactCharField(max_length=32, blank=True, editable=False)

    if TYPE_CHECKING:
        order_id: int | None
        get_status_display: Callable[[], str]

    objects: ClassVar[AccountManager[Self]] = AccountManager()

    class Meta:
        verbose_name = _("item that does not proceed")
        verbose_name_plural = _("not proceeding")
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "number", "rule"], name="stockhub_worklist_once")
        ]
        indexes = [
            models.Index(fields=["status", "rule", "since", "id"], name="stockhub_worklist_rule"),
            models.Index(fields=["status", "since", "id"], name="stockhub_worklist_since"),
            models.Index(fields=["status", "po_number", "id"], name="stockhub_worklist_purchase"),
            models.Index(fields=["status", "number", "id"], name="stockhub_worklist_document"),
        ]
        permissions = [
            ("dismiss_worklist_row", _("Can dismiss what does not proceed")),
            ("export_worklist", _("Can export what does not proceed")),
        ]

    def __str__(self) -> str:
        return visible(f"{self.rule} {self.number}")

    @property
    def document(self) -> Document | None:
        """The document of the row, read at each access; None for `NUMBER`, and if it was deleted."""
        model = KINDS.get(self.kind)
        if model is None or self.subject_id is None:
            return None
        rows: Any = model.objects.using(self._state.db).filter(pk=self.subject_id)
        if model is not Order:
            rows = rows.select_related("order")
        document: Document | None = rows.first()
        return document


class WorklistProgress(RowModel):
    """How far one source of the worklists was looked through.

    Attributes:
        name: the source: "events", "order" or "payment_request".
        position: primary key up to which all rows were looked at.
        horizon: of events: the newest primary key at `horizon_at`. Once a minute has passed, each event up to it is
            committed, so that none is passed over.
        seen: of events: primary key up to which rows were looked at once, soon after they were written.
        version: version of the rules for which all documents were looked through.
        finished_at: when the last look at all documents ended; None while it goes on.
    """

    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=64, primary_key=True)
    position: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)
    horizon: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)
    horizon_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(null=True)
    seen: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)
    version: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=0)
    finished_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("progress of the worklists")
        verbose_name_plural = _("progress of the worklists")

    def __str__(self) -> str:
        return self.name
