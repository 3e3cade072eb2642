"""Files of ours with messages: the spool's broken files, and copies of the journal.

A copy is a directory with files of JSON lines, in the format of `stockhub_dump`, one file for each process and hour.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.privacy.bodies import About, plain_headers
from stockhub_webhooks.receiving import journal, journal_copy, records, spool

CLOSED_SECONDS = 3700.0  # a file that was not written for an hour is closed, and can be rewritten
BATCH = 500

TORN_UID = re.compile(rb'"uid"\s*:\s*"([0-9a-f-]{36})"')
PACKED_BODY = re.compile(rb'"body"\s*:\s*"([A-Za-z0-9+/]+)')


def clean_spool(account: str, about: About, *, dry_run: bool = False) -> int:
    """Delete files of an account that the spool set aside and that are about certain documents; return their number.

    Other documents in the same file are kept. Files that wait are imported, and their messages are erased when they are
    applied.
    """
    folder = spool.directory()
    if folder is None or not folder.is_dir():
        return 0
    cleaned = 0
    for path in sorted(folder.glob(f"*{spool.BROKEN_SUFFIX}")):
        message = _message(path)
        if message.account in (account, "") and about.matches(message):
            cleaned += 1
            if not dry_run:
                _keep_others(message, about)
                path.unlink(missing_ok=True)
    return cleaned


def _keep_others(message: Message, about: About) -> None:
    """Write the other documents of a message to the spool, from which they are imported."""
    if message.account and (rest := about.others(message)):
        message.uid, message.body, message.headers = uuid4(), rest, plain_headers(message.headers)
        journal.write_to_spool(message)


def _message(path: Path) -> Message:
    """Return the message of a file, without an account if the file is no record, or not a whole one."""
    content = b""
    with suppress(OSError):
        content = path.read_bytes()
    try:
        return records.to_message(json.loads(content))
    except (ValueError, RecursionError, TypeError):
        packed = found[1] if (found := PACKED_BODY.search(content)) else b""
        return Message(account="", body=base64.b64decode(packed[: len(packed) // 4 * 4]) or content)


def clean_journal_copies(folder: Path, *, now: float | None = None) -> int:
    """Remove the lines of messages whose body was removed from the closed files of a directory; return their number.

    A file that is still written to is left for the next time. Each file is replaced as a whole, durably, or stays.

    Args:
        folder: the directory.
        now: the time, in seconds since 1970; None for the present.

    Raises:
        OSError: a file cannot be read or written.
        django.db.Error: the database does not answer.
    """
    return sum(map(clean_copy, closed_copies(folder, now=now)))


def closed_copies(folder: Path, *, now: float | None = None) -> list[Path]:
    """Return the files that nothing is written to any more, oldest first; remove what a killed process left of others.

    Args:
        folder: the directory.
        now: the time, in seconds since 1970; None for the present.
    """
    limit = (time.time() if now is None else now) - CLOSED_SECONDS
    for draft in journal_copy.drafts(folder):
        if _is_older(draft, limit):
            draft.unlink(missing_ok=True)
    return [path for path in journal_copy.files(folder) if _is_older(path, limit)]


def _is_older(path: Path, limit: float) -> bool:
    with suppress(FileNotFoundError):  # it was moved or deleted in the meantime
        return path.stat().st_mtime <= limit
    return False


def clean_copy(path: Path) -> int:
    """Remove the lines of messages whose body was removed from one closed file; return their number.

    The parts of such a message that still have their body get lines of their own.

    Raises:
        OSError: the file cannot be read or written; it stays as it is.
        django.db.Error: the database does not answer.
    """
    with suppress(FileNotFoundError):  # it was moved or deleted in the meantime
        if any(_without_body(iter(lines)) for lines in _batches(path)):
            return _rewrite(path)
    return 0


def _rewrite(path: Path) -> int:
    draft = path.with_name(f".{path.name}.{uuid4()}")
    times = path.stat()
    kept = removed = 0
    try:
        with open(draft, "wb", opener=_private) as file:
            for lines in _batches(path):
                gone = _without_body(iter(lines))
                parts = _parts(gone)
                for line in lines:
                    uid = _uid(line)
                    stays = parts.get(uid, []) if uid in gone else [line]
                    removed += uid in gone
                    kept += len(stays)
                    file.writelines(stays)
            file.flush()
            os.fsync(file.fileno())
        if not removed:
            return 0
        os.utime(draft, (times.st_atime, times.st_mtime))  # otherwise it would look as if it was still written to
        draft.replace(path)
        if not kept:
            path.unlink()
        return removed
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _batches(path: Path) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            batch.append(line)
            if len(batch) >= BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _without_body(lines: Iterator[bytes]) -> set[UUID]:
    """Return the `uid`s of those messages of the lines whose body was removed for good."""
    uids = {uid for line in lines if (uid := _uid(line))}
    rows = Message.objects.using(database_alias()).filter(uid__in=uids, body_removed_at__isnull=False)
    return set(rows.values_list("uid", flat=True))


def _parts(uids: Collection[UUID]) -> dict[UUID | None, list[bytes]]:
    """Return the lines of the parts that still have their body, by the `uid` of the message that was split."""
    rows = Message.objects.using(database_alias())
    return {
        whole.uid: [
            f"{records.to_line(part)}\n".encode()
            for part in rows.filter(parent=whole, body_removed_at=None).order_by("position")
        ]
        for whole in rows.filter(uid__in=uids, outcome=Message.Outcome.SPLIT).defer("body")
    }


def _uid(line: bytes) -> UUID | None:
    """Return the `uid` of a record, which may be torn: its process was killed, or the disk was full."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        record: Any = json.loads(line)
        return UUID(record["uid"])
    with suppress(ValueError):
        if found := TORN_UID.search(line):
            return UUID(found[1].decode())
    return None
