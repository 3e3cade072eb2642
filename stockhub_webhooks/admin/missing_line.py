"""Admin of order lines that our shop does not have, with an action to look for them again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.admin import causes, display, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import host_lines
from stockhub_webhooks.models import MissingLine
from stockhub_webhooks.office.access import may

LOOKED_FOR_AGAIN = ngettext_lazy(
    "%(count)d line is looked for again.", "%(count)d lines are looked for again.", "count"
)


@admin.register(MissingLine)
class MissingLineAdmin(ReadOnlyAdmin):
    """Admin of lines that `HOST_LINE_RESOLVER` did not find; hidden if that setting is empty."""

    list_display = ("sku", "size", "both_numbers", "status", "since", "looked_at", "story")
    list_filter = ("status", ("since", DateRangeFilter))
    sortable_by: ClassVar[Any] = None
    actions = ("look_again",)
    fieldsets = (
        (
            None,
            {"fields": [("sku", "size"), ("number", "po_number"), "account", ("status", "cause_in_words"),
                        ("since", "looked_at"), "story"]},
        ),
    )  # fmt: skip

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return super().get_model_perms(request) if conf.HOST_LINE_RESOLVER else {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("item__order").defer("item__order__extra")

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        result = search_box.find_with_tests(request, text, (topics.ORDER,))
        return Q(item__order__in=result.pks(topics.ORDER))

    @admin.display(description=_("SKU"))
    def sku(self, row: MissingLine) -> str:
        return row.item.sku or display.EMPTY

    @admin.display(description=_("size"))
    def size(self, row: MissingLine) -> str:
        return row.item.size or display.EMPTY

    @admin.display(description=_("Stock Hub number"))
    def number(self, row: MissingLine) -> str:
        return str(row.item.order)

    @admin.display(description=_("Stock Hub number"))
    def both_numbers(self, row: MissingLine) -> Any:
        """Return the number of the order, and our order number below it."""
        return display.multiline(filter(None, (row.item.order.increment_id, row.item.order.po_number)))

    @admin.display(description=_("our order number"))
    def po_number(self, row: MissingLine) -> str:
        return row.item.order.po_number or display.EMPTY

    @admin.display(description=_("cause"))
    def cause_in_words(self, row: MissingLine) -> str:
        """Return the type and place of the error that made the look-up fail."""
        return causes.label(row.cause) if row.cause else display.EMPTY

    @admin.display(description=_("story"))
    def story(self, row: MissingLine) -> Any:
        url = story_url(self.admin_site, row.item.order)
        return link(url, capfirst(str(_("story")))) if url else display.EMPTY

    def has_look_again_permission(self, request: HttpRequest) -> bool:
        return may(request, "look_again")

    @admin.action(description=_("look again"), permissions=["look_again"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[MissingLine]) -> None:
        """Look the chosen lines up again."""
        count = self.apply_and_log(request, queryset, str(_("look again")), host_lines.requeue)
        self.report_counts(request, count, LOOKED_FOR_AGAIN, 0, LOOKED_FOR_AGAIN)
