"""Giving up tasks of our shop for good; the page that asks wants a reason."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.models import BulkRequest, ReceiverCall
from stockhub_webhooks.office.access import may


class GiveUpPage(ReadOnlyAdmin):
    """Adds the action "give up" to the admin of tasks."""

    def has_give_up_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because tasks that a person gave up raise no alarm."""
        return may(request, "give_up")

    @admin.action(description=_("give up …"), permissions=["give_up"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[ReceiverCall]) -> HttpResponse | None:
        """Ask for a reason, and give up the chosen tasks that are not done."""
        return propose(self, request, BulkRequest.Action.GIVE_UP, queryset)
