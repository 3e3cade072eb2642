"""Base class of the admins of requests: a page with the progress of each, and a button that stops it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.admin import display, labels, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models.work_request import WorkRequest
from stockhub_webhooks.operations import work_requests

STALLED_AFTER = timedelta(minutes=15)
LOOK_SECONDS = 2


class WorkRequestAdmin(ReadOnlyAdmin):
    """Base class of admins of requests.

    Attributes:
        counted_fields: the counters that the page shows.
    """

    has_account = False
    personal_fields: ClassVar[dict[str, str]] = {"last_error_shown": "error_without_text"}
    list_filter: ClassVar[Any] = ("status", ("created_at", DateRangeFilter))
    search_help_text = gettext_lazy("reason or who asked for it")
    change_form_template = "admin/stockhub_webhooks/replay/progress.html"
    counted_fields: ClassVar[tuple[str, ...]] = ()

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "reason", "requested_by")

    def get_urls(self) -> list[Any]:
        """Add the progress as JSON, and the button that stops a request."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/progress/", view(self.progress_view), name=f"{self.url_name}_progress"),
            path("<int:pk>/stop/", view(self.stop_view), name=f"{self.url_name}_stop"),
            *super().get_urls(),
        ]

    @property
    def url_name(self) -> str:
        """The beginning of the URL names of this admin."""
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def may_stop(self, request: HttpRequest, row: Any) -> bool:
        """Return True if the user may stop this request."""
        raise NotImplementedError

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, row: WorkRequest) -> str:
        """Return how many rows of the total are done."""
        return how_far(row)

    @admin.display(description=gettext_lazy("last error"))
    def last_error_shown(self, row: WorkRequest) -> Any:
        """Return the last error in words, if it is a known one."""
        return display.preformatted(labels.reason(row.last_error))

    @admin.display(description=gettext_lazy("last error"))
    def error_without_text(self, row: WorkRequest) -> str:
        """Return only the type of the error; its text may have personal data."""
        reason = labels.reason(row.last_error)
        return reason if reason != row.last_error else labels.error_type(row.last_error) or display.EMPTY

    # ------------------------------------------------------------ the page of a request

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        row: WorkRequest = options["obj"]
        context |= {
            "progress": self.progress_of(row),
            "progress_url": self.page_url(f"{self.url_name}_progress", row.pk),
            "stop_url": self.page_url(f"{self.url_name}_stop", row.pk)
            if row.due_at and self.may_stop(request, row)
            else "",
            "is_stalled": bool(row.due_at and row.due_at < timezone.now() - STALLED_AFTER),
        }
        return super().render_change_form(request, context, *args, **options)

    def progress_of(self, row: Any) -> dict[str, Any]:
        """Return the progress of a request, for the page and its script."""
        return {
            "open": row.due_at is not None,
            "waits": row.due_at is not None,
            "seconds": LOOK_SECONDS,
            "status": row.get_status_display(),
            "percent": row.percent,
            "text": how_far(row),
            "counts": list(self.counts(row)),
        }

    def counts(self, row: Any) -> Iterator[dict[str, Any]]:
        """Yield name, label and number of each counter."""
        for name in self.counted_fields:
            label = str(self.model._meta.get_field(name).verbose_name)
            yield {"name": name, "label": label, "count": getattr(row, name)}

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Return the progress as JSON."""
        if not self.may_have_view_permission(request):
            raise PermissionDenied
        row = self.current(pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return JsonResponse(self.progress_of(row), headers={"Cache-Control": "no-store"})

    def may_have_view_permission(self, request: HttpRequest) -> bool:
        """Return True if there may be a request that the user may view."""
        return self.has_view_permission(request)

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop the request after its current step."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.current(pk) if self.may_have_view_permission(request) else None
        if row is None or not (self.has_view_permission(request, row) and self.may_stop(request, row)):
            raise PermissionDenied
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            stopped = work_requests.halt(self.model, row.pk, user.get_username())
            if stopped:
                LogEntry.objects.log_actions(user.pk, [row], CHANGE, str(_("stopped")))
        if stopped:
            self.message_user(request, _("It is stopped. What was done stays done."), messages.SUCCESS)
        else:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return HttpResponseRedirect(self.page_url(f"{self.url_name}_change", pk))

    def current(self, pk: int) -> Any:
        """Return the request as the database has it now, or answer 404."""
        return get_object_or_404(self.model._default_manager.using(database_alias()), pk=pk)


def how_far(row: WorkRequest) -> str:
    """Return how many rows of the total are done."""
    return _("%(done)s of %(total)s") % {"done": row.done, "total": row.total}
