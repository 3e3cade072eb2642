"""Admin of events, the changes found in messages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels, list_filters, related_activity, search_box
from stockhub_webhooks.admin.base import ReadOnlyAdmin
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import order_and_story
from stockhub_webhooks.admin.event_changes import field_name, shown
from stockhub_webhooks.admin.long_parts import parts_of
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import Event, Message, ReceiverCall

HIDDEN = ("…", "…")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Admin of events."""

    list_display = ("occurred_at", "what", "increment_id", "order_number", "po_number")
    ordering = ("-occurred_at", "-pk")
    list_filter = (
        list_filters.by_code("type", _("type"), labels.EVENTS, is_open=False),
        ("occurred_at", DateRangeFilter),
    )
    deferred_fields = ("changes",)
    personal_fields = {"changes_in_words": "changes_without_persons"}
    fieldsets = (
        (None, {"fields": [("what", "occurred_at", "replayed"), ("document", "of_order", "po_number"), "account"]}),
        (None, {"fields": ["changes_in_words", "receiver_calls", "messages"]}),
    )

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        return Q(pk__in=search_box.found_events(request, text))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .select_related("order", "message")
            .defer("message__body", "message__headers", "order__extra")
        )

    def title_of(self, row: Event) -> str:
        """Return the event in words, and the number of its document."""
        return f"{labels.event(row)} {row.increment_id}"

    @admin.display(description=_("change"), ordering="type")
    def what(self, event: Event) -> str:
        """Return the event in words."""
        return labels.event(event)

    @admin.display(description=_("from processing again"))
    def replayed(self, event: Event) -> str:
        """Return whether the message had been applied before."""
        return labels.yes_or_no(event.is_replay)

    @admin.display(description=_("order"), ordering="order__increment_id")
    def order_number(self, event: Event) -> Any:
        """Return a link to the order."""
        return display.page(event.order) if event.order else display.EMPTY

    @admin.display(description=_("order"))
    def of_order(self, event: Event) -> Any:
        """Return links to the order and its story; of a stub also that the order is not received yet."""
        return order_and_story(event.order, self.admin_site)

    @admin.display(description=_("document"))
    def document(self, event: Event) -> Any:
        """Return a link to the document of the event's message."""
        if event.message is None:
            return display.page(event.order) if event.order else event.increment_id
        return related_activity.document_link(event.message)

    @admin.display(description=Message._meta.verbose_name)
    def messages(self, event: Event) -> Any:
        """Return a link to the message."""
        return related_activity.messages(Message.objects.filter(pk__in=[event.message_id or 0]), event.increment_id)

    @admin.display(description=ReceiverCall._meta.verbose_name_plural)
    def receiver_calls(self, event: Event) -> Any:
        """Return the receiver calls of the event."""
        return related_activity.receiver_calls(event.receiver_calls.all(), event.increment_id)

    @admin.display(description=_("changes"))
    def changes_in_words(self, event: Event) -> Any:
        """Return a table of the changed fields with their old and new values."""
        return changes(event, event.changes)

    @admin.display(description=_("changes"))
    def changes_without_persons(self, event: Event) -> Any:
        """Return the same table, but hide the values of addresses and of unknown fields."""
        subject = subject_of(event)
        visible = {name: HIDDEN if subject.is_personal(name) else values for name, values in event.changes.items()}
        return changes(event, visible)


def changes(event: Event, by_name: dict[str, Any]) -> Any:
    """Return a table of fields with their old and new value."""
    subject = subject_of(event)

    def cells(change: tuple[str, Any]) -> tuple[str, str, str]:
        name, (old, new) = change
        return field_name(subject, name), shown(subject, name, old), shown(subject, name, new)

    heads = (_("field"), _("old value"), _("new value"))
    return parts_of(event).table("changes", heads, list(by_name.items()), cells)
