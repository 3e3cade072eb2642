"""Directory that keeps messages while the database is away: one file for each message, written durably.

A file gets its final name only when it is complete and on disk: write a dot-file, fsync, rename, fsync the directory.
It is removed only after the database has committed its row. The row's `uid` is the file's name, so importing a file
twice is harmless. Only one process at a time imports files; writing needs no lock. A file names its database and
schema (`spool_owner`), since several may share a directory.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from stockhub_webhooks.conf import conf
from stockhub_webhooks.receiving import spool_owner

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: without the lock a file may be read twice, which `uid` makes harmless
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".json"
BROKEN_SUFFIX = ".broken"
PROBE_PREFIX = ".probe-"
DRAFT_SECONDS = 3600.0  # after so long, the process that wrote a draft has died
MAX_FILE_BYTES = 64 * 1024 * 1024
UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


class Listing(NamedTuple):
    """The files of the spool directory.

    Attributes:
        waiting: the files that wait for import, oldest first.
        drafts: files that are half written, each after the time of its last write.
        broken: the number of files that were set aside.
    """

    waiting: list[Path]
    drafts: list[tuple[float, Path]]
    broken: int


def directory() -> Path | None:
    """Return the spool directory; None if none is configured."""
    return Path(conf.SPOOL_DIR) if conf.SPOOL_DIR else None


def write(record: dict[str, Any]) -> Path:
    """Write the fields of one message to a file, durably; return its path.

    Args:
        record: field values of a `Message` by name; `uid` is a UUID, `received_at` an aware time, `body` bytes.

    Raises:
        OSError: no spool is configured, or it cannot be written.
    """
    folder = directory()
    if folder is None:
        raise FileNotFoundError("STOCKHUB_WEBHOOKS['SPOOL_DIR'] is not set")
    _make_directory(folder)
    text = json.dumps(
        record
        | spool_owner.current().as_record()
        | {
            "uid": str(record["uid"]),
            "received_at": record["received_at"].isoformat(),
            "body": base64.b64encode(record["body"]).decode("ascii"),
        }
    )
    return _write_file(folder, f"{record['uid']}{SUFFIX}", text)


def _make_directory(folder: Path) -> None:
    """Create the directory durably: a file on disk is lost if the entry of its directory is not on disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)


def probe() -> Path:
    """Write a test file as messages are written, and remove it; return the directory that took it.

    If the spool directory does not exist yet, the nearest existing parent takes the file. The first message creates the
    directory, so that it belongs to the server's user.

    Raises:
        OSError: no spool is configured, or it cannot be written.
    """
    folder = directory()
    if folder is None:
        raise FileNotFoundError("STOCKHUB_WEBHOOKS['SPOOL_DIR'] is not set")
    while not folder.exists() and folder != folder.parent:
        folder = folder.absolute().parent
    # a name with a leading dot is never imported
    _write_file(folder, f"{PROBE_PREFIX}{uuid4()}", "a test write").unlink()
    sync_directory(folder)
    return folder


def _write_file(folder: Path, name: str, text: str) -> Path:
    """Write a file that gets its name only when it is complete and on disk."""
    final, draft = folder / name, folder / f".{name}"
    try:
        _write_durably(draft, text)
        draft.rename(final)
    except BaseException:  # half a file would use the last room of a full disk
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_directory(folder)
    return final


def _write_durably(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | UNFOLLOWED, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(folder: Path) -> None:
    """Sync the entries of a directory to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def import_lock() -> Iterator[bool]:
    """Hold the lock for importing files; yield False if another process holds it or there is no directory.

    The directory itself is locked: a lock file could not be created on a full or read-only disk.
    """
    folder = directory()
    if folder is None or not folder.is_dir():
        yield False
        return
    if fcntl is None:  # pragma: no cover - Windows opens no directory
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)  # closing releases the lock, and so does the death of the process


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems lock no directory; `uid` makes a second import harmless
        return True
    return True


def scan() -> Listing:
    """Return the files in the spool directory; none if there is no directory, since the first message creates it.

    Raises:
        OSError: the directory cannot be read.
    """
    waiting: list[tuple[float, str]] = []
    drafts: list[tuple[float, Path]] = []
    broken = 0
    folder = directory()
    if folder is None:
        return Listing([], [], 0)
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(BROKEN_SUFFIX):
                broken += 1
            elif entry.name.endswith(SUFFIX):
                with suppress(FileNotFoundError):  # another process has just imported it
                    written_at = entry.stat(follow_symlinks=False).st_mtime
                    if not entry.name.startswith("."):
                        waiting.append((written_at, entry.path))
                    elif not entry.is_dir(follow_symlinks=False):
                        drafts.append((written_at, Path(entry.path)))
    return Listing([Path(path) for _, path in sorted(waiting)], drafts, broken)


def files() -> Iterator[Path]:
    """Return the files that wait for import, oldest first."""
    return iter(scan().waiting)


def delete_old_drafts(drafts: list[tuple[float, Path]]) -> int:
    """Delete drafts of processes that were killed; return their number. Their senders got no answer.

    Args:
        drafts: as in `Listing`.
    """
    old = [path for written_at, path in drafts if written_at < time.time() - DRAFT_SECONDS]
    for path in old:
        with suppress(OSError):  # a full or read-only disk must not stop the import
            path.unlink(missing_ok=True)
    return len(old)


def broken() -> int:
    """Return the number of files that were set aside."""
    return scan().broken


def read(path: Path) -> dict[str, Any]:
    """Return the JSON object in a regular file; `records.to_message` checks it.

    Raises:
        FileNotFoundError: another process has imported the file.
        OSError: the file cannot be read.
        ValueError: it is no regular file, is too long, or holds something else; it should be set aside.
    """
    content = _read_regular(path)
    try:
        record = json.loads(content)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path.name} is not JSON: {type(error).__name__}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path.name} is not a JSON object")  # noqa: TRY004 - broken, as the others
    return record


def _read_regular(path: Path) -> bytes:
    """Return the bytes of a regular file. A link is not followed, and a pipe or a device is not waited for."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError(f"{path.name} is no regular file")
    descriptor = os.open(path, os.O_RDONLY | UNFOLLOWED | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)  # again: another file may have taken the name
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path.name} is no regular file, or too long")
        return file.read(MAX_FILE_BYTES)


def remove(path: Path) -> None:
    """Delete a file whose message is committed to the database."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that it is kept but not imported; return its new path. No other file is overwritten."""
    aside = path.with_suffix(BROKEN_SUFFIX)
    if os.path.lexists(aside):
        aside = path.with_suffix(f".{uuid4()}{BROKEN_SUFFIX}")
    return path.rename(aside)
