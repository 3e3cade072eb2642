"""The receivers of our shop: their signals and results, events without receiver, and tasks of removed receivers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from stockhub_webhooks import signals
from stockhub_webhooks.admin import causes, display, labels
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.admin.pause_page import RECEIVERS_URL_NAME as URL_NAME
from stockhub_webhooks.admin.pause_page import PausePage
from stockhub_webhooks.admin.replay_request import URL_NAME as REQUEST_URL_NAME
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.models import BulkRequest, Event, ReceiverCall, ReceiverState
from stockhub_webhooks.models.ledger import EventQuerySet
from stockhub_webhooks.models.receiver_state import IS_OPEN, IS_PAUSED
from stockhub_webhooks.office.access import may
from stockhub_webhooks.operations.health.problems import REAL, admin_link

RECENT_EVENTS = 10_000
EVENT_TYPES = {signal.name: event_type for event_type, signal in signals.BY_EVENT_TYPE.items()}


class ReceiversPage(PausePage):
    """Adds to the admin of receiver calls the page of the receivers."""

    def get_urls(self) -> list[Any]:
        """Add the page of the receivers and its two actions."""
        view = self.admin_site.admin_view
        return [
            path("receivers/", view(self.receivers_view), name=URL_NAME),
            path("receivers/reassign/", view(self.reassign_view), name=f"{URL_NAME}_reassign"),
            path("receivers/give-up/", view(self.give_up_removed_view), name=f"{URL_NAME}_give_up"),
            *super().get_urls(),
        ]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        return [
            (self.page_url(URL_NAME), _("receivers")),
            *super().changelist_object_tools(request),
        ]

    def receivers_view(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        counts, site = open_counts(), self.admin_site.name
        context = {
            "title": _("Receivers"),
            "signals": list(signal_rows(counts, events_without_receiver(), site)),
            "removed_receivers": list(removed_receivers(counts, site)),
            "waiting_label": ReceiverCall.Status.PENDING.label,
            "recent_events": number_format(RECENT_EVENTS, force_grouping=True),
            "request_url": self.page_url(REQUEST_URL_NAME)
            if may(request, "process_again") and may(request, "view_message")
            else "",
            "reassign_url": self.page_url(f"{URL_NAME}_reassign") if may(request, "reassign") else "",
            "pause_url": self.page_url(f"{URL_NAME}_pause") if may(request, "pause_receiver") else "",
            "resume_url": self.page_url(f"{URL_NAME}_resume") if may(request, "pause_receiver") else "",
            "blocked": list(blocked_rows(persons=may(request, "view_personal_data"))),
            "give_up_url": self.page_url(f"{URL_NAME}_give_up") if may(request, "give_up") else "",
        }
        return self.render_page(request, "receivercall/receivers.html", context)

    def reassign_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whether the tasks of a removed receiver go to another receiver of the same signal."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request, "reassign"):
            raise PermissionDenied
        signal, former, receiver = (request.POST.get(name, "") for name in ("signal", "former", "receiver"))
        connected = signals.BY_NAME.get(signal)
        if connected is None or connected.find(receiver) is None or connected.find(former) is not None:
            text = _("Nothing was given away: choose a receiver of the same change.")
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(self.page_url(URL_NAME))
        rows = ReceiverCall.objects.using(database_alias()).filter(signal=signal, receiver=former)
        parameters = {"signal": signal, "former": former, "receiver": receiver}
        answer = propose(self, request, BulkRequest.Action.REASSIGN, rows, parameters)
        return answer or HttpResponseRedirect(self.page_url(URL_NAME))

    def give_up_removed_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, and give up the tasks of a removed receiver."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (may(request, "give_up") and self.has_view_permission(request)):
            raise PermissionDenied
        name, receiver = (request.POST.get(field, "") for field in ("signal", "former"))
        signal = signals.BY_NAME.get(name)
        if signal is not None and signal.find(receiver) is not None:
            raise BadRequest("this receiver is connected")
        rows = ReceiverCall.objects.using(database_alias()).filter(signal=name, receiver=receiver).real()
        return propose(self, request, BulkRequest.Action.GIVE_UP, rows) or HttpResponseRedirect(self.page_url(URL_NAME))


# ---------------------------------------------------------------- facts, in a constant number of queries


def open_counts() -> dict[tuple[str, str], dict[str, int]]:
    """Return the numbers of waiting and given-up calls by signal and receiver, without tests."""
    statuses_left = (*ReceiverCall.OPEN, ReceiverCall.Status.GIVEN_UP)
    rows = ReceiverCall.objects.using(database_alias()).real().filter(status__in=statuses_left).order_by()
    rows = rows.exclude(cause=ReceiverCall.BY_HAND)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows.values("signal", "receiver", "status").annotate(count=Count("pk")):
        numbers = counts.setdefault((row["signal"], row["receiver"]), {"waiting": 0, "given_up": 0})
        numbers["given_up" if row["status"] == ReceiverCall.Status.GIVEN_UP else "waiting"] += row["count"]
    return counts


def events_without_receiver() -> dict[str, int]:
    """Return by type how many of the newest `RECENT_EVENTS` events have no receiver call, without tests."""
    calls = ReceiverCall.objects.filter(event=OuterRef("pk"))
    counted = recent_events().filter(~Exists(calls)).values("type").annotate(count=Count("pk"))
    return {row["type"]: row["count"] for row in counted}


def recent_events() -> EventQuerySet:
    """Return the newest `RECENT_EVENTS` events, without tests and unordered."""
    rows = Event.objects.using(database_alias()).real().order_by()
    newest = rows.order_by("-pk").values_list("pk", flat=True).first() or 0
    return rows.filter(pk__gt=newest - RECENT_EVENTS)


def missed_events() -> dict[tuple[str, str], int]:
    """Return how many of the newest events have no call of a (signal, receiver), since the first one that has.

    During a roll-out, a process with the former code applies messages without calls for a new receiver.
    """
    events = recent_events()
    calls = ReceiverCall.objects.using(database_alias()).real().order_by()
    oldest = events.aggregate(oldest=Min("pk"))["oldest"] or 0
    heard = [
        row
        for row in calls.filter(event__gte=oldest)
        .values("signal", "receiver")
        .annotate(first=Min("event"), count=Count("pk"))
        if row["signal"] in signals.BY_NAME
    ]
    since = {
        f"n{number}": Count("pk", filter=Q(pk__gte=row["first"]) & of_signal(row["signal"]))
        for number, row in enumerate(heard)
    }
    counts = events.aggregate(**since) if since else {}
    return {(row["signal"], row["receiver"]): counts[f"n{number}"] - row["count"] for number, row in enumerate(heard)}


def of_signal(name: str) -> Q:
    """Return the condition of the events that a signal is sent for."""
    return Q(type=EVENT_TYPES[name]) if name in EVENT_TYPES else Q()


def last_times(receivers: list[tuple[str, str]]) -> list[Any]:
    """Return the last success and the last failure of each (signal, receiver) one after the other, by one query."""
    calls = ReceiverCall.objects.using(database_alias())
    subqueries = []
    for signal, receiver in receivers:
        own = calls.filter(signal=signal, receiver=receiver)
        done = own.filter(status=ReceiverCall.Status.DONE, done_at__isnull=False).order_by("-done_at")
        failed = own.filter(failed_at__isnull=False).order_by("-failed_at")
        subqueries += [Subquery(done.values("done_at")[:1]), Subquery(failed.values("failed_at")[:1])]
    times = calls.order_by("pk").values_list(*subqueries).first() if subqueries else None
    return list(times or [None] * len(subqueries))


def lists(site: str, signal: str, receiver: str) -> dict[str, str]:
    """Return the URLs of the lists that the counts of a receiver link to."""
    own = {"signal__exact": signal, "receiver": receiver} | REAL
    return {
        "waiting_url": admin_link("receivercall", {"status__in": ",".join(ReceiverCall.OPEN), **own}, site),
        "given_up_url": admin_link("receivercall", {"needs": "given_up", **own}, site),
    }


def signal_rows(
    counts: dict[tuple[str, str], dict[str, int]], without_receiver: dict[str, int], site: str
) -> Iterator[dict[str, Any]]:
    """Yield each signal with its connected receivers, for the template."""
    missed = missed_events()
    pairs = [(name, receiver.identity) for name, signal in signals.BY_NAME.items() for receiver in signal.connected()]
    times = iter(last_times(pairs))
    times_of = {pair: (next(times), next(times)) for pair in pairs}
    for name, signal in signals.BY_NAME.items():
        receivers = [
            {
                "identity": receiver.identity,
                "name": display.breakable(receiver.identity),
                "description": first_line(receiver.function),
                "done_at": times_of[name, receiver.identity][0],
                "failed_at": times_of[name, receiver.identity][1],
                "missed": missed.get((name, receiver.identity), 0),
                **counts.get((name, receiver.identity), {"waiting": 0, "given_up": 0}),
                **lists(site, name, receiver.identity),
            }
            for receiver in signal.connected()
        ]
        yield {
            "name": name,
            "label": statuses.label(labels.SIGNALS, name),
            "receivers": receivers,
            "without_receiver": without_receiver.get(EVENT_TYPES.get(name, ""), 0),
        }


def removed_receivers(counts: dict[tuple[str, str], dict[str, int]], site: str) -> Iterator[dict[str, Any]]:
    """Yield each receiver that has tasks but is not connected, with the receivers that could take its tasks."""
    for (name, receiver), numbers in sorted(counts.items()):
        signal = signals.BY_NAME.get(name)
        if signal is None or signal.find(receiver) is None:
            others = [other.identity for other in signal.connected()] if signal else []
            label = statuses.label(labels.SIGNALS, name)
            shown = display.breakable(receiver)
            row = {"name": name, "label": label, "receiver": receiver, "shown": shown, "others": others}
            row["of_updates"] = [] if others else receivers_of_updates(name)
            yield row | numbers | lists(site, name, receiver)


def receivers_of_updates(name: str) -> list[str]:
    """Return the receivers of the `*_updated` signal that follows a signal; they may do the work of a removed one."""
    kind = EVENT_TYPES.get(name, "").partition(".")[0].removesuffix("_item")
    updated = signals.BY_EVENT_TYPE.get(f"{kind}.updated")
    return [receiver.identity for receiver in updated.connected()] if updated else []


def blocked_rows(*, persons: bool) -> Iterator[dict[str, Any]]:
    """Yield each receiver that is paused or away, for the template; the reason only if `persons`."""
    rows = ReceiverState.objects.using(database_alias()).filter(IS_PAUSED | IS_OPEN).order_by("receiver")
    states = breaker.states()
    for row in rows:
        is_paused = row.receiver in states and states[row.receiver].is_paused
        detail = (row.pause_reason if persons else "") if is_paused else causes.label(row.cause)
        yield {
            "receiver": row.receiver,
            "name": display.breakable(row.receiver),
            "state": labels.PAUSED if is_paused else labels.AWAY,
            "since": row.paused_at if is_paused else row.opened_at,
            "until": row.paused_until if is_paused else None,
            "by": row.paused_by if is_paused else "",
            "detail": detail,
        }


def first_line(function: Any) -> str:
    """Return the first line of a receiver's docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]
