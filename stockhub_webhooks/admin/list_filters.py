"""Filters beside the lists. Their choices are tables of ours, so no filter reads a whole column to offer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import labels
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.models.accounts import AccountQuerySet
from stockhub_webhooks.operations.health import work
from stockhub_webhooks.operations.health.rules import REAL

OTHER = "~other"


class CodeFilter(admin.SimpleListFilter):
    """A column that holds codes, by their words. The sets are open, so one choice is all the others."""

    title = ""
    parameter_name = ""
    labels: ClassVar[Mapping[str, Any]] = {}
    is_open = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Each known code, and "another" where the set is open."""
        return [*self.labels.items(), *([(OTHER, _("another"))] if self.is_open else [])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with the chosen code."""
        chosen = self.value()
        column = str(self.parameter_name)
        if chosen == OTHER:
            blank = Q(**{f"{column}__isnull": True}) | Q(**{column: ""})
            return queryset.exclude(Q(**{f"{column}__in": list(self.labels)}) | blank)
        return queryset.filter(**{column: chosen}) if chosen else queryset


def by_code(column: str, name: Any, labels: Labels, *, is_open: bool = True) -> type[CodeFilter]:
    """Return a filter on a column whose codes have these labels."""
    return type(
        "CodeFilter",
        (CodeFilter,),
        {"title": name, "parameter_name": column, "labels": labels, "is_open": is_open},
    )


class AccountFilter(admin.SimpleListFilter):
    """Filter by account, shown if several accounts are configured or one is chosen."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the configured accounts, and all but the tests'."""
        return [*((account, account) for account in sorted(conf.accounts())), (REAL["account"], _("without tests"))]

    def has_output(self) -> bool:
        """Return True also if a link leaves out tests although only one account is left."""
        return bool(self.value()) or len(conf.accounts()) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen account."""
        chosen, rows = self.value(), cast(AccountQuerySet[Any], queryset)
        if chosen == REAL["account"]:
            return rows.real()
        return rows.of_account(chosen) if chosen else rows


class OutcomeFilter(admin.SimpleListFilter):
    """Filter by outcome of the processed messages, whose index begins with the status."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Each outcome."""
        return [(str(value), label) for value, label in Message.Outcome.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the messages with the chosen outcome."""
        chosen = self.value()
        return queryset.filter(status=Message.Status.APPLIED, outcome=chosen) if chosen else queryset


class StubFilter(admin.SimpleListFilter):
    """Filter for orders that are known only from their children."""

    title = _("received")
    parameter_name = "received"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Received or not."""
        return [("yes", _("order received")), ("no", labels.NOT_RECEIVED_YET)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Stubs have no time of receipt."""
        return {
            "yes": queryset.filter(received_at__isnull=False),
            "no": queryset.filter(received_at__isnull=True),
        }.get(self.value() or "", queryset)


class ReceiverFilter(admin.SimpleListFilter):
    """The shop's receivers that this process knows, and all those that it does not know."""

    title = _("receiver")
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        identities = sorted(set().union(*ledger.known_receivers().values()))
        return [*((identity, identity) for identity in identities), (OTHER, _("not there any more"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the calls of the chosen receiver."""
        chosen = self.value()
        if chosen == OTHER:
            known = ReceiverCall.objects.of(ledger.known_receivers())
            return queryset.exclude(pk__in=known.values("pk"))
        return queryset.filter(receiver=chosen) if chosen else queryset


class AttentionFilter(admin.SimpleListFilter):
    """Filter for rows that need attention."""

    title = _("needs attention")
    parameter_name = "needs"
    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _rows) in self.choices_of.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that the overview counts."""
        chosen = self.choices_of.get(self.value() or "")
        return queryset.filter(pk__in=chosen[1]().order_by().values("pk")) if chosen else queryset


class MessageAttentionFilter(AttentionFilter):
    """Messages."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "late": (_("late"), work.late_messages),
        "failing": (_("failed, waits for its next turn"), work.failing_messages),
    }


class ReceiverCallAttentionFilter(AttentionFilter):
    """Tasks for our shop."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "given_up": (_("given up"), work.given_up_calls),
        "failing": (_("failed, waits for its next turn"), work.failing_calls),
        "late": (_("late"), work.late_calls),
        "gone": (_("its receiver is not there"), work.gone_calls),
    }
