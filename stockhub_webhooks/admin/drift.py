"""Admin of what Stock Hub sends differently from its documentation."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.models import Drift, Topic


@admin.register(Drift)
class DriftAdmin(ReadOnlyAdmin):
    """Admin of the counters of differences, by topic."""

    has_account = False
    list_display = ("topic", "kind", "name_in_words", "count", "first_seen_at", "last_message")
    list_display_links = ("kind",)
    list_filter = ("topic", "kind", ("last_seen_at", DateRangeFilter))
    ordering: ClassVar[Any] = ("topic", "kind", "-count", "pk")
    sortable_by = None
    search_help_text = _("field or code")
    fieldsets = (
        (None, {"fields": [("kind", "topic", "name_in_words")]}),
        (None, {"fields": [("count", "first_seen_at", "last_message")]}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("sample").defer("sample__body", "sample__headers")

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "name")

    @admin.display(description=_("field or code"))
    def name_in_words(self, row: Drift) -> Any:
        """Return the name; the reason that a value could not be read, and a topic, in words."""
        if row.name == Drift.OTHERS:
            return _("all others")
        if row.kind == Drift.Kind.TOPIC:
            return dict(Topic.choices).get(row.name, row.name)
        path, _colon, code = row.name.rpartition(": ")
        if row.kind == Drift.Kind.LEFT_OUT and code in labels.NOTES:
            return format_html("<code>{}</code>: {}", path, labels.note({"code": code}))
        return format_html("<code>{}</code>", row.name) if row.name else display.EMPTY

    @admin.display(description=_("last seen"))
    def last_message(self, row: Drift) -> Any:
        """Return when the latest message was received, with a link to it."""
        seen = display.short_time(row.last_seen_at)
        return display.page(row.sample, seen) if row.sample else seen
