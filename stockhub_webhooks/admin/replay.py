"""Replays: the list with users and reasons, and a page with the progress of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.replay_request import RequestPage, in_words
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Replay
from stockhub_webhooks.models.replay import COUNTED
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations import replay

STALLED_AFTER = timedelta(minutes=15)


@admin.register(Replay)
class ReplayAdmin(RequestPage):
    """Admin of replays: user, choice, reason and result."""

    has_account = False
    personal_fields = {"last_error_shown": "error_without_text"}
    list_display = ("created_at", "which", "reason", "requested_by", "status", "progress")
    list_filter = ("status", ("created_at", DateRangeFilter))
    search_help_text = gettext_lazy("reason or who asked for it")
    change_form_template = "admin/stockhub_webhooks/replay/progress.html"
    fieldsets = (
        (
            None,
            {
                "fields": [
                    "which",
                    ("applies_in_words", "tries_in_words", "receivers_in_words"),
                    "reason",
                    ("requested_by", "created_at"),
                    ("finished_at", "stopped_by"),
                    "last_error_shown",
                ]
            },
        ),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "reason", "requested_by")

    def title_of(self, row: Replay) -> str:
        """Return the choice of messages in words."""
        return in_words(row.choice)

    def get_urls(self) -> list[Any]:
        name = "stockhub_webhooks_replay"
        return [
            path("<int:pk>/progress/", self.admin_site.admin_view(self.progress_view), name=f"{name}_progress"),
            path("<int:pk>/stop/", self.admin_site.admin_view(self.stop_view), name=f"{name}_stop"),
            *super().get_urls(),
        ]

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=gettext_lazy("which messages"))
    def which(self, row: Replay) -> str:
        """Return the choice in words."""
        return in_words(row.choice)

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, row: Replay) -> str:
        """Return how many messages of the total are done."""
        return _("%(done)s of %(total)s") % {"done": row.done, "total": row.total}

    @admin.display(description=gettext_lazy("process again"))
    def applies_in_words(self, row: Replay) -> str:
        """Return whether messages are processed, or past events only offered."""
        return labels.yes_or_no(row.applies)

    @admin.display(description=gettext_lazy("try again what was given up"))
    def tries_in_words(self, row: Replay) -> str:
        """Return whether tasks that were given up are tried again."""
        return labels.yes_or_no(row.tries_again)

    @admin.display(description=gettext_lazy("also told to"))
    def receivers_in_words(self, row: Replay) -> Any:
        """Return the receivers that past changes are offered to."""
        return display.multiline(row.receivers)

    @admin.display(description=gettext_lazy("last error"))
    def last_error_shown(self, row: Replay) -> Any:
        """Return the last error in words, if it is a known one."""
        return display.preformatted(labels.reason(row.last_error))

    @admin.display(description=gettext_lazy("last error"))
    def error_without_text(self, row: Replay) -> str:
        """Return only the type of the error; its text may have personal data."""
        reason = labels.reason(row.last_error)
        return reason if reason != row.last_error else labels.error_type(row.last_error) or display.EMPTY

    # ------------------------------------------------------------ the page of a replay

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        row: Replay = options["obj"]
        context |= {
            "replay": row,
            "progress": progress_of(row),
            "progress_url": self.page_url("stockhub_webhooks_replay_progress", row.pk),
            "stop_url": self.page_url("stockhub_webhooks_replay_stop", row.pk)
            if row.due_at and may(request, "process_again")
            else "",
            "is_stalled": bool(row.due_at and row.due_at < timezone.now() - STALLED_AFTER),
        }
        return super().render_change_form(request, context, *args, **options)

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Return the progress as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(progress_of(self.current(pk)), headers={"Cache-Control": "no-store"})

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop the replay after the message that is being processed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request, "process_again"):
            raise PermissionDenied
        row = self.current(pk)
        user: Any = request.user
        with transaction.atomic(using=database_alias()):
            stopped = replay.halt(row.pk, user.get_username())
            if stopped:
                LogEntry.objects.log_actions(user.pk, [row], CHANGE, str(_("stopped")))
        if stopped:
            self.message_user(request, _("It is stopped. What was done stays done."), messages.SUCCESS)
        else:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return HttpResponseRedirect(self.page_url("stockhub_webhooks_replay_change", pk))

    def current(self, pk: int) -> Replay:
        """Return the replay as the database has it now, or answer 404."""
        row: Replay = get_object_or_404(Replay.objects.using(database_alias()), pk=pk)
        return row


def progress_of(row: Replay) -> dict[str, Any]:
    """Return the progress of a replay, for the page and its script."""
    names = (*COUNTED, "owed")
    return {
        "open": row.due_at is not None,
        "status": row.get_status_display(),
        "percent": row.percent,
        "text": _("%(done)s of %(total)s") % {"done": row.done, "total": row.total},
        "counts": [
            {"name": name, "label": str(Replay._meta.get_field(name).verbose_name), "count": getattr(row, name)}  # type: ignore[union-attr]
            for name in names
        ],
    }
