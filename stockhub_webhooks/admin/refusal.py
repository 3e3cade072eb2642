"""Refused requests, and refused messages that may have been Stock Hub's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.body_text import pretty, read_text
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Refusal, RefusedBody
from stockhub_webhooks.office.access import may
from stockhub_webhooks.receiving import refusals

LET_IN = ngettext_lazy("%(count)d message was let in.", "%(count)d messages were let in.", "count")


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
class RefusedBodyAdmin(ReadOnlyAdmin):
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

    # ------------------------------------------------------------ let in

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because nothing proves that these messages are from Stock Hub."""
        return may(request, "release")

    @admin.action(description=_("let in after all"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[RefusedBody]) -> None:
        """Store the chosen bodies as messages, as if they had come with a valid key."""
        if len(conf.real_accounts()) > 1:
            self.message_user(
                request,
                _("There are several accounts: use the command stockhub_release, and name whose messages these are."),
                messages.ERROR,
            )
            return
        count = self.apply_and_log(request, queryset, str(_("let in after all")), refusals.release)
        self.report_counts(request, count, LET_IN)
