"""Large exports: the page with the progress, and the download of the file once it is made.

What an export has really sent is logged at its end, also if the browser or the server broke it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin, wake_on_commit
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.admin.work_request import WorkRequestAdmin
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import ExportRequest
from stockhub_webhooks.office.access import may, may_see_persons
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.operations import exports

PAGE_URL_NAME = "stockhub_webhooks_exportrequest_change"
DOWNLOAD_URL_NAME = "stockhub_webhooks_exportrequest_download"


class Sent:
    """Counts the rows of an export while they are sent, and logs them at the end."""

    def __init__(self, request: HttpRequest, export: Export) -> None:
        user: Any = request.user
        self.user_pk = user.pk
        self.export = export
        self.rows = 0

    def counted(self, rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
        """Yield the rows, the first of which are the headers, and count them."""
        self.rows = -1
        for row in rows:
            self.rows += 1
            yield row

    def logged(self, stream: Iterable[Any], rows: int | None = None) -> Iterator[Any]:
        """Yield the parts of the file; at the end write to the admin's log what was sent.

        Args:
            stream: the parts.
            rows: the number of rows, if they are not counted.
        """
        is_complete = False
        try:
            yield from stream
            is_complete = True
        finally:
            self.log(self.rows if rows is None else rows, is_complete=is_complete)

    def log(self, rows: int, *, is_complete: bool) -> None:
        """Write an entry to Django's admin log."""
        period, meta = self.export.period, self.export.table.model._meta
        text = _("exported: %(what)s from %(first)s to %(last)s") % {
            "what": meta.verbose_name_plural, "first": period.first, "last": period.last,
        }  # fmt: skip
        number = ngettext("%(count)d row", "%(count)d rows", max(rows, 0)) % {"count": max(rows, 0)}
        persons = _("with customers") if self.export.with_persons else _("without customers")
        details = [
            number,
            *filter(None, (*self.export.statuses, self.export.account)),
            persons,
            *([] if is_complete else [_("broken off, the file is not complete")]),
        ]
        LogEntry.objects.create(
            user_id=self.user_pk,
            content_type_id=ContentType.objects.get_for_model(self.export.table.model).pk,
            object_id=None,
            object_repr=str(meta.verbose_name_plural)[:200],
            action_flag=CHANGE,
            change_message=f"{text} ({', '.join(details)})",
        )


def file_name(export: Export) -> str:
    """Return the name of the file without its ending, in the active language."""
    kind = slugify(export.table.model._meta.verbose_name_plural) or export.table.topic
    return f"{kind}-{export.period.first}-{export.period.last}"


def make_in_background(page: ReadOnlyAdmin, request: HttpRequest, export: Export, total: int) -> HttpResponse:
    """Save a request for the file, and redirect to the page with its progress."""
    user: Any = request.user
    with transaction.atomic(using=database_alias()):
        row = exports.begin(export, total, who=user.get_username(), who_pk=str(user.pk))
        wake_on_commit()
    return HttpResponseRedirect(page.page_url(PAGE_URL_NAME, row.pk))


@admin.register(ExportRequest)
class ExportRequestAdmin(WorkRequestAdmin):
    """Admin of large exports. A file is given to the user who asked for it, for some days."""

    list_display = ("created_at", "what", "first", "last", "requested_by", "status", "progress")
    counted_fields = ("documents", "rows")
    search_help_text = gettext_lazy("who asked for it")
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("what", "first", "last"),
                    ("statuses_in_words", "by_line_in_words", "with_persons_in_words"),
                    ("requested_by", "created_at"),
                    ("finished_at", "stopped_by"),
                    "file",
                    "last_error_shown",
                ]
            },
        ),
    )

    # ------------------------------------------------------------ permissions

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let users who asked for a file see how far it is."""
        if super().has_view_permission(request, obj):
            return True
        return obj is not None and is_own(request, obj)

    def may_have_view_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) or may(request, "export")

    def may_stop(self, request: HttpRequest, row: Any) -> bool:
        return may(request, "export")

    def may_download(self, request: HttpRequest, row: ExportRequest) -> bool:
        """Return True if the user asked for the file, and may still see everything in it."""
        may_see = may_view(request, exports.export_of(row).table.model)
        return is_own(request, row) and may_see and (may_see_persons(request) or not row.with_persons)

    # ------------------------------------------------------------ columns and lines

    def title_of(self, row: ExportRequest) -> str:
        """Return the documents and the period."""
        return f"{capfirst(self.what(row))} {display.value(row.first)} - {display.value(row.last)}"

    @admin.display(description=gettext_lazy("what"))
    def what(self, row: ExportRequest) -> str:
        """Return the kind of the documents, and the account if one was chosen."""
        name = str(exports.export_of(row).table.model._meta.verbose_name_plural)
        return f"{name} ({labels.account(row.only_account)})" if row.only_account else name

    @admin.display(description=gettext_lazy("only with status"))
    def statuses_in_words(self, row: ExportRequest) -> str:
        """Return the statuses that the documents of the file have."""
        by_code = labels.CODES.get(f"{row.topic}.status", {})
        return ", ".join(statuses.label(by_code, str(code)) for code in row.statuses or ()) or _("all of them")

    @admin.display(description=gettext_lazy("one row a line"))
    def by_line_in_words(self, row: ExportRequest) -> str:
        """Return whether the file has a row for each line."""
        return labels.yes_or_no(row.by_line)

    @admin.display(description=gettext_lazy("with customers"))
    def with_persons_in_words(self, row: ExportRequest) -> str:
        """Return whether the file has customers."""
        return labels.yes_or_no(row.with_persons)

    @admin.display(description=gettext_lazy("file"))
    def file(self, row: ExportRequest) -> str:
        """Return whether the file can be downloaded, and for how long."""
        if row.is_deleted:
            return _("It was deleted, as each file is after %(days)d days. Export again.") % {
                "days": exports.KEPT_FOR.days
            }
        if row.status != ExportRequest.Status.DONE:
            return _("It is not ready yet.")
        return _("It can be downloaded by who asked for it, for %(days)d days.") % {"days": exports.KEPT_FOR.days}

    def change_form_object_tools(self, request: HttpRequest, row: Any) -> ObjectTools:
        """Link to the file."""
        own = super().change_form_object_tools(request, row)
        is_ready = row.status == ExportRequest.Status.DONE and not row.is_deleted
        if not (is_ready and self.may_download(request, row)):
            return own
        return [(self.page_url(DOWNLOAD_URL_NAME, row.pk), _("download the file")), *own]

    # ------------------------------------------------------------ the file

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download_view)
        return [path("<int:pk>/download/", view, name=DOWNLOAD_URL_NAME), *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Return the file."""
        if not may(request, "export"):
            raise PermissionDenied
        row = self.current(pk)
        if not self.may_download(request, row):
            raise PermissionDenied
        if row.status != ExportRequest.Status.DONE or row.is_deleted:
            raise Http404
        stream = Sent(request, exports.export_of(row)).logged(exports.content(row), row.rows)
        answer = StreamingHttpResponse(stream, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{file_name(exports.export_of(row))}.csv"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def is_own(request: HttpRequest, row: ExportRequest) -> bool:
    """Return True if the user asked for it, and may still export."""
    user: Any = request.user
    return row.requested_by_pk == str(user.pk) and may(request, "export")
