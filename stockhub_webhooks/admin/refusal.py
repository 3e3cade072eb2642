"""Refused requests, and refused messages that may have been Stock Hub's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.body_text import pretty, read_text
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.release_page import ReleasePage
from stockhub_webhooks.models import Refusal, RefusedBody


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    """Admin of the hourly counts of refusals."""

    has_account = False
    list_display = ("hour", "reason", "remote_address", "key_fingerprint", "count", "last_at")
    list_filter = ("reason", ("hour", DateRangeFilter))
    linked_parameters = ("hour__gt",)
    sortable_by = None
    search_help_text = _("remote address or key used")
    fieldsets = (
        (None, {"fields": [("hour", "reason", "count", "last_at")]}),
        (None, {"fields": [("remote_address", "key_fingerprint", "largest_body")]}),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "remote_address", "key_fingerprint")


@admin.register(RefusedBody)
class RefusedBodyAdmin(ReleasePage):
    """Admin of refused messages that look like Stock Hub's; they are kept for a limited time."""

    has_account = False
    list_display = ("refused_at", "topic", "increment_id", "reason", "remote_address", "released")
    list_filter = ("topic", "reason", ("refused_at", DateRangeFilter))
    linked_parameters = ("message__isnull",)
    sortable_by = None
    search_help_text = _("Stock Hub number, remote address or key used")
    deferred_fields = ("body", "headers")
    actions = ("release",)
    personal_fields = {"content": ""}
    fieldsets = (
        (None, {"fields": [("refused_at", "topic", "increment_id"), ("reason", "remote_address", "key_fingerprint")]}),
        (None, {"fields": ["released"]}),
        (_("The message itself"), {"fields": ["content"]}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("message").defer("message__body")

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "increment_id", "remote_address", "key_fingerprint")

    @admin.display(description=_("released as"))
    def released(self, row: RefusedBody) -> Any:
        """Return a link to the message that was made of the refused body."""
        return display.page(row.message) if row.message else display.EMPTY

    @admin.display(description=_("body"))
    def content(self, row: RefusedBody) -> Any:
        """Return the body, indented if it is JSON."""
        if read_text(bytes(row.body), row.headers).is_text:
            return display.preformatted(pretty(bytes(row.body), row.headers))
        return _("This is no text that can be shown (%(size)s).") % {"size": filesizeformat(len(row.body))}
