"""Index of the numbers in messages without a document, so that a search finds these messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import KeyField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.message import Message
from stockhub_webhooks.models.refusal import RefusedBody
from stockhub_webhooks.visible import visible


class MentionedNumber(RowModel):
    """A number in the body of a message that was not applied, or of a refused one.

    The worker writes the rows after a while. A body without numbers has one row with an empty number, so that it is not
    read again.

    Attributes:
        number: in lower case, without blanks and hyphens.
        is_personal: True unless its field says that it is a number of a document, an article or a parcel.
        message: the message; None if the body was refused.
        refused_body: the refused body. Its rows are deleted about a minute after it, since it may be deleted while a
            sender waits.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    number: models.CharField[str, str] = KeyField(max_length=100)
    is_personal: models.BooleanField[bool, bool] = models.BooleanField(default=True)
    message: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        Message, models.CASCADE, null=True, related_name="mentioned_numbers"
    )
    refused_body: models.ForeignKey[RefusedBody | None, RefusedBody | None] = models.ForeignKey(
        RefusedBody, models.DO_NOTHING, null=True, related_name="mentioned_numbers", db_constraint=False
    )

    if TYPE_CHECKING:
        message_id: int | None
        refused_body_id: int | None

    class Meta:
        verbose_name = _("mentioned number")
        verbose_name_plural = _("mentioned numbers")
        indexes = [models.Index(fields=["number"], name="stockhub_mentioned_number")]

    def __str__(self) -> str:
        return str(self._meta.verbose_name) if self.is_personal else visible(self.number)


def unread(rows: models.QuerySet[Any], relation: str) -> models.QuerySet[Any]:
    """Return the rows without `MentionedNumber`s: the worker has not written theirs yet."""
    mentions = MentionedNumber.objects.using(rows.db).filter(**{relation: models.OuterRef("pk")})
    return rows.filter(~models.Exists(mentions))
