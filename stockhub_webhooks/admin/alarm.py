"""What was or is wrong, and when somebody was told."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import search
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.models import Alarm


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """One row for each thing that was wrong once."""

    has_account = False
    list_display = ("name", "since", "told_at")
    list_filter = (("since", DateRangeFilter), ("told_at", DateRangeFilter))
    sortable_by = None
    search_help_text = _("name")
    fieldsets = ((None, {"fields": ["name", ("since", "told_at")]}),)

    def matching(self, request: HttpRequest, text: str) -> Q:
        """Its name."""
        return search.holds(text, "name")
