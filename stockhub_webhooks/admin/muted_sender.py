"""Muted senders: whose refused messages are counted only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.models import MutedSender
from stockhub_webhooks.office.access import may
from stockhub_webhooks.receiving import refused_bodies

UNMUTED = ngettext_lazy("%(count)d sender is not muted any more.", "%(count)d senders are not muted any more.", "count")


@admin.register(MutedSender)
class MutedSenderAdmin(ReadOnlyAdmin):
    """Admin of muted keys and networks."""

    has_account = False
    list_display = ("name", "muted_at", "muted_by", "reason", "count", "last_at")
    list_filter = (("muted_at", DateRangeFilter),)
    sortable_by = None
    search_help_text = _("network or key used")
    actions = ("unmute",)
    fieldsets = (
        (None, {"fields": [("key_fingerprint", "network")]}),
        (None, {"fields": [("muted_at", "muted_by"), "reason", ("count", "last_at")]}),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "network", "key_fingerprint")

    @admin.display(description=_("key or network"))
    def name(self, row: MutedSender) -> str:
        """Return the key or the network."""
        return str(row)

    def has_unmute_permission(self, request: HttpRequest) -> bool:
        """Check the permission that muting needs."""
        return may(request, "dismiss_refused")

    @admin.action(description=_("unmute"), permissions=["unmute"])
    def unmute(self, request: HttpRequest, queryset: QuerySet[MutedSender]) -> Any:
        """Keep and report again what these senders send."""
        count = self.apply_and_log(request, queryset, str(_("unmuted")), refused_bodies.unmute)
        self.report_counts(request, count, UNMUTED)
