"""Filters beside the lists for what the overview counts: they show the very rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.operations.health import work


class NeedsFilter(admin.SimpleListFilter):
    """Rows that somebody must look after."""

    title = _("needs attention")
    parameter_name = "needs"
    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Why."""
        return [(name, label) for name, (label, _rows) in self.choices_of.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the overview counts."""
        chosen = self.choices_of.get(self.value() or "")
        return queryset.filter(pk__in=chosen[1]().order_by().values("pk")) if chosen else queryset


class MessageNeedsFilter(NeedsFilter):
    """Messages."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "late": (_("late"), work.late_messages),
        "failing": (_("failed, waits for its next turn"), work.failing_messages),
    }


class TaskNeedsFilter(NeedsFilter):
    """Tasks for our shop."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "given_up": (_("given up"), work.given_up_calls),
        "failing": (_("failed, waits for its next turn"), work.failing_calls),
        "late": (_("late"), work.late_calls),
        "gone": (_("its receiver is not there"), work.gone_calls),
    }
