"""Changes, tasks for our shop, and the sign of life of whoever does the left-over work."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from stockhub_webhooks import signals
from stockhub_webhooks.admin import display, filters, related_activity, search, words
from stockhub_webhooks.admin.attention import TaskNeedsFilter
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.changes import field_name, is_impersonal, shown
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import order_and_story
from stockhub_webhooks.admin.failures import FailuresPage
from stockhub_webhooks.admin.receivers import ReceiversPage
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import Event, Heartbeat, Message, ReceiverCall

HIDDEN = ("…", "…")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened."""

    list_display = ("occurred_at", "what", "increment_id", "order_number", "po_number")
    list_filter = (
        filters.by_code("type", _("type"), words.EVENTS, is_open=False),
        ("occurred_at", DateRangeFilter),
    )
    deferred = ("changes",)
    personal = {"changes_in_words": "changes_without_persons"}
    fieldsets = (
        (None, {"fields": [("what", "occurred_at", "replayed"), ("document", "of_order", "po_number"), "account"]}),
        (None, {"fields": ["changes_in_words", "receiver_calls", "messages"]}),
    )

    def matching(self, request: HttpRequest, text: str) -> Q:
        """What finds the document that it happened to."""
        return search.told_by(request, text, "message")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what each page names, without the bodies."""
        return (
            super().get_queryset(request).select_related("order", "message").defer("message__body", "message__headers")
        )

    def name_of(self, row: Event) -> str:
        """What happened to which number."""
        return f"{words.event(row)} {row.increment_id}"

    @admin.display(description=_("change"), ordering="type")
    def what(self, event: Event) -> str:
        """What happened, in words."""
        return words.event(event)

    @admin.display(description=_("from processing again"))
    def replayed(self, event: Event) -> str:
        """Whether the message had been applied before."""
        return words.yes_or_no(event.is_replay)

    @admin.display(description=_("order"), ordering="order__increment_id")
    def order_number(self, event: Event) -> Any:
        """A link to the order."""
        return display.page(event.order) if event.order else display.EMPTY

    @admin.display(description=_("order"))
    def of_order(self, event: Event) -> Any:
        """Links to the order and to its story, and whether the order was received at all."""
        return order_and_story(event.order, self.admin_site)

    @admin.display(description=_("document"))
    def document(self, event: Event) -> Any:
        """A link to the document that its message speaks of."""
        return related_activity.document_link(event.message)

    @admin.display(description=Message._meta.verbose_name)
    def messages(self, event: Event) -> Any:
        """A link to the message that told it."""
        return related_activity.messages(Message.objects.filter(pk=event.message_id), event.increment_id)

    @admin.display(description=ReceiverCall._meta.verbose_name_plural)
    def receiver_calls(self, event: Event) -> Any:
        """Who was told."""
        return related_activity.receiver_calls(event.receiver_calls.all(), event.increment_id)

    @admin.display(description=_("changes"))
    def changes_in_words(self, event: Event) -> Any:
        """Field, old and new value."""
        return changes(event, event.changes)

    @admin.display(description=_("changes"))
    def changes_without_persons(self, event: Event) -> Any:
        """The same without values of addresses, and of what we do not know."""
        subject = subject_of(event)
        known = {name: values if is_impersonal(subject, name) else HIDDEN for name, values in event.changes.items()}
        return changes(event, known)


def changes(event: Event, by_name: dict[str, Any]) -> Any:
    """A table of fields with their old and new value."""
    subject = subject_of(event)
    rows = (
        (field_name(subject, name), shown(subject, name, old), shown(subject, name, new))
        for name, (old, new) in by_name.items()
    )
    return display.table((_("field"), _("old value"), _("new value")), rows)


@admin.register(ReceiverCall)
class ReceiverCallAdmin(ReceiversPage, FailuresPage):
    """What our own shop is asked to do, and how far it is."""

    list_display = ("what", "number", "po_number", "receiver_known", "status", "error_in_short")
    list_filter = (
        TaskNeedsFilter,
        "status",
        filters.by_code("event__type", _("change"), words.EVENTS, is_open=False),
        filters.ReceiverFilter,
        ("event__occurred_at", DateRangeFilter),
    )
    actions = ("try_again", "give_up")
    personal = {"error_in_short": "error_without_text", "whole_error": "error_without_text"}
    fieldsets = (
        (None, {"fields": [("of_event", "of_order", "po_number"), "account"]}),
        (None, {"fields": [("receiver_known", "signal_in_words"), ("status", "attempts", "due_at", "done_at")]}),
        (None, {"fields": ["whole_error"]}),
    )

    def matching(self, request: HttpRequest, text: str) -> Q:
        """What finds the document that the change happened to."""
        return search.told_by(request, text, "event__message")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what each line names."""
        return super().get_queryset(request).select_related("event", "order").defer("event__changes")

    def name_of(self, row: ReceiverCall) -> str:
        """What happened, and who is told."""
        return f"{words.event(row.event)} {row.event.increment_id}, {row.receiver}"

    # ------------------------------------------------------------ columns and lines

    @admin.display(description=_("change"), ordering="event__type")
    def what(self, call: ReceiverCall) -> str:
        """What happened, in words."""
        return words.event(call.event)

    @admin.display(description=_("Stock Hub number"), ordering="event__increment_id")
    def number(self, call: ReceiverCall) -> str:
        """Of the document that changed."""
        return call.event.increment_id

    @admin.display(description=_("change"))
    def of_event(self, call: ReceiverCall) -> Any:
        """A link to the change."""
        return display.page(call.event, f"{words.event(call.event)} {call.event.increment_id}")

    @admin.display(description=_("order"))
    def of_order(self, call: ReceiverCall) -> Any:
        """Links to the order and to its story, and whether the order was received at all."""
        return order_and_story(call.order, self.admin_site)

    @admin.display(description=_("our order number"), ordering="event__po_number")
    def po_number(self, call: ReceiverCall) -> str:
        """The shop's own, as the change has it."""
        return call.event.po_number or display.EMPTY

    @admin.display(description=_("account"), ordering="event__account")
    def account(self, call: ReceiverCall) -> str:
        """The change's."""
        return call.event.account

    @admin.display(description=_("receiver"), ordering="receiver")
    def receiver_known(self, call: ReceiverCall) -> str:
        """Its name; of an open task also whether this process knows it, for nobody else can do the task."""
        signal = signals.BY_NAME.get(call.signal)
        known = signal is not None and signal.find(call.receiver) is not None
        return (
            call.receiver
            if known or call.status not in ReceiverCall.OPEN
            else f"{call.receiver} ({_('not there any more')})"
        )

    @admin.display(description=_("signal"))
    def signal_in_words(self, call: ReceiverCall) -> str:
        """Which signal it is connected to."""
        return f"{statuses.label(words.SIGNALS, call.signal)} ({call.signal})"

    @admin.display(description=_("last error"))
    def error_in_short(self, call: ReceiverCall) -> str:
        """The first line."""
        return Truncator(words.first_line(call.last_error, persons=True)).chars(60) or display.EMPTY

    @admin.display(description=_("last error"))
    def error_without_text(self, call: ReceiverCall) -> str:
        """What kind of error: its text is the shop's, and may name persons."""
        return words.first_line(call.last_error, persons=False) or display.EMPTY

    @admin.display(description=_("last error"))
    def whole_error(self, call: ReceiverCall) -> Any:
        """With where in the code it was."""
        return words.own_error(call.last_error) or display.preformatted(call.last_error)

    # ------------------------------------------------------------ try again

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        """A permission of its own, for it calls the shop."""
        return request.user.has_perm("stockhub_webhooks.try_again")

    @admin.action(description=_("try again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ReceiverCall]) -> None:
        """Make the chosen calls due that are given up or wait."""
        waiting = queryset.filter(status__in=(ReceiverCall.Status.GIVEN_UP, ReceiverCall.Status.PENDING))
        chosen = queryset.count()
        count = self.make_due(request, waiting, str(_("try again")), ledger.requeue)
        if count:
            told = ngettext("%(count)d task is tried again.", "%(count)d tasks are tried again.", count)
            self.message_user(request, told % {"count": count}, messages.SUCCESS)
        if left := chosen - count:
            told = ngettext(
                "%(count)d task was left alone: it is done or running.",
                "%(count)d tasks were left alone: they are done or running.",
                left,
            )
            self.message_user(request, told % {"count": left}, messages.WARNING)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When somebody last came by to finish left-over work."""

    has_account = False
    list_display = ("name", "beat_at")
    list_filter = (("beat_at", DateRangeFilter),)
    sortable_by = None
    search_help_text = _("name")
    fieldsets = ((None, {"fields": ["name", "beat_at"]}),)

    def matching(self, request: HttpRequest, text: str) -> Q:
        """Its name."""
        return search.holds(text, "name")
