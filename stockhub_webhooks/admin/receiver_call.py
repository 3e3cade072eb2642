"""Admin of receiver calls, the tasks for the shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks import signals
from stockhub_webhooks.admin import display, labels, list_filters, search_box
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import order_and_story
from stockhub_webhooks.admin.failures import FailuresPage
from stockhub_webhooks.admin.list_filters import ReceiverCallAttentionFilter
from stockhub_webhooks.admin.long_parts import parts_of
from stockhub_webhooks.admin.receivers import ReceiversPage
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.delivery import breaker, manual
from stockhub_webhooks.models import Attempt, ReceiverCall
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.office.access import may

TRIED_AGAIN = ngettext_lazy("%(count)d task is tried again.", "%(count)d tasks are tried again.", "count")
LEFT_ALONE = ngettext_lazy(
    "%(count)d task was left alone: it is done or running.",
    "%(count)d tasks were left alone: they are done or running.",
    "count",
)
STILL_WAITING = ngettext_lazy(
    "%(count)d of them waits until its receiver, which is paused or away, is called again.",
    "%(count)d of them wait until their receivers, which are paused or away, are called again.",
    "count",
)


@admin.register(ReceiverCall)
class ReceiverCallAdmin(ReceiversPage, FailuresPage):
    """Admin of receiver calls: the tasks of our shop, and their state."""

    list_display = ("what", "number", "po_number", "receiver_known", "status_in_words", "error_in_short")
    list_filter = (
        ReceiverCallAttentionFilter,
        "status",
        list_filters.by_code("event__type", _("change"), labels.EVENTS, is_open=False),
        list_filters.ReceiverFilter,
        ("event__occurred_at", DateRangeFilter),
    )
    linked_parameters = ("cause__exact", "receiver__exact", "signal__exact", "status__in")
    actions = ("try_again", "give_up")
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
        (None, {"fields": ["whole_error", "failed_attempts"]}),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        of_deadline = Q(event__type=DEADLINE, event__increment_id__in=search_box.spellings(text))
        return search_box.related_to_messages(request, text, "event__message") | of_deadline

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("event", "order").defer("event__changes", "order__extra")

    def title_of(self, row: ReceiverCall) -> str:
        """Return the event in words, and the receiver."""
        return f"{labels.event(row.event)} {row.event.increment_id}, {row.receiver}"

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("change"), ordering="event__type")
    def what(self, call: ReceiverCall) -> str:
        """Return the event in words."""
        return labels.event(call.event)

    @admin.display(description=_("Stock Hub number"), ordering="event__increment_id")
    def number(self, call: ReceiverCall) -> str:
        """Return the number of the document."""
        return call.event.increment_id

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
    def account(self, call: ReceiverCall) -> str:
        """Return the account of the event."""
        return call.event.account

    @admin.display(description=_("receiver"), ordering="receiver")
    def receiver_known(self, call: ReceiverCall) -> str:
        """Return the receiver; for an open task also whether this process knows it."""
        signal = signals.BY_NAME.get(call.signal)
        is_connected = signal is not None and signal.find(call.receiver) is not None
        if is_connected or call.status not in ReceiverCall.OPEN:
            return call.receiver
        return f"{call.receiver} ({_('not there any more')})"

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, call: ReceiverCall) -> str:
        """Return the status; of a waiting task also that its receiver is paused or away."""
        return labels.call_status(call)

    @admin.display(description=_("signal"))
    def signal_in_words(self, call: ReceiverCall) -> str:
        """Return the signal in words."""
        return f"{statuses.label(labels.SIGNALS, call.signal)} ({call.signal})"

    @admin.display(description=_("last error"))
    def error_in_short(self, call: ReceiverCall) -> str:
        """Return the first line of the last error."""
        return Truncator(labels.first_line(call.last_error, persons=True)).chars(60) or display.EMPTY

    @admin.display(description=_("last error"))
    def error_without_text(self, call: ReceiverCall) -> str:
        """Return the type of the error; its text is the shop's and may have personal data."""
        return labels.first_line(call.last_error, persons=False) or display.EMPTY

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
            return [attempt.number, failed_at, seconds, labels.cause(attempt.cause), *more(attempt)]

        return parts_of(call).table("attempts", heads, call.failed_attempts.order_by("-pk"), cells)

    # ------------------------------------------------------------ try again

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        """Check a permission of its own, because the action calls the shop's code."""
        return may(request, "try_again")

    @admin.action(description=_("try again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ReceiverCall]) -> None:
        """Make the chosen calls due, if they were given up or wait for their next attempt."""
        waiting = queryset.filter(status__in=(ReceiverCall.Status.GIVEN_UP, ReceiverCall.Status.PENDING))
        chosen = queryset.count()
        count = self.apply_and_log(request, waiting, str(_("try again")), manual.requeue)
        self.report_counts(request, count, TRIED_AGAIN, chosen - count, LEFT_ALONE)
        blocked = breaker.blocked_receivers()
        if held := queryset.filter(status=ReceiverCall.Status.PENDING, receiver__in=blocked).count():
            self.message_user(request, STILL_WAITING % {"count": held}, messages.WARNING)
