"""What Stock Hub sends differently from its documentation, counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.serializers.fields import LEFT_OUT
from stockhub_webhooks.visible import visible

NAME_LENGTH = 150


class Drift(RowModel):
    """Counter of one difference between the messages of a topic and the documentation.

    Attributes:
        name: the field, with the code or the reason if there is one; "" if the difference is not of a field. At most
            500 names are counted for a topic, and the rest in one row with `OTHERS`.
        count: number of messages.
        first_seen_at: time of receipt of the earliest counted message, aware.
        last_seen_at: time of receipt of the latest counted message, aware.
        sample: the latest counted message; None if it was deleted.
    """

    class Kind(models.TextChoices):
        UNKNOWN_FIELD = "unknown_field", _("unknown field")
        UNKNOWN_CODE = "unknown_code", _("unknown code")
        LEFT_OUT = "left_out", _("value that could not be read")
        MISSING_FIELD = "missing_field", _("documented field that is missing")
        VERSION = "version", _("unknown version")
        TOPIC = "topic", _("address of another topic")

    OTHERS = "…"
    # code of a note: kind; the notes of a part that was left out have the kind LEFT_OUT
    KIND_BY_CODE: ClassVar[dict[str, Kind]] = {
        "unknown_field": Kind.UNKNOWN_FIELD,
        "unknown_value": Kind.UNKNOWN_CODE,
        "missing_field": Kind.MISSING_FIELD,
        "unknown_version": Kind.VERSION,
        "topic_differs": Kind.TOPIC,
        **dict.fromkeys(LEFT_OUT, Kind.LEFT_OUT),
    }

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    topic: models.CharField[str, str] = models.CharField(_("topic"), max_length=32, choices=Topic)
    kind: models.CharField[str, str] = models.CharField(_("difference"), max_length=16, choices=Kind)
    name: models.CharField[str, str] = ExactCharField(_("field or code"), max_length=NAME_LENGTH, blank=True)
    count: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("messages"), default=0)
    first_seen_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("first seen"))
    last_seen_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("last seen"), db_index=True)
    sample: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("for example")
    )

    if TYPE_CHECKING:
        sample_id: int | None
        get_kind_display: Callable[[], str]
        get_topic_display: Callable[[], str]

    class Meta:
        verbose_name = _("difference from the documentation")
        verbose_name_plural = _("drift: what Stock Hub sends differently")
        constraints = [models.UniqueConstraint(fields=["topic", "kind", "name"], name="stockhub_drift_name")]

    def __str__(self) -> str:
        return visible(f"{self.get_kind_display()} {self.name}".strip())


def kind_of(code: str) -> Drift.Kind | None:
    """Return the kind of difference that a note with this code says; None if it says no such difference."""
    return Drift.KIND_BY_CODE.get(code)
