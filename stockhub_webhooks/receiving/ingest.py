"""Messages from files: mails of Winkelstraat, the dump of another server, spool files of a lost disk.

They are journaled and applied like any message. A bare body gets `source="hand"`. A record keeps its `uid`, so it is
harmless to ingest it twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, records

MAX_WHOLE_BYTES = 64 * 1024 * 1024  # a larger file is read line by line
DECODER = json.JSONDecoder(parse_float=str, parse_int=str)  # numbers keep their digits
SEPARATOR = re.compile(r"[ \t\r\n,]*")


@dataclass(frozen=True)
class FileEntry:
    """An entry of a file: a body or a record, or a fault.

    Attributes:
        line: the number of its first line.
        text: its JSON text; "" if it has a fault.
        fault: why it is neither a body nor a record; "" if it is one.
    """

    line: int
    text: str = field(default="", repr=False)
    fault: str = ""


# ---------------------------------------------------------------- from a file


def entries(lines: Iterable[bytes]) -> Iterator[FileEntry]:
    """Yield the bodies and records of a file: one JSON text, a list of them, or one on each line.

    A file whose first line is complete JSON is read line by line, in constant memory. Any other file is first read as a
    whole.
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
        if size > MAX_WHOLE_BYTES:
            break
    whole = b"".join(line for _, line in start)
    if size <= MAX_WHOLE_BYTES and (_parses(whole) or not any(_parses(line) for _, line in start)):
        # empty lines were left out above, so the numbers of the others are passed on
        yield from _in_text(whole, [number for number, _ in start])
    else:
        yield from _each_line(chain(start, numbered))


def _each_line(numbered: Iterable[tuple[int, bytes]]) -> Iterator[FileEntry]:
    for number, line in numbered:
        yield from _in_text(line, [number])


def _parses(raw: bytes) -> bool:
    try:
        text = raw.decode("utf-8-sig").strip()
        return isinstance(DECODER.decode(text), (dict, list))
    except (ValueError, RecursionError):
        return False


def _in_text(raw: bytes, numbers: list[int]) -> Iterator[FileEntry]:
    """Yield an object, or each element of a list, with its text unchanged."""
    try:
        text = raw.decode("utf-8-sig").strip()
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        yield FileEntry(numbers[raw.count(b"\n", 0, error.start)], fault="not UTF-8")
    except json.JSONDecodeError as error:
        line = numbers[min(error.lineno, len(numbers)) - 1]
        yield FileEntry(line, fault=f"not JSON: {error.msg}, column {error.colno}")
    except RecursionError:
        yield FileEntry(numbers[0], fault="not JSON: nested too deep")
    else:
        yield from _elements(text, numbers) if isinstance(value, list) else [_checked(numbers[0], text, value)]


def _elements(text: str, numbers: list[int]) -> Iterator[FileEntry]:
    line = previous = 0
    at = _skip_separator(text, 1)
    while text[at] != "]":
        line, previous = line + text.count("\n", previous, at), at
        value, end = DECODER.raw_decode(text, at)
        yield _checked(numbers[line], text[at:end], value)
        at = _skip_separator(text, end)


def _skip_separator(text: str, at: int) -> int:
    """Return the position of the next element, or of the end of the list."""
    separator = SEPARATOR.match(text, at)
    return separator.end() if separator else at


def _checked(line: int, text: str, value: Any) -> FileEntry:
    if isinstance(value, dict):
        return FileEntry(line, text)
    return FileEntry(line, fault="neither a body nor a record: it is not a JSON object")


def merged(files: Mapping[str, Path]) -> Iterator[tuple[str, FileEntry]]:
    """Yield the entries of several files of records by their time of receipt, each with the name of its file.

    Processes write their files in parallel, and messages must be applied in the sequence of their receipt. Only the
    times are held in memory.

    Raises:
        OSError: a file cannot be read.
    """
    lines = sorted(line for name, path in files.items() for line in _offsets(name, path))
    for _received_at, name, offset, number in lines:
        with files[name].open("rb") as file:  # there may be more files than a process may have open
            file.seek(offset)
            line = file.readline()
        yield from ((name, entry) for entry in _each_line([(number, line)]))


