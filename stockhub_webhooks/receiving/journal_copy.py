"""Copy of the journal (`JOURNAL_COPY_DIR`): what a restored backup of the database lacks, for `stockhub_ingest`.

The promise to the sender is the database's alone. The copy is the second line: a message is handed to the operating
system right after its commit and before the answer, so that a killed process loses none, and is on the disk within
`SYNC_SECONDS`, so that many messages share one fsync. A copy that fails never fails the message.

Each process has a file of its own for each hour (UTC), with a record on each line. Nothing is written to a file once
its hour is over, so it may be rewritten or deleted then.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import records

logger = logger_of(__name__)

SYNC_SECONDS = 1.0
SUFFIX = ".jsonl"
HOUR = "%Y%m%dT%H"
UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def directory() -> Path | None:
    """Return the directory, or None if there is to be no copy."""
    return Path(conf.JOURNAL_COPY_DIR) if conf.JOURNAL_COPY_DIR else None


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of a directory, oldest first."""
    yield from sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def probe() -> None:
    """Write a file and remove it.

    Raises:
        OSError: the directory takes no file.
    """
    if folder := directory():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f".probe-{uuid.uuid4().hex}"
        try:
            path.write_bytes(b"\n")
        finally:
            path.unlink(missing_ok=True)


class JournalCopy:
    """The open file of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._file = -1
        self._owner: tuple[int, Path, str] | None = None  # process, directory and hour of the open file
        self._is_torn = False
        self._timer: threading.Timer | None = None

    def append(self, message: Message) -> None:
        """Append a committed message. An error is logged, and is no reason to fail the message."""
        folder = directory()
        if folder is None:
            return
        try:
            line = f"{records.to_line(message)}\n".encode()
            with self._lock:
                self._open(folder)
                self._write(line)
                if self._timer is None:
                    self._timer = threading.Timer(SYNC_SECONDS, self.sync)
                    self._timer.daemon = True
                    self._timer.start()
        except Exception as error:
            logger.error(
                "message %s is in the database, but not in the copy of the journal (%s); once JOURNAL_COPY_DIR can be "
                "written again, stockhub_dump --since writes what it lacks",
                message.uid,
                error_location(error),
            )

    def sync(self) -> None:
        """Have what was written put on the disk."""
        with self._lock:
            self._timer = None
            file = os.dup(self._file) if self._file >= 0 else -1
        if file < 0:
            return
        try:  # without the lock: messages that come in meanwhile do not wait for the disk
            os.fsync(file)
        except OSError as error:
            logger.error("the copy of the journal could not be put on its disk (%s)", error_location(error))
        finally:
            os.close(file)

    def close(self) -> None:
        """Put what was written on the disk, and close the file."""
        self.sync()
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._forget()

    def _open(self, folder: Path) -> None:
        """Open the file of this process, directory and hour, unless it is open."""
        hour = datetime.now(timezone.utc).strftime(HOUR)
        owner = (os.getpid(), folder, hour)
        if owner == self._owner:
            return
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file, self._owner = -1, None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{hour}-{os.getpid()}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | UNFOLLOWED, 0o600)
        self._owner, self._is_torn = owner, False
        if os.name == "posix":  # Windows has no descriptor of a directory
            place = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(place)
            finally:
                os.close(place)

    def _write(self, line: bytes) -> None:
        if self._is_torn:  # the disk was full in the middle of a line
            line = b"\n" + line
        written = 0
        while written < len(line):
            self._is_torn = written > 0 or self._is_torn
            written += os.write(self._file, line[written:])
        self._is_torn = False

    def after_fork(self) -> None:
        """Leave the file to the process that opened it; the lock may be held in the copy that a fork makes."""
        if self._file >= 0:
            os.close(self._file)
        self._lock = threading.Lock()
        self._forget()


COPY = JournalCopy()
append = COPY.append
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COPY.after_fork)
