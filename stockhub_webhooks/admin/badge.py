"""Badge for rows of the test account, in lists and on pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateTimeField
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
        """Shorten times; add the badge to the column that links to the page of a row: small screens show it, too."""
        changelist: Any = super().get_changelist_instance(request)
        first: Any = next(iter(changelist.list_display_links or ()), None)
        badged = first if any(map(self.is_test, changelist.result_list)) else None
        replaced = {
            name: self._column(name, has_badge=name == badged)
            for name in changelist.list_display
            if isinstance(name, str) and (name == badged or self._is_time(name))
        }
        for columns in ("list_display", "list_display_links", "sortable_by"):
            setattr(changelist, columns, [replaced.get(each, each) for each in getattr(changelist, columns) or ()])
        return cast(ChangeList, changelist)

    def _is_time(self, name: str) -> bool:
        return any(field.name == name and isinstance(field, DateTimeField) for field in self.opts.fields)

    def _column(self, name: str, *, has_badge: bool) -> Callable[[Any], Any]:
        """Return a column that shows the same value, a time in short, followed by the badge if the row is a test."""
        label, original = label_for_field(name, self.model, self, return_attr=True)
        ordering = name if original is None else getattr(original, "admin_order_field", None)

        def column(row: Any) -> Any:
            field, _attribute, value = lookup_field(name, row, self)
            shown = display.column_value(value, field)
            return format_html("{} {}", shown, display.badge(_("test"))) if has_badge and self.is_test(row) else shown

        column.__name__ = name  # Django makes the CSS class of the column from it
        return admin.display(column, description=label, ordering=ordering)

    @admin.display(description=_("account"))
    def about_test(self, row: Any) -> Any:
        """Return the badge with its explanation."""
        return about_test()


def about_test() -> Any:
    """Return the badge with its explanation."""
    return format_html("{} {}", display.badge(_("test")), _("Not real: left out of exports, charts and alarms."))
