"""Admin of alarms and of the heartbeats of workers."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import causes, labels, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Alarm, Heartbeat, Topic


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """Admin of alarms: one row per type of problem."""

    has_account = False
    list_display = ("name_in_words", "since", "told_at")
    list_filter = (("since", DateRangeFilter), ("told_at", DateRangeFilter))
    sortable_by = None
    search_help_text = _("name")
    fieldsets = ((None, {"fields": ["name_in_words", ("since", "told_at")]}),)

    def title_of(self, row: Alarm) -> str:
        """Return the problem in words, with its subject if it has several."""
        code, _colon, subject = row.name.partition(":")
        words = dict(Topic.choices).get(subject) or causes.place(subject) or subject
        return ": ".join(str(each) for each in (statuses.label(labels.ALARMS, code), words) if each)

    @admin.display(description=_("name"), ordering="name")
    def name_in_words(self, row: Alarm) -> str:
        """Return the problem in words."""
        return self.title_of(row)

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "name")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Admin of heartbeats: the last run of each worker."""

    has_account = False
    list_display = ("name_in_words", "beat_at")
    list_filter = (("beat_at", DateRangeFilter),)
    sortable_by = None
    search_help_text = _("name")
    fieldsets = ((None, {"fields": ["name_in_words", "beat_at"]}),)

    def title_of(self, row: Heartbeat) -> str:
        """Return the kind of process in words."""
        return statuses.label(labels.HEARTBEATS, row.name)

    @admin.display(description=_("name"), ordering="name")
    def name_in_words(self, row: Heartbeat) -> str:
        """Return the kind of process in words."""
        return self.title_of(row)

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "name")
