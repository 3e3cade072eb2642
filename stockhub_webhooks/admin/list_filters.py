"""Filters of the changelists. Their choices come from code and settings, so no filter scans a column for values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.admin import labels
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import BulkRequest, Message, ReceiverCall
from stockhub_webhooks.models.accounts import AccountQuerySet
from stockhub_webhooks.operations.bulk.results import GROUPS, result_model, rows_of
from stockhub_webhooks.operations.health import work
from stockhub_webhooks.operations.health.problems import REAL

OTHER = "~other"


class CodeFilter(admin.SimpleListFilter):
    """Filter on a column of codes by their labels. An open set has one more choice for all unknown codes."""

    title: Any = ""
    parameter_name = ""
    labels: ClassVar[Mapping[str, Any]] = {}
    is_open = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*self.labels.items(), *([(OTHER, _("another"))] if self.is_open else [])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        column = str(self.parameter_name)
        if chosen == OTHER:
            blank = Q(**{f"{column}__isnull": True}) | Q(**{column: ""})
            return queryset.exclude(Q(**{f"{column}__in": list(self.labels)}) | blank)
        return queryset.filter(**{column: chosen}) if chosen else queryset


def by_code(column: str, name: Any, labels: Labels, *, is_open: bool = True) -> type[CodeFilter]:
    """Return a subclass of `CodeFilter` for a column whose codes have these labels."""
    return type(
        "CodeFilter",
        (CodeFilter,),
        {"title": name, "parameter_name": column, "labels": labels, "is_open": is_open},
    )


class GroupedCodeFilter(CodeFilter):
    """Filter on a column of codes by groups of them that an office tells apart; an address may name one code, too."""

    groups: ClassVar[Mapping[str, tuple[Any, tuple[str, ...]]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the groups; also the code that the address names, so that it is shown as chosen."""
        chosen = request.GET.get(str(self.parameter_name), "")
        own = [(chosen, statuses.label(self.labels, chosen))] if chosen in self.labels else []
        return [*((name, label) for name, (label, _codes) in self.groups.items()), (OTHER, _("another")), *own]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the codes of the chosen group."""
        if chosen := self.groups.get(self.value() or ""):
            return queryset.filter(**{f"{self.parameter_name}__in": chosen[1]})
        return super().queryset(request, queryset)


class ReturnStatusFilter(GroupedCodeFilter):
    """Filter of returns by what is to be done with them."""

    title = _("status")
    parameter_name = "status"
    labels = statuses.RMA
    groups: ClassVar[Mapping[str, tuple[Any, tuple[str, ...]]]] = {
        "~open": (_("to be answered"), ("pending",)),
        "~authorized": (_("authorised, not back yet"), ("authorized", "partially_authorized")),
        "~received": (_("received back"), ("received", "received_on_item")),
        "~approved": (_("approved"), ("approved", "approved_on_item")),
        "~rejected": (_("rejected"), ("rejected", "rejected_on_item", "denied")),
        "~closed": (pgettext_lazy("return status", "closed"), ("closed", "processed_closed")),
    }


class AccountFilter(admin.SimpleListFilter):
    """Filter by account. Tests are left out until they are chosen or searched for.

    It is shown if several accounts are configured, that of tests among them, or one is chosen.
    """

    title = _("account")
    parameter_name = "account"
    ALL = "~all"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.default = self.ALL if request.GET.get(SEARCH_VAR) else REAL["account"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        accounts = [(account, labels.account(account)) for account in sorted(conf.accounts())]
        return [(REAL["account"], _("without tests")), *accounts, (self.ALL, _("all of them"))]

    def has_output(self) -> bool:
        # A chosen value stays visible, because links may filter on it even if only one account is configured.
        return bool(self.value()) or len(conf.accounts()) > 1

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices; there is none for "no filter"."""
        chosen = self.value() or self.default
        for value, name in self.lookup_choices:
            link = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": chosen == str(value), "query_string": link, "display": name}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen, rows = self.value() or self.default, cast(AccountQuerySet[Any], queryset)
        if chosen == REAL["account"]:
            return rows.real()
        return queryset if chosen == self.ALL else rows.of_account(chosen)


