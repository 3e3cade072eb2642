"""Requests of users to do one thing with many rows, and the rows that they chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.work_request import WorkRequest, WorkRequestQuerySet
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class BulkRequestQuerySet(WorkRequestQuerySet["BulkRequest"]):
    """Queryset of bulk requests."""


class BulkRequest(WorkRequest):
    """A request to do one thing with many rows: the record of it, and its progress.

    The rows are written down (`BulkEntry`) before the page asks the user to confirm, so that no other row is touched.
    Until it is confirmed, a request has the status `proposed`, and no worker sees it.

    Attributes:
        action: what to do, a key of `operations.bulk.ACTIONS`, which says what permission it needs.
        parameters: what the action needs to know: `signal`, `former` and `receiver`, or `account`.
        total: number of chosen rows.
        acted: rows that were acted on.
        left_alone: rows whose state no longer allowed it.
        reached: primary key of the last entry that is done.
    """

    class Action(models.TextChoices):
        TRY_AGAIN = "try_again", _("try again")
        GIVE_UP = "give_up", _("give up")
        REASSIGN = "reassign", _("hand over to another receiver")
        RELEASE = "release", _("let in after all")
        PROCESS_AGAIN = "process_again", _("process again")
        LOOK_AGAIN = "look_again", _("look again")
        TELL_MISSED = "tell_missed", _("tell our shop what it missed")

    PROPOSED = "proposed"

    COUNTED: ClassVar[tuple[str, ...]] = ("acted", "left_alone")

    action: models.CharField[str, str] = models.CharField(_("what"), max_length=32, choices=Action)
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("parameters"), default=dict)
    status: models.CharField[str, str] = models.CharField(
        _("status"),
        max_length=16,
        choices=[(PROPOSED, _("not confirmed")), *WorkRequest.Status.choices],
        default=PROPOSED,
    )
    acted: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("begun"), default=0)
    left_alone: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("left alone"), default=0)
    reached: models.BigIntegerField[int, int] = models.BigIntegerField(default=0, editable=False)

    if TYPE_CHECKING:
        get_action_display: Callable[[], str]
        entries: RelatedManager[BulkEntry]

    objects = BulkRequestQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("request for many at once")
        verbose_name_plural = _("requests for many at once")

    def __str__(self) -> str:
        return visible(f"{self.get_action_display()}, {self.requested_by}")


class BulkEntry(RowModel):
    """One row of a bulk request.

    Attributes:
        row: primary key of the row, of the model of the action. No foreign key: a row may be deleted meanwhile.
        is_acted: True if it was acted on, False if it was left alone, None if it is not done yet.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    request: models.ForeignKey[BulkRequest, BulkRequest] = models.ForeignKey(
        BulkRequest, models.CASCADE, related_name="entries", db_index=False
    )
    row: models.BigIntegerField[int, int] = models.BigIntegerField(db_index=True)
    is_acted: models.BooleanField[bool | None, bool | None] = models.BooleanField(null=True)

    if TYPE_CHECKING:
        request_id: int

    class Meta:
        verbose_name = _("row of a request")
        verbose_name_plural = _("rows of a request")
        default_permissions = ()
        indexes = [models.Index(fields=["request", "id"], name="stockhub_bulk_entry")]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.row}"
