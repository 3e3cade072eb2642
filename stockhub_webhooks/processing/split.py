"""Split of a message that holds several documents into one message for each of them."""

from __future__ import annotations

import uuid

from stockhub_webhooks import serializers
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.db.writes import insert
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import transitions
from stockhub_webhooks.serializers import SeveralDocuments

LEFT_OUT = Message.SET_WHEN_APPLIED - {"parent", "position"}
HEADERS_OF_PARENT = ("content-encoding", "content-type")  # do not hold for a part, which is plain JSON in UTF-8


def split(message: Message, parsed: SeveralDocuments) -> None:
    """Insert a message for each document and settle the parent, in the caller's transaction.

    The parts are due at once, and each is applied, quarantined and replayed by itself. If the message was split before,
    only parts that were deleted are inserted anew.

    Raises:
        AlreadySettled: another process finished the parent first.
        Unreadable: none of the parts can be read; or the message is a part itself, since nested splits could exceed the
            limit of documents.
    """
    if message.position is not None:
        raise Unreadable("too_many_documents", f"a part of a body holds {len(parsed.texts)} documents itself")
    parts = [_part(message, position, text) for position, text in enumerate(parsed.texts)]
    _require_a_readable_part(parts)
    rows = Message.objects.using(database_alias())
    stored = {row.uid: row for row in rows.filter(uid__in=[part.uid for part in parts]).only("uid", "parent")}
    insert([part for part in parts if part.uid not in stored], database_alias(), left_out=LEFT_OUT)
    for part in parts:
        if part.uid in stored and stored[part.uid].parent_id is None:  # ingested by itself
            rows.filter(uid=part.uid).update(parent=message, position=part.position)
    transitions.settle(message, parsed, Message.Outcome.SPLIT)


def _part(message: Message, position: int, text: bytes) -> Message:
    return Message(
        uid=uuid.uuid5(message.uid, str(position)),
        parent=message,
        position=position,
        url_topic=message.url_topic,
        topic=message.url_topic,
        account=message.account,
        body=text,
        headers={name: value for name, value in message.headers.items() if name not in HEADERS_OF_PARENT},
        key_fingerprint=message.key_fingerprint,
        remote_address=message.remote_address,
        source=message.source,
        received_at=message.received_at,
        due_at=NOW,
    )


def _require_a_readable_part(parts: list[Message]) -> None:
    faults = []
    for part in parts:
        try:
            serializers.identify(bytes(part.body), part.url_topic, part.headers)
        except Unreadable as fault:
            faults.append(fault)
        else:
            return
    raise faults[0]
