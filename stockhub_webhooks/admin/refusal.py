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
from stockhub_webhooks.admin.list_filters import RefusedBodyFilter
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

    def title_of(self, row: Refusal) -> str:
        """Return the reason and the hour."""
        return f"{row.get_reason_display()}, {display.value(row.hour)}"

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "remote_address", "key_fingerprint")


@admin.register(RefusedBody)
class RefusedBodyAdmin(ReleasePage):
    """Admin of refused messages that look like Stock Hub's; they are kept for a limited time."""

    has_account = False
    list_display = ("refused_at", "topic", "increment_id", "reason", "remote_address", "decision")
    list_filter = (RefusedBodyFilter, "topic", "reason", ("refused_at", DateRangeFilter))
    linked_parameters = ("message__isnull", "key_fingerprint__exact")
    sortable_by = None
    search_help_text = _("Stock Hub number, our order number, remote address or key used")
    deferred_fields = ("body", "headers")
    actions = ("release", "dismiss_refused")
    personal_fields = {"content": ""}
    optional_fields = ("dismissed_at", "dismissed_by", "dismissed_reason", "announced_at")
    fieldsets = (
        (None, {"fields": [("refused_at", "topic", "increment_id"), ("reason", "remote_address", "key_fingerprint")]}),
        (None, {"fields": ["released", ("dismissed_at", "dismissed_by", "dismissed_reason"), "announced_at"]}),
        (_("The message itself"), {"fields": ["content"]}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("message").defer("message__body")

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        own = search_box.holds(request, self.model, text, "increment_id", "remote_address", "key_fingerprint")
        return own | search_box.without_document(request, text, RefusedBody)

    @admin.display(description=_("decision"))
    def decision(self, row: RefusedBody) -> Any:
        """Return the message that it was let in as, or whether it was dismissed."""
        if row.message:
            return display.page(row.message)
        return _("dismissed") if row.dismissed_at else display.EMPTY

    def get_page_actions(self, request: HttpRequest, row: RefusedBody) -> list[tuple[str, str]]:
        """Offer nothing for a message that was let in or dismissed."""
        return [] if row.message_id or row.dismissed_at else super().get_page_actions(request, row)

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
