"""Changelist filter by a range of days in the active time zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# By the label of the column, a head without "at": "received", not "received at".
TITLES = (
    (_("created at"), pgettext_lazy("filter", "created")),
    (_("requested at"), pgettext_lazy("filter", "requested")),
    (_("happened at"), pgettext_lazy("filter", "happened")),
    (_("received at"), pgettext_lazy("filter", "received")),
    (_("refused at"), pgettext_lazy("filter", "refused")),
    (_("told at"), pgettext_lazy("filter", "told")),
    (_("last seen at"), pgettext_lazy("filter", "last seen")),
)


class DateRangeFilter(admin.FieldListFilter):
    """Filter with a form for the first and the last day, both optional and inclusive, and links for usual periods."""

    template = "admin/stockhub_webhooks/date_range_filter.html"

    def __init__(self, field: Any, request: HttpRequest, params: Any, *args: Any, **options: Any) -> None:
        field_path = str(options.get("field_path") or args[-1])
        self.from_name, self.to_name = names(field_path)
        super().__init__(field, request, params, *args, **options)
        self.title = next((title for label, title in TITLES if label == field.verbose_name), self.title)
        self.first, self.last = (self._day(name) for name in (self.from_name, self.to_name))

    def expected_parameters(self) -> list[str | None]:
        """Return the names of the two parameters."""
        return [self.from_name, self.to_name]

    def _day(self, name: str) -> date | None:
        values: Any = self.used_parameters.get(name) or [""]
        return day(values[-1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter from midnight of the first day to midnight after the last one, in local time."""
        bounds = {}
        if self.first:
            bounds[f"{self.field_path}__gte"] = midnight(self.first)
        if self.last:
            bounds[f"{self.field_path}__lt"] = midnight(self.last + timedelta(days=1))
        return queryset.filter(**bounds)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the links for usual periods, then the values of the form."""
        chosen = (self.first, self.last)
        for name, first, last in usual_periods(timezone.localdate()):
            values = {self.from_name: first, self.to_name: last} if first else {}
            link = changelist.get_query_string(values, [*self.expected_parameters(), "p"])
            yield {"selected": chosen == (first, last), "query_string": link, "display": name}
        others = changelist.get_query_string(remove=[*self.expected_parameters(), "p"])
        yield {
            "form": True,
            "others": parse_qsl(others.removeprefix("?")),
            "from": (self.from_name, self.first.isoformat() if self.first else ""),
            "to": (self.to_name, self.last.isoformat() if self.last else ""),
        }


def names(field_path: str) -> list[str]:
    """Return the names of the two parameters for a column."""
    return [f"{field_path.replace('__', '_')}_{end}" for end in ("from", "to")]


def is_used(field_path: str, parameters: Mapping[str, Any]) -> bool:
    """Return True if the parameters filter the column by day."""
    return any(day(parameters.get(name, "")) for name in names(field_path))


def day(text: object) -> date | None:
    """Return the day of a parameter; None if it is no date, or so far away that its midnight is no time in UTC."""
    try:
        found = parse_date(str(text))
    except ValueError:
        return None
    return found if found and date.min.year < found.year < date.max.year else None


def midnight(day: date) -> datetime:
    """Return the start of a day in the active time zone."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def usual_periods(today: date) -> Iterator[tuple[Any, date | None, date | None]]:
    """Yield the usual periods: label, first and last day."""
    this_month = today.replace(day=1)
    before = this_month - timedelta(days=1)
    yield _("Any date"), None, None
    yield _("Today"), today, today
    yield _("Past 7 days"), today - timedelta(days=6), today
    yield _("This month"), this_month, today
    yield _("Last month"), before.replace(day=1), before
