"""Related activity as small tables with links: messages, events and receiver calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.models import Document, Event, Message, ReceiverCall
from stockhub_webhooks.processing.apply import BY_TOPIC

SHOWN = 20


def document_of(message: Message) -> Document | None:
    """Return the document that a message is about; None if the message was not applied."""
    document_type = BY_TOPIC.get(message.topic)
    if document_type is None or not message.increment_id:
        return None
    rows = document_type.model.objects.filter(account=message.account, increment_id=message.increment_id)
    document: Document | None = rows.first()
    return document


def document_link(message: Message) -> SafeString | str:
    """Return a link to the document that a message is about."""
    document = document_of(message)
    if document is None:
        return display.EMPTY
    return display.page(document, f"{document._meta.verbose_name} {document.increment_id}")


def messages(rows: QuerySet[Message], number: str) -> SafeString | str:
    """Return a table of messages: time of receipt and result."""
    return newest(
        rows.defer("body", "headers", "notes"),
        number,
        (_("received at"), _("outcome")),
        lambda message: (display.page(message, display.value(message.received_at)), labels.result(message)),
    )


def events(rows: QuerySet[Event], number: str) -> SafeString | str:
    """Return a table of events: time and name."""
    return newest(
        rows.defer("changes"),
        number,
        (_("happened at"), _("change"), _("Stock Hub number")),
        lambda event: (
            display.page(event, display.value(event.occurred_at)),
            labels.event(event),
            event.increment_id,
        ),
        ordering=("-occurred_at", "-pk"),
    )


def receiver_calls(rows: QuerySet[ReceiverCall], number: str) -> SafeString | str:
    """Return a table of receiver calls: event, receiver and state."""
    return newest(
        rows.select_related("event").defer("event__changes", "last_error"),
        number,
        (_("change"), _("Stock Hub number"), _("receiver"), _("status")),
        lambda call: (
            display.page(call, labels.event(call.event)),
            call.event.increment_id,
            call.receiver,
            call.get_status_display(),
        ),
    )


def newest(
    rows: QuerySet[Any],
    number: str,
    heads: Iterable[Any],
    cells: Callable[[Any], Iterable[Any]],
    ordering: Iterable[str] = ("-pk",),
) -> SafeString | str:
    """Return a table of the newest rows; if there are more, with a link to the list that is searched for `number`."""
    newest_rows = list(rows.order_by(*ordering)[: SHOWN + 1])
    table = display.table(heads, map(cells, newest_rows[:SHOWN]))
    if len(newest_rows) <= SHOWN:
        return table
    return format_html("{}{}", table, display.list_link(rows.model, number))
