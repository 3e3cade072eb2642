"""Replays: the list with users and reasons, and a page with the progress of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.replay_request import RequestPage, in_words
from stockhub_webhooks.admin.work_request import WorkRequestAdmin
from stockhub_webhooks.models import Replay
from stockhub_webhooks.models.replay import COUNTED
from stockhub_webhooks.office.access import may


@admin.register(Replay)
class ReplayAdmin(WorkRequestAdmin, RequestPage):
    """Admin of replays: user, choice, reason and result."""

    list_display = ("created_at", "which", "reason", "requested_by", "status", "progress")
    counted_fields = (*COUNTED, "owed")
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

    def title_of(self, row: Replay) -> str:
        """Return the choice of messages in words."""
        return in_words(row.choice)

    def may_stop(self, request: HttpRequest, row: Any) -> bool:
        return may(request, "process_again")

    @admin.display(description=gettext_lazy("which messages"))
    def which(self, row: Replay) -> str:
        """Return the choice in words."""
        return in_words(row.choice)

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
