"""What the address of a list may filter and sort by; any other parameter is answered 400 before a query runs.

Django's admin lets an address filter by any column of a model. That reads the bodies and addresses letter by letter,
whatever the page shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from stockhub_webhooks.admin import causes, labels
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.models.personal import is_personal
from stockhub_webhooks.office.access import may_see_persons

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

WORDS: dict[str, Labels] = {"signal": labels.SIGNALS}
DATE_PARTS = ("year", "month", "day", "gte", "lt")


class Counted:
    """A list whose number of rows is followed by other words than the name of its model: "3 rows"."""

    def __init__(self, changelist: ChangeList, singular: Any, plural: Any) -> None:
        self.changelist = changelist
        self.opts = SimpleNamespace(verbose_name=singular, verbose_name_plural=plural)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.changelist, name)


class BoundedChangeList(ChangeList):
    """List that is sorted only by the columns whose headings offer it."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the column to sort by, None if the list may not be sorted by it."""
        is_sortable = self.sortable_by is None or field_name in self.sortable_by
        return super().get_ordering_field(field_name) if is_sortable else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Return the ordering; a chosen column is followed by the key in its direction, so that its index serves."""
        if ORDER_VAR in self.params:
            queryset = queryset.order_by()
        *columns, last = super().get_ordering(request, queryset)
        is_ascending = bool(columns) and isinstance(columns[-1], str) and not columns[-1].startswith("-")
        return [*columns, "pk" if last == "-pk" and is_ascending else last]

    @property
    def counted(self) -> Any:
        """The list for Django's pagination."""
        model_admin: Any = self.model_admin
        return Counted(self, *model_admin.counted_as) if model_admin.counted_as else self

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page, and what the columns need of other tables, for all rows at once."""
        super().get_results(request)
        model_admin: Any = self.model_admin
        model_admin.complete_rows(request, list(self.result_list))


class BoundedListAdmin(ModelAdmin):
    """Base class of admins whose lists are filtered and sorted only by what their pages offer.

    Attributes:
        linked_parameters: parameters of links to the list that no filter of the list has.
        counted_as: what a row and several rows are called, if the names of the model make no sentence with a number.
    """

    linked_parameters: ClassVar[tuple[str, ...]] = ()
    counted_as: ClassVar[tuple[Any, Any] | None] = None

    def complete_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set on the rows of a page what their columns need of other tables."""

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return BoundedChangeList

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Leave out filters on personal columns for users who may not see personal data."""
        filters = super().get_list_filter(request)
        if may_see_persons(request):
            return filters
        return [each for each in filters if not is_personal(self.model, column_of(each))]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Leave out personal columns for users who may not see personal data."""
        names = super().get_sortable_by(request)
        if may_see_persons(request):
            return names
        return [name for name in names if not is_personal(self.model, self._sorting_column(name))]

    def _sorting_column(self, name: Any) -> str:
        method = getattr(self, str(name), None)
        return str(getattr(method, "admin_order_field", None) or name)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Return True for the parameters of the list's filters, of links to it, and of a host's `limit_choices_to`."""
        if request is None:
            return False
        if lookup in (*self.linked_parameters, *self._parameters_of_filters(request)):
            return True
        return self._limits_a_choice(lookup, value) and (
            may_see_persons(request) or not is_personal(self.model, lookup)
        )

    def linked_filters(self, request: HttpRequest, changelist: ChangeList) -> list[tuple[str, str, str]]:
        """Return the parameters of a link that no filter beside the list shows: label, value, URL without it."""
        return [
            (*in_words(self.model, name, str(request.GET[name])), changelist.get_query_string(remove=[name]))
            for name in self.linked_parameters
            if name in request.GET
        ]

    def _parameters_of_filters(self, request: HttpRequest) -> Iterator[str | None]:
        for each in self.get_list_filter(request):
            if isinstance(each, type):
                yield str(getattr(each, "parameter_name", ""))
                continue
            path, create = each if isinstance(each, (tuple, list)) else (each, admin.FieldListFilter.create)
            column = get_fields_from_path(self.model, str(path))[-1]
            yield from create(column, request, {}, self.model, self, field_path=path).expected_parameters()
        if self.date_hierarchy and (may_see_persons(request) or not is_personal(self.model, self.date_hierarchy)):
            yield from (f"{self.date_hierarchy}__{part}" for part in DATE_PARTS)

    def _limits_a_choice(self, lookup: str, value: Any) -> bool:
        """Return True for the parameters of the popup of a raw id field, as `ModelAdmin.lookup_allowed` does."""
        choices = (limit() if callable(limit) else limit for limit in self.model._meta.related_fkey_lookups)
        return any((lookup, value) in url_params_from_lookup_dict(limit).items() for limit in choices)


def column_of(list_filter: Any) -> str:
    """Return the path of the column that a filter reads."""
    if isinstance(list_filter, type):
        return str(getattr(list_filter, "parameter_name", ""))
    return str(list_filter[0] if isinstance(list_filter, (tuple, list)) else list_filter)


def in_words(model: type[Model], parameter: str, value: str) -> tuple[str, str]:
    """Return the label of the column that a parameter of a list reads, and its value in words."""
    path, _separator, lookup = parameter.rpartition("__")
    column: Any = get_fields_from_path(model, path)[-1]
    label = capfirst(str(column.verbose_name))
    if lookup == "isnull":
        return label, _("no") if value.lower() in ("1", "true") else _("yes")
    if column.name == "cause":
        return label, causes.label(value)
    choices = dict(getattr(column, "flatchoices", ()))
    words = ", ".join(str(choices.get(each, each)) for each in value.split(",")) if choices else value
    return label, statuses.label(WORDS.get(column.name, {}), words) or words
