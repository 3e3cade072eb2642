"""Badge for rows of the test account, in lists and on pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.changelist import BoundedListAdmin


class BadgedAdmin(BoundedListAdmin):
    """Base class of admins that mark the rows of the test account."""

    has_account = True

    class Media:
        css = {"all": ["stockhub_webhooks/badge.css"]}

    def is_test(self, row: Any) -> bool:
        """Return True if the row belongs to the test account."""
        return self.has_account and bool(getattr(row, "is_test", False))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the badge to the column that links to the page of a row, since small screens show that column, too."""
        changelist = super().get_changelist_instance(request)
        if any(map(self.is_test, changelist.result_list)):
            name: Any = next(iter(changelist.list_display_links or ()))
            column = self._with_badge(name)
            for columns in ("list_display", "list_display_links", "sortable_by"):
                former = getattr(changelist, columns)
                setattr(changelist, columns, [column if each == name else each for each in former])
        return changelist

    def _with_badge(self, name: str) -> Callable[[Any], Any]:
        """Return a column that shows the same value, followed by the badge if the row is a test."""
        label, original = label_for_field(name, self.model, self, return_attr=True)
        ordering = name if original is None else getattr(original, "admin_order_field", None)

        def column(row: Any) -> Any:
            field, _attribute, value = lookup_field(name, row, self)
            shown = display_for_field(value, field, display.EMPTY) if field else display.value(value)
            return format_html("{} {}", shown, display.badge(_("test"))) if self.is_test(row) else shown

        column.__name__ = name  # Django makes the CSS class of the column from it
        return admin.display(column, description=label, ordering=ordering)

    @admin.display(description=_("account"))
    def about_test(self, row: Any) -> Any:
        """Return the badge with its explanation."""
        return about_test()


def about_test() -> Any:
    """Return the badge with its explanation."""
    return format_html("{} {}", display.badge(_("test")), _("Not real: left out of exports, charts and alarms."))
