"""Admin of receiver calls, the tasks for the shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks import signals
from stockhub_webhooks.admin import causes, display, labels, list_filters, search_box
from stockhub_webhooks.admin.bulk_start import propose
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import order_and_story
from stockhub_webhooks.admin.failures import FailuresPage
from stockhub_webhooks.admin.list_filters import ReceiverCallAttentionFilter
from stockhub_webhooks.admin.long_parts import parts_of
from stockhub_webhooks.admin.receivers import ReceiversPage
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import Attempt, BulkEntry, BulkRequest, ReceiverCall
from stockhub_webhooks.office.access import may

OF_CALLS = (BulkRequest.Action.TRY_AGAIN, BulkRequest.Action.GIVE_UP, BulkRequest.Action.REASSIGN)
SHOWN_REQUESTS = 10


@admin.register(ReceiverCall)
class ReceiverCallAdmin(ReceiversPage, FailuresPage):
    """Admin of receiver calls: the tasks of our shop, and their state."""

    list_display = (
        "what", "both_numbers", "receiver_known", "status_in_words", "attempts", "last_and_next_attempt",
        "error_in_short",
    )  # fmt: skip
    list_filter = (
        ReceiverCallAttentionFilter,
        "status",
        list_filters.by_code("event__type", _("change"), labels.EVENTS, is_open=False),
        list_filters.ReceiverFilter,
        ("event__occurred_at", DateRangeFilter),
        list_filters.BulkFilter,
    )
    linked_parameters = ("cause__exact", "receiver__exact", "signal__exact", "status__in")
    actions = ("try_again", "give_up")
    help_texts = {"due_at": _("When it is tried next; empty if it is done or given up.")}
    personal_fields = {
        "error_in_short": "error_without_text",
        "whole_error": "error_without_text",
        "failed_attempts": "failed_attempts_without_text",
    }
    fieldsets = (
        (None, {"fields": [("of_event", "of_order", "po_number"), "account"]}),
        (
            None,
            {"fields": [("receiver_known", "signal_in_words"), ("status_in_words", "attempts", "due_at", "done_at")]},
        ),
        (None, {"fields": ["requests", "whole_error", "failed_attempts"]}),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return Q(event__in=search_box.found_events(request, text))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the tasks, each with the earlier one that it waits for."""
        rows: Any = super().get_queryset(request)
        rows = rows.with_blocking_call(ledger.known_receivers())
        return rows.select_related("event", "order").defer("event__changes", "order__extra")  # type: ignore[no-any-return]

    def title_of(self, row: ReceiverCall) -> str:
        """Return the event in words, and the receiver."""
        return f"{labels.event(row.event)} {row.event.increment_id}, {row.receiver}"

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("change"), ordering="event__type")
    def what(self, call: ReceiverCall) -> str:
        """Return the event in words."""
        return labels.event(call.event)

    @admin.display(description=_("Stock Hub number"), ordering="event__increment_id")
    def both_numbers(self, call: ReceiverCall) -> Any:
        """Return the number of the document, and our order number below it."""
        return display.multiline(filter(None, (call.event.increment_id, call.event.po_number)))

    @admin.display(description=_("change"))
    def of_event(self, call: ReceiverCall) -> Any:
        """Return a link to the change."""
        return display.page(call.event, f"{labels.event(call.event)} {call.event.increment_id}")

    @admin.display(description=_("order"))
    def of_order(self, call: ReceiverCall) -> Any:
        """Return links to the order and its story; of a stub also that the order is not received yet."""
        return order_and_story(call.order, self.admin_site)

    @admin.display(description=_("our order number"), ordering="event__po_number")
    def po_number(self, call: ReceiverCall) -> str:
        """Return our order number of the event."""
        return call.event.po_number or display.EMPTY

    @admin.display(description=_("account"), ordering="event__account")
    def account_in_words(self, call: ReceiverCall) -> str:
        """Return the account of the event."""
        return labels.account(call.event.account)

    @admin.display(description=_("receiver"), ordering="receiver")
    def receiver_known(self, call: ReceiverCall) -> Any:
        """Return the receiver; for an open task also whether this process knows it."""
        signal = signals.BY_NAME.get(call.signal)
        is_connected = signal is not None and signal.find(call.receiver) is not None
        if is_connected or call.status not in ReceiverCall.OPEN:
            return display.breakable(call.receiver)
        return format_html("{} ({})", display.breakable(call.receiver), _("not there any more"))

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, call: ReceiverCall) -> Any:
        """Return the status; of a waiting task also what it waits for: an earlier task, or its receiver."""
        earlier = getattr(call, "blocking_call", None)
        if call.status != ReceiverCall.Status.PENDING or not earlier:
            return labels.call_status(call)
        url = self.page_url("stockhub_webhooks_receivercall_change", earlier)
        link = display.link(url, _("an earlier task of this order"))
        return format_html("{}: {}", labels.call_status(call), link)

    @admin.display(description=_("asked by hand"))
    def requests(self, call: ReceiverCall) -> Any:
        """Return links to the requests that this task was part of, the newest first."""
        entries = BulkEntry.objects.using(database_alias()).filter(
            row=call.pk, is_acted=True, request__action__in=OF_CALLS
        )
        entries = entries.select_related("request").order_by("-pk")

        def link(entry: BulkEntry) -> Any:
            return display.page(entry.request, f"{entry.request}, {display.value(entry.request.created_at)}")

        return display.multiline(entries[:SHOWN_REQUESTS], link)

    @admin.display(description=_("last failure, → next attempt"))
    def last_and_next_attempt(self, call: ReceiverCall) -> Any:
        """Return when the task failed last, and when a waiting one is due."""
        failed = display.short_time(call.failed_at) if call.failed_at else None
        is_waiting = call.status == ReceiverCall.Status.PENDING and call.due_at
        due = (
            format_html('<span class="stockhub-short">→ {}</span>', display.short_time(call.due_at))
            if is_waiting
            else None
        )
        return display.multiline(filter(None, (failed, due)))

    @admin.display(description=_("signal"))
    def signal_in_words(self, call: ReceiverCall) -> str:
        """Return the signal in words."""
        return f"{statuses.label(labels.SIGNALS, call.signal)} ({call.signal})"

    @admin.display(description=_("last error"))
    def error_in_short(self, call: ReceiverCall) -> Any:
        """Return the first line of the last error."""
        shortened = Truncator(labels.first_line(call.last_error, persons=True)).chars(60)
        return display.breakable(shortened) or display.EMPTY

    @admin.display(description=_("last error"))
    def error_without_text(self, call: ReceiverCall) -> Any:
        """Return the type of the error; its text is the shop's and may have personal data."""
        return display.breakable(labels.first_line(call.last_error, persons=False)) or display.EMPTY

    @admin.display(description=_("last error"))
    def whole_error(self, call: ReceiverCall) -> Any:
        """Return the error with its traceback."""
        return labels.own_error(call.last_error) or display.preformatted(call.last_error)

    @admin.display(description=_("failed attempts"))
    def failed_attempts(self, call: ReceiverCall) -> Any:
        """Return the failed attempts, newest first, with the first line of each error."""
        heads = (_("attempt"), _("failed at"), _("seconds"), _("cause"), _("error"))
        return self._attempts(call, heads, lambda attempt: [labels.first_line(attempt.error, persons=True)])

    @admin.display(description=_("failed attempts"))
    def failed_attempts_without_text(self, call: ReceiverCall) -> Any:
        """Return the failed attempts, newest first, without the text of the errors, which may have personal data."""
        return self._attempts(call, (_("attempt"), _("failed at"), _("seconds"), _("cause")), lambda attempt: [])

    def _attempts(self, call: ReceiverCall, heads: Sequence[Any], more: Callable[[Attempt], list[str]]) -> Any:
        def cells(attempt: Attempt) -> list[Any]:
            seconds = display.EMPTY if attempt.seconds is None else localize(round(attempt.seconds, 1))
            failed_at = display.value(attempt.failed_at)
            return [attempt.number, failed_at, seconds, causes.label(attempt.cause), *more(attempt)]

        return parts_of(call).table("attempts", heads, call.failed_attempts.order_by("-pk"), cells)

    # ------------------------------------------------------------ try again

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the action calls the shop's code."""
        return may(request, "try_again")

    @admin.action(description=_("try again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ReceiverCall]) -> HttpResponse | None:
        """Ask, and make the chosen calls due, with the earlier ones that they wait for."""
        return propose(self, request, BulkRequest.Action.TRY_AGAIN, queryset)