class OutcomeFilter(admin.SimpleListFilter):
    """Filter of applied messages by outcome; the status is part of the query because the index begins with it."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(value), label) for value, label in Message.Outcome.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(status=Message.Status.APPLIED, outcome=chosen) if chosen else queryset


class StubFilter(admin.SimpleListFilter):
    """Filter by stubs: orders that are known only from their children have no time of receipt."""

    title = _("the order itself")
    parameter_name = "received"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("order received")), ("no", labels.NOT_RECEIVED_YET)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return {
            "yes": queryset.filter(received_at__isnull=False),
            "no": queryset.filter(received_at__isnull=True),
        }.get(self.value() or "", queryset)


class ReceiverFilter(admin.SimpleListFilter):
    """Filter by receiver. One more choice selects the calls of all receivers that this process does not know."""

    title = _("receiver")
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        identities = sorted(
            {*set().union(*ledger.known_receivers().values()), request.GET.get("receiver", OTHER)} - {OTHER}
        )
        return [*((identity, identity) for identity in identities), (OTHER, _("not there any more"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == OTHER:
            known = ReceiverCall.objects.of(ledger.known_receivers())
            return queryset.exclude(pk__in=known.values("pk"))
        return queryset.filter(receiver=chosen) if chosen else queryset


class BulkFilter(admin.SimpleListFilter):
    """Filter for the rows of a bulk request by their result, such as "12~failed"; shown only if it is chosen."""

    title = _("result of a request")
    parameter_name = "request"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = self.value()
        if not chosen:
            return []
        number, _tilde, group = chosen.partition("~")
        label = _("request %(number)s: %(result)s") % {"number": number, "result": labels.RESULTS[group]}
        return [(chosen, label)]

    def value(self) -> str | None:
        """Return the chosen request and result; None if there is none."""
        chosen = super().value() or ""
        number, _tilde, group = chosen.partition("~")
        is_known = number.isascii() and number.isdecimal() and len(number) < 19 and group in GROUPS
        return chosen if is_known else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        number, _tilde, group = chosen.partition("~")
        asked = BulkRequest.objects.using(queryset.db).filter(pk=int(number)).first()
        if asked is None or result_model(asked) is not queryset.model:
            return queryset.none()
        return queryset.filter(pk__in=rows_of(asked, group).order_by().values("pk"))


class AttentionFilter(admin.SimpleListFilter):
    """Base class of filters for rows that need attention, with the same rows as the overview counts."""

    title = pgettext_lazy("filter", "attention")
    parameter_name = "needs"
    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _rows) in self.choices_of.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.choices_of.get(self.value() or "")
        return queryset.filter(pk__in=chosen[1]().order_by().values("pk")) if chosen else queryset


class MessageAttentionFilter(AttentionFilter):
    """Filter for messages that need attention."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "late": (_("late"), work.late_messages),
        "locked": (_("order locked by another transaction"), work.locked_messages),
        "failing": (_("failed, waits for its next turn"), work.failing_messages),
        "in_part": (_("applied in part"), work.messages_in_part),
        "times": (_("impossible time"), work.messages_with_impossible_times),
        "outdated": (_("return, outdated, in the last two weeks"), work.outdated_returns),
    }


class ReceiverCallAttentionFilter(AttentionFilter):
    """Filter for receiver calls that need attention."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {
        "given_up": (_("given up"), work.given_up_calls),
        "failing": (_("failed, waits for its next turn"), work.failing_calls),
        "late": (_("late"), work.late_calls),
        "gone": (_("its receiver is not there"), work.gone_calls),
    }


class RefusedBodyFilter(AttentionFilter):
    """Filter for refused messages that were neither let in nor dismissed."""

    choices_of: ClassVar[dict[str, tuple[Any, Any]]] = {"undecided": (_("not decided yet"), work.undecided_refusals)}
