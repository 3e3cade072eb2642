"""The directory that takes messages while the database cannot: one file a message, written durably.

A file appears under its final name only when it is whole and on disk: dot-file, fsync, rename, fsync of
the directory. It is removed only after the database has committed its row, and the row's `uid` is the file's
name, so reading a file twice is harmless. One process at a time takes files out; putting in needs no lock.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from stockhub_webhooks.conf import conf

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: without the lock a file may be read twice, which `uid` makes harmless
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".json"
LOCK_NAME = ".lock"
BROKEN_SUFFIX = ".broken"
DRAFT_SECONDS = 3600.0  # nobody writes one file for so long


def directory() -> Path | None:
    """Where the spool is, None where none is configured."""
    return Path(conf.SPOOL_DIR) if conf.SPOOL_DIR else None


def write(record: dict[str, Any]) -> Path:
    """Put one message's fields into the spool, durably.

    Args:
        record: the fields of a `Message` by name; `uid` a UUID, `received_at` an aware time, `body` bytes.

    Raises:
        OSError: there is no spool, or it cannot be written.
    """
    folder = directory()
    if folder is None:
        raise FileNotFoundError("STOCKHUB_WEBHOOKS['SPOOL_DIR'] is not set")
    _provide(folder)
    text = json.dumps(
        record
        | {
            "uid": str(record["uid"]),
            "received_at": record["received_at"].isoformat(),
            "body": base64.b64encode(record["body"]).decode("ascii"),
        }
    )
    return _put(folder, f"{record['uid']}{SUFFIX}", text)


def _provide(folder: Path) -> None:
    """Make the directory, durably: what is on disk in it is lost while its own name above is not."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in missing:
        _sync_directory(path.parent)


def probe() -> Path:
    """Write a file as messages are written, and remove it; the directory that took it.

    A directory that is not there yet is left to the first message, so that it belongs to the server's user; then the
    nearest one above has to take the file.

    Raises:
        OSError: there is no spool, or it cannot be written.
    """
    folder = directory()
    if folder is None:
        raise FileNotFoundError("STOCKHUB_WEBHOOKS['SPOOL_DIR'] is not set")
    while not folder.exists() and folder != folder.parent:
        folder = folder.absolute().parent
    # with a dot before it, nobody takes it for a message
    _put(folder, f".probe-{uuid4()}", "a test of stockhub_doctor").unlink()
    _sync_directory(folder)
    return folder


def _put(folder: Path, name: str, text: str) -> Path:
    """A file that is there only when it is whole and on disk."""
    final, draft = folder / name, folder / f".{name}"
    try:
        _write_durably(draft, text)
        draft.rename(final)
    except BaseException:  # the disk is full: half a file would take what room there is
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_directory(folder)
    return final


def _write_durably(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def taking_out() -> Iterator[bool]:
    """Hold the right to take files out; False where another process has it, or there is nothing to take."""
    folder = directory()
    if folder is None or not _waiting():
        yield False
        return
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)  # which ends the lock, as the process's death does


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def files() -> Iterator[Path]:
    """The messages that wait, oldest first."""
    return iter(sorted(_waiting(), key=_written_at))


def sweep() -> int:
    """Remove what processes left half-written that were killed at it, and nobody was promised; how many files."""
    drafts = [path for path in _ending_in(SUFFIX) if path.name.startswith(".")]
    old = [path for path in drafts if 0 < _written_at(path) < time.time() - DRAFT_SECONDS]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def broken() -> int:
    """How many files were set aside."""
    return len(_ending_in(BROKEN_SUFFIX))


def _waiting() -> list[Path]:
    return [path for path in _ending_in(SUFFIX) if not path.name.startswith(".")]


def _ending_in(suffix: str) -> list[Path]:
    """The directory's files of that kind. Of one that may not be read, `Path.glob` would say that it is empty."""
    folder = directory()
    try:
        return [path for path in folder.iterdir() if path.name.endswith(suffix)] if folder else []
    except FileNotFoundError:  # it is made when it is needed
        return []


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has just ingested it
        return 0.0


def read(path: Path) -> dict[str, Any]:
    """The message in one file, as it was given to `write`.

    Raises:
        FileNotFoundError: another process has ingested it.
        ValueError: the file is broken; `set_aside` takes it out of the way.
    """
    content = path.read_bytes()
    try:
        record: dict[str, Any] = json.loads(content)
        received_at = datetime.fromisoformat(record["received_at"])
        if received_at.tzinfo is None:
            raise ValueError("received_at has no time zone")
        return record | {
            "uid": UUID(record["uid"]),
            "received_at": received_at,
            "body": base64.b64decode(record["body"], validate=True),
        }
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} is not a spooled message: {type(error).__name__}") from error


def remove(path: Path) -> None:
    """Forget a file whose message is committed."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that it is kept but not read again."""
    return path.rename(path.with_suffix(BROKEN_SUFFIX))