def _offsets(name: str, path: Path) -> Iterator[tuple[float, str, int, int]]:
    """Yield time of receipt, file name, offset and line number of each line; the time of an unreadable line is 0."""
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, start=1):
            if line.strip():
                received_at = 0.0
                with suppress(ValueError, RecursionError, AttributeError, TypeError, KeyError):
                    received_at = datetime.fromisoformat(json.loads(line)["received_at"]).timestamp()
                yield received_at, name, offset, number
            offset += len(line)


# ---------------------------------------------------------------- into the journal


@dataclass
class Intake:
    """Journals entries and counts them.

    Attributes:
        account: the account of bare bodies.
        topic: the topic of bare bodies; if it is "", the fields of each body show its topic.
        received_at: the time at which bare bodies were received; None means now. Their order is kept.
        stored: the number of new messages.
        known: the number of messages that were in the journal already.
    """

    account: str
    topic: str = ""
    received_at: datetime | None = None
    stored: int = 0
    known: int = 0

    def take(self, text: str) -> UUID:
        """Journal the message of an entry, unless it was journaled before; return its `uid`.

        Args:
            text: a JSON object, a body or a record.

        Raises:
            ValueError: the entry is not acceptable; the text of the error says why.
            Unreadable: a bare body could not be applied as it is.
            django.db.Error: the message is not stored.
        """
        data = DECODER.decode(text)
        message = records.to_message(data) if records.is_record(data) else self._bare(text.encode())
        if Message.objects.using(database_alias()).filter(uid=message.uid).exists():
            self.known += 1
        else:
            journal.enter(message)
            self.stored += 1
        return message.uid

    def _bare(self, body: bytes) -> Message:
        # one microsecond apart, so that a later body counts as the newer one
        received_at = self.received_at and self.received_at + timedelta(microseconds=self.stored)
        return bare(body, account=self.account, topic=self.topic, received_at=received_at)


def count_due(uids: Sequence[UUID]) -> int:
    """Return how many of these messages wait to be applied now."""
    return sum(
        Message.objects.using(database_alias()).filter(uid__in=batch).due(NOW).count() for batch in _batches(uids)
    )


def results(uids: Sequence[UUID]) -> Iterator[str]:
    """Yield a line about each of these messages: its key, topic and number, and its outcome or why it has none."""
    for batch in _batches(uids):
        rows = Message.objects.using(database_alias()).filter(uid__in=batch)
        by_uid = {message.uid: message for message in rows}
        yield from (_result(by_uid[uid]) if uid in by_uid else f"message {uid} is gone" for uid in batch)


def _batches(uids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (uids[start : start + records.BATCH] for start in range(0, len(uids), records.BATCH))


def _result(message: Message) -> str:
    topic, number = message.topic, message.increment_id
    if message.status == Message.Status.RECEIVED:  # topic and number are stored once the message is applied
        with suppress(Unreadable):
            parsed = serializers.identify(bytes(message.body), message.url_topic, message.headers)
            topic, number = parsed.topic, parsed.increment_id
    name = " ".join(filter(None, (f"message {message.pk},", topic or "topic unknown", number)))
    if message.outcome == Message.Outcome.SPLIT:
        result = "split; " + "; ".join(map(_result, message.parts.using(database_alias()).order_by("position")))
    elif message.status == Message.Status.APPLIED:
        result = f"{message.outcome}, in part" if message.is_in_part else message.outcome
    elif message.status == Message.Status.QUARANTINED:
        reason, _colon, detail = message.error.partition(": ")
        result = f"quarantined. {Unreadable.REASONS.get(reason, reason)} ({detail}.)"
    elif message.status == Message.Status.FAILED:
        result = f"given up ({message.cause})"
    else:
        result = f"failed ({message.cause}), tried again later" if message.cause else "waits to be applied"
    return f"{name}: {result}"


def bare(
    body: bytes,
    *,
    account: str,
    topic: str = "",
    received_at: datetime | None = None,
    headers: dict[str, str] | None = None,
) -> Message:
    """Return an unsaved message with this body, and the headers that say how to read it.

    Raises:
        ValueError: the body is too long.
        Unreadable: the body could not be applied as it is, so it should be corrected first.
    """
    if len(body) > conf.MAX_BODY_BYTES:
        raise ValueError(f"the body has {len(body)} bytes, more than MAX_BODY_BYTES ({conf.MAX_BODY_BYTES})")
    serializers.read(body, topic, headers)
    return Message(
        url_topic=topic,
        account=account,
        body=body,
        headers=headers or {},
        source=Message.Source.HAND,
        received_at=received_at or timezone.now(),
    )
