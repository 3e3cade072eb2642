"""Large exports that are made in the background, and the parts of their files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.models.work_request import WorkRequest, WorkRequestQuerySet

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class ExportRequestQuerySet(WorkRequestQuerySet["ExportRequest"]):
    """Queryset of exports."""


class ExportRequest(WorkRequest):
    """A request for a CSV file that is too large to be made while a browser waits.

    Attributes:
        topic: topic of the documents.
        first: the first day.
        last: the last day.
        statuses: codes of the statuses to export; None or empty for all documents.
        only_account: whose documents to export; None or empty for those of all accounts.
        by_line: True for one row per line instead of one per document.
        with_persons: True if the file has customers.
        language: the language of the headers.
        total: number of documents.
        documents: number of documents that are in the file.
        rows: number of rows in the file, without the headers.
        reached: position of the last document in the file; empty before the first (`office.export.rows.Position`).
        is_deleted: True once the file was deleted, some days after it was made.
    """

    COUNTED: ClassVar[tuple[str, ...]] = ("documents",)

    topic: models.CharField[str, str] = models.CharField(_("topic"), max_length=32, choices=Topic)
    first: models.DateField[date, date] = models.DateField(_("from"))
    last: models.DateField[date, date] = models.DateField(_("up to and including"))
    statuses: models.JSONField[list[str] | None, list[str] | None] = models.JSONField(
        _("status"), null=True, blank=True
    )
    only_account: models.CharField[str | None, str | None] = ExactCharField(
        _("account"), max_length=64, null=True, blank=True
    )
    by_line: models.BooleanField[bool, bool] = models.BooleanField(_("one row a line"), default=False)
    with_persons: models.BooleanField[bool, bool] = models.BooleanField(_("with customers"), default=False)
    language: models.CharField[str, str] = ExactCharField(_("language"), max_length=16, blank=True)
    documents: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("documents"), default=0)
    rows: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("rows"), default=0)
    reached: models.JSONField[list[Any], list[Any]] = models.JSONField(default=list, editable=False)
    is_deleted: models.BooleanField[bool, bool] = models.BooleanField(_("file deleted"), default=False)

    if TYPE_CHECKING:
        parts: RelatedManager[ExportPart]
        get_topic_display: Callable[[], str]

    objects = ExportRequestQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("large export")
        verbose_name_plural = _("large exports")


class ExportPart(RowModel):
    """A part of the file of an export, in the order of the primary keys.

    Attributes:
        data: compressed (zlib) bytes of some lines.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    request: models.ForeignKey[ExportRequest, ExportRequest] = models.ForeignKey(
        ExportRequest, models.CASCADE, related_name="parts", verbose_name=_("large export")
    )
    data: models.BinaryField[bytes | memoryview, bytes | memoryview] = models.BinaryField(_("content"))

    if TYPE_CHECKING:
        request_id: int

    class Meta:
        verbose_name = _("part of an export")
        verbose_name_plural = _("parts of an export")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.request_id}: {self.pk}"
