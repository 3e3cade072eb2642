"""Bodies that no column attributes to an order: unreadable messages and refused ones. They are read to find out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias, write_transaction
from stockhub_webhooks.models import MentionedNumber, Message, RefusedBody
from stockhub_webhooks.operations.privacy.subjects import search_for
from stockhub_webhooks.receiving import body_removal, journal, transitions
from stockhub_webhooks.serializers.identity import (
    PURCHASE,
    Identity,
    documents,
    first_document,
    identities,
    text_of,
    without,
)

BATCH = 100  # bodies may be long
ORIGIN = ("url_topic", "account", "source", "key_fingerprint", "remote_address", "received_at")
NAMED = (topics.ORDER, topics.PAYMENT_REQUEST, PURCHASE)  # the number of anything else tells no order that is not here
Test = Callable[[set[Identity]], bool]
Known = Callable[[set[Identity]], set[Identity]]


class About(NamedTuple):
    """Which bodies are about certain documents.

    Attributes:
        is_about: True if one of the documents is among these.
        persons: surname and street of the customers, in lower case: a body that names no order is about one of them if
            it has both.
        among: returns those of the documents, for many bodies at once; without it each body is asked for.
    """

    is_about: Test
    persons: Collection[tuple[str, str]] = ()
    among: Known | None = None

    def matches(self, row: Any) -> bool:
        """Return True if a message, or a refused one, is about one of the documents."""
        return self._holds(_identities(row), bytes(row.body), row.headers)

    def others(self, row: Any) -> bytes:
        """Return the body without the documents; b"" if there is no other one in it."""
        return without(bytes(row.body), row.url_topic, row.headers, partial(self._is_in, url_topic=row.url_topic))

    def own(self, row: Any) -> bytes:
        """Return the body without other documents; the whole body if its documents cannot be told apart."""
        arguments = bytes(row.body), row.url_topic, row.headers
        return without(*arguments, lambda text: not self._is_in(text, row.url_topic)) or bytes(row.body)

    def _is_in(self, text: bytes, url_topic: str) -> bool:
        return self._holds(identities(text, url_topic), text, {})

    def _holds(self, named: set[Identity], body: bytes, headers: dict[str, str]) -> bool:
        if self.is_about(named) or not self.persons or any(topic in NAMED for topic, _number in named):
            return self.is_about(named)
        text = text_of(body, headers).lower()
        return any(surname in text and street in text for surname, street in self.persons)


def unapplied(account: str) -> Any:
    """Return the messages of an account that were not applied and have a body."""
    states = (Message.Status.QUARANTINED, Message.Status.FAILED, Message.Status.DISMISSED)
    return Message.objects.using(database_alias()).filter(account=account, status__in=states, body_removed_at=None)


def waiting(account: str, about: About) -> int:
    """Return the number of open messages of an account about certain documents: they are erased when applied."""
    rows = Message.objects.using(database_alias()).filter(account=account, status=Message.Status.RECEIVED)
    return sum(map(about.matches, _each(rows)))


def of_person(account: str, about: About) -> tuple[list[Message], list[RefusedBody]]:
    """Return the messages that were not applied, and the refused ones, about certain documents.

    A body that holds other documents, too, has those of the customer alone.
    """
    found: tuple[list[Any], list[Any]] = ([], [])
    for kept, rows in zip(found, (unapplied(account), RefusedBody.objects.using(database_alias())), strict=True):
        for row in _each_about(rows, about):
            row.body = about.own(row)
            kept.append(row)
    return found


def orders_beside(text: str, account: str) -> set[str]:
    """Return the orders that messages that were not applied, and refused ones, name in a document with a text."""
    holds_it, found = search_for(text), set[str]()
    for rows in (unapplied(account), RefusedBody.objects.using(database_alias())):
        for row in _each(rows):
            for document, named in documents(bytes(row.body), row.url_topic, row.headers):
                if holds_it(document):
                    found |= {number for topic, number in named if topic == topics.ORDER}
    return found


def clean_unapplied(account: str, about: About) -> set[int]:
    """Remove the bodies of messages that were not applied and are about certain documents; return their keys.

    Other documents in the same body become a message of their own, so that the copy of the journal has them, too.
    """
    cleaned = set()
    for message in _each_about(unapplied(account), about):
        cleaned.add(message.pk)
        with write_transaction(database_alias()):
            if rest := about.others(message):
                _enter_others(message, rest)
            forget(Message.objects.using(database_alias()).filter(pk=message.pk))
    return cleaned


def _enter_others(message: Message, body: bytes) -> None:
    """Journal the other documents of a message; what a person dismissed stays dismissed."""
    others = Message(
        body=body, headers=plain_headers(message.headers), **{name: getattr(message, name) for name in ORIGIN}
    )
    journal.enter(others, claim=uuid4() if message.status == Message.Status.DISMISSED else None)
    if message.status == Message.Status.DISMISSED:
        transitions.dismiss(others, "", dismissed_by=message.dismissed_by)


def forget(rows: Any) -> int:
    """Remove the bodies and errors of messages for good; those that were not applied count as settled."""
    unsettled = (Message.Status.QUARANTINED, Message.Status.FAILED)
    settled = {"status": Message.Status.DISMISSED, "due_at": None}
    rows.filter(status__in=unsettled).update(**settled)
    rows.filter(status=Message.Status.DISMISSED).update(dismissed_reason=Message.ERASED)
    return body_removal.remove_bodies(rows, error="")


def clean_refused(about: About) -> set[int]:
    """Delete refused bodies about certain documents; return their keys. Other documents in the same body stay."""
    rows = RefusedBody.objects.using(database_alias())
    cleaned = set()
    for kept in _each_about(rows, about):
        cleaned.add(kept.pk)
        row = rows.filter(pk=kept.pk)
        MentionedNumber.objects.using(database_alias()).filter(refused_body=kept.pk).delete()
        if rest := about.others(kept):
            first = first_document(rest, kept.url_topic) or Identity(kept.topic, "")
            values = {"topic": first.topic, "increment_id": first.number, "dismissed_reason": ""}
            row.update(body=rest, headers=plain_headers(kept.headers), **values)
        else:
            row.delete()
    return cleaned


def _each(rows: Any) -> Iterator[Any]:
    """Yield rows in batches, without a cursor that stays open."""
    for batch in _batches(rows):
        yield from batch


def _each_about(rows: Any, about: About) -> Iterator[Any]:
    """Yield the rows about certain documents."""
    for batch in _batches(rows):
        if about.among is None:
            yield from filter(about.matches, batch)
            continue
        named = {row.pk: _identities(row) for row in batch}
        known = about.among(set().union(*named.values()))
        yield from (row for row in batch if named[row.pk] & known)


def _batches(rows: Any) -> Iterator[list[Any]]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk


def _identities(row: Any) -> set[Identity]:
    named = identities(bytes(row.body), row.url_topic, row.headers)
    # the number that was read when the body came, which may be of a part that was removed since
    return named or ({Identity(row.topic, row.increment_id)} if row.increment_id else set())


def plain_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers without those that describe the former body."""
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "content-type")}
