"""Messages by hand: what Winkelstraat mails, another server's dump, spool files from a lost disk.

They go the way of every message. A bare body gets `source="hand"`; a record keeps its `uid`, so that taking it twice
is harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.utils import timezone

from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, records

WHOLE_BYTES = 64 * 1024 * 1024
DECODER = json.JSONDecoder(parse_float=str, parse_int=str)  # numbers are not looked at
BETWEEN = re.compile(r"[ \t\r\n,]*")


@dataclass(frozen=True)
class Found:
    """One thing in a file, and the line it begins on: the text of a body or a record, or what is wrong there."""

    line: int
    text: str = field(default="", repr=False)
    fault: str = ""


# ---------------------------------------------------------------- from a file


def find(lines: Iterable[bytes]) -> Iterator[Found]:
    """The bodies and records in a file: one JSON text, a list of them, or one a line.

    A file whose first line is JSON by itself is read line by line, in constant memory; another as a whole first.
    """
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip(b" \t\r\n\xef\xbb\xbf"))
    first = next(numbered, None)
    if first is None:
        return
    if _parses(first[1]):
        yield from _each_line(chain([first], numbered))
        return
    start, size = [first], len(first[1])
    for entry in numbered:
        start.append(entry)
        size += len(entry[1])
        if size > WHOLE_BYTES:
            break
    whole = b"".join(line for _, line in start)
    if size <= WHOLE_BYTES and (_parses(whole) or not any(_parses(line) for _, line in start)):
        # an empty line inside is left out above, so lines are counted by what is left
        yield from _in_text(whole, [number for number, _ in start])
    else:
        yield from _each_line(chain(start, numbered))


def _each_line(numbered: Iterable[tuple[int, bytes]]) -> Iterator[Found]:
    for number, line in numbered:
        yield from _in_text(line, [number])


def _parses(raw: bytes) -> bool:
    try:
        text = raw.decode("utf-8-sig").strip()
        return isinstance(DECODER.decode(text), (dict, list))
    except (ValueError, RecursionError):
        return False


def _in_text(raw: bytes, numbers: list[int]) -> Iterator[Found]:
    """One JSON text: an object as it stands, each element of a list as it stands."""
    try:
        text = raw.decode("utf-8-sig").strip()
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        yield Found(numbers[raw.count(b"\n", 0, error.start)], fault="not UTF-8")
    except json.JSONDecodeError as error:
        line = numbers[min(error.lineno, len(numbers)) - 1]
        yield Found(line, fault=f"not JSON: {error.msg}, column {error.colno}")
    except RecursionError:
        yield Found(numbers[0], fault="not JSON: nested too deep")
    else:
        yield from _elements(text, numbers) if isinstance(value, list) else [_checked(numbers[0], text, value)]


def _elements(text: str, numbers: list[int]) -> Iterator[Found]:
    line = former = 0
    at = _past(text, 1)
    while text[at] != "]":
        line, former = line + text.count("\n", former, at), at
        value, end = DECODER.raw_decode(text, at)
        yield _checked(numbers[line], text[at:end], value)
        at = _past(text, end)


def _past(text: str, at: int) -> int:
    """Where the next element begins, or the list ends."""
    between = BETWEEN.match(text, at)
    return between.end() if between else at


def _checked(line: int, text: str, value: Any) -> Found:
    return Found(line, text) if isinstance(value, dict) else Found(line, fault="neither a body nor a record: no object")


# ---------------------------------------------------------------- into the journal


@dataclass
class Intake:
    """Takes messages in, and counts.

    The first three say what a bare body does not say of itself: its topic ("" for by its shape), its account, and when
    it came in (None for now; the order of taking is kept).
    """

    account: str
    topic: str = ""
    received_at: datetime | None = None
    stored: int = 0
    known: int = 0

    def take(self, text: str) -> None:
        """Put the message in an object's text into the journal, unless it is there.

        Raises:
            ValueError: it cannot be taken; the text says why.
            Unreadable: it is a bare body that could not be applied as it is.
            django.db.Error: it is not stored.
        """
        data = DECODER.decode(text)
        message = records.message(data) if records.is_record(data) else self._bare(text.encode())
        if Message.objects.using(database_alias()).filter(uid=message.uid).exists():
            self.known += 1
            return
        journal.enter(message)
        self.stored += 1

    def _bare(self, body: bytes) -> Message:
        moment = self.received_at and self.received_at + timedelta(microseconds=self.stored)
        return bare(body, account=self.account, topic=self.topic, received_at=moment)


def bare(body: bytes, *, account: str, topic: str = "", received_at: datetime | None = None) -> Message:
    """The message, not saved, of a bare body.

    Raises:
        ValueError: it is too long.
        Unreadable: it could not be applied as it is, so it is better mended first.
    """
    if len(body) > conf.MAX_BODY_BYTES:
        raise ValueError(f"the body has {len(body)} bytes, more than MAX_BODY_BYTES ({conf.MAX_BODY_BYTES})")
    serializers.read(body, topic)
    return Message(
        url_topic=topic,
        account=account,
        body=body,
        source=Message.Source.HAND,
        received_at=received_at or timezone.now(),
    )
