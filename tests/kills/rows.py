"""The rows of the shop: what must hold of them, and what they say, to compare two runs of one life."""

import json
from collections import Counter, defaultdict

from django.apps import apps
from django.db import connection, transaction

from stockhub_webhooks.models import Event, Message, ReceiverCall, Replay
from stockhub_webhooks.models.replay import COUNTED
from stockhub_webhooks.receiving import spool
from tests.drills.fuzz.rows import DOCUMENTS, LINES
from tests.shop.models import Heard

APPS = ("stockhub_webhooks", "shop", "django_tasks_database")
LEDGER = ("messages", "events", "calls", "replays")
OUTSIDE = "kills.outside"
TIMES_OF_THIS_RUN = {"received_at"}
SESSIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}


def delete_all():
    """Delete all rows and all files of the spool."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.app_label in APPS:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
    for path in spool.directory().glob("*.json"):
        path.unlink()


def sessions():
    """Return the number of other connections to this database."""
    sql = SESSIONS.get(connection.vendor)
    if sql is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def stored():
    """Return the number of messages that are stored: rows and files of the spool, together once."""
    files = {path.stem for path in spool.files()}
    rows = {str(uid) for uid in Message.objects.values_list("uid", flat=True)}
    return len(files | rows)


def plain(values):
    """Return values without keys and times of this run."""
    return {
        name: str(value)
        for name, value in values.items()
        if name not in TIMES_OF_THIS_RUN and name != "id" and not name.endswith("_id")
    } | {"increment_id": values.get("increment_id")}


def documents():
    """Return the rows of all documents and lines."""
    return {
        model.__name__: sorted(json.dumps(plain(row), sort_keys=True) for row in model.objects.values())
        for model in (*DOCUMENTS, *LINES)
    }


def ledger():
    """Return messages, events, calls and replays, each with the position of the message or event it belongs to."""
    messages = list(Message.objects.order_by("pk"))
    events = list(Event.objects.order_by("pk"))
    at_message = {message.pk: number for number, message in enumerate(messages)}
    at_event = {event.pk: number for number, event in enumerate(events)}
    counters = ("status", "total", *COUNTED, "owed")
    return {
        "messages": [(message.topic, message.increment_id, message.outcome, message.notes) for message in messages],
        "events": [(at_message[e.message_id], e.type, e.increment_id, e.po_number, e.changes) for e in events],
        "calls": sorted((at_event[c.event_id], c.signal, c.receiver) for c in ReceiverCall.objects.all()),
        "replays": list(Replay.objects.order_by("pk").values_list(*counters)),
    }


def check(count, outside, *, has_failures):
    """Check that so many messages are applied, and each receiver has each of its events, once and in sequence.

    Args:
        count: the number of messages.
        outside: the events that the receiver which writes to a file was called with.
        has_failures: True if some attempts may have failed.
    """
    messages = list(Message.objects.values_list("status", "due_at", "topic", "increment_id", "cause"))
    assert len(messages) == count, f"{len(messages)} messages are stored instead of {count}"
    assert not list(spool.files()), "the spool has files"
    open_messages = [message for message in messages if message[0] != "applied" or message[1]]
    assert not open_messages, f"not applied: {open_messages}"
    calls = ReceiverCall.objects.values_list("signal", "receiver", "status", "due_at", "last_error", "event_id")
    assert not (left := [call for call in calls if call[2] != "done" or call[3]]), f"not done: {left}"
    if not has_failures:
        for model in (Message, ReceiverCall):
            assert not model.objects.exclude(attempts=1).exists(), f"attempts of a {model.__name__} are counted"
    created = Counter(Event.objects.filter(type__endswith=".created").values_list("type", "subject_id"))
    assert not (twice := [each for each, number in created.items() if number > 1]), f"created twice: {twice}"
    heard = defaultdict(list)
    for receiver, event_id in Heard.objects.order_by("pk").values_list("receiver", "event_id"):
        heard[f"shop.{receiver}"].append(event_id)
    for receiver in {call[1] for call in calls} | heard.keys():
        wanted = sorted(call[-1] for call in calls if call[1] == receiver)
        if receiver == OUTSIDE:
            assert set(outside) == set(wanted), f"{receiver} was called for {set(outside)} instead of {set(wanted)}"
        else:
            assert heard[receiver] == wanted, f"{receiver} has {heard[receiver]} instead of {wanted}"
    assert heard, "no receiver was called"
