"""Admin of erasures: which orders were erased, when and by whom."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """List of erasures and the page of each."""

    list_display = ("erased_at", "orders", "erased_by")
    list_filter = (("erased_at", DateRangeFilter),)
    sortable_by = None
    search_help_text = _("erased by")
    fieldsets = ((None, {"fields": ["erased_at", "erased_by", "account", "orders"]}),)

    def title_of(self, row: Erasure) -> str:
        """Return when it was done."""
        return display.value(row.erased_at)

    @admin.display(description=_("Stock Hub numbers"))
    def orders(self, row: Erasure) -> Any:
        """Return the numbers of the orders."""
        return display.multiline(row.order_numbers)

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return search_box.holds(request, self.model, text, "erased_by")
