"""Copy of the journal in files (`JOURNAL_COPY_DIR`): `stockhub_ingest` reads from it what a restored backup lacks.

The answer to the sender depends on the database alone. A message is written to the file right after its commit and
before the answer, so that a killed process loses none. The file is synced to the disk within `SYNC_SECONDS`, so that
many messages share one fsync. A failure of the copy never fails the message.

A thread of its own does all that can hang: a disk that does not answer holds a message up for `WAIT_SECONDS` at most,
and once it is known to hang, not at all. The messages wait in memory for it then.

Each process has a file of its own for each hour (UTC), with a record on each line. Nothing is written to a file once
its hour is over, so it may be rewritten or deleted then.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import records, spool

logger = logger_of(__name__)

SYNC_SECONDS = 1.0
WAIT_SECONDS = 1.0
MAX_WAITING_BYTES = 16 * 2**20
SUFFIX = ".jsonl"
HOUR = "%Y%m%dT%H"


def directory() -> Path | None:
    """Return the directory; None if none is configured."""
    return Path(conf.JOURNAL_COPY_DIR) if conf.JOURNAL_COPY_DIR else None


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of a directory, oldest first."""
    yield from sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def drafts(folder: Path) -> Iterator[Path]:
    """Yield the files that are written to take the place of others."""
    yield from folder.glob(f".*{SUFFIX}.*")


def probe() -> None:
    """Write a test file into the directory, if one is configured, and remove it.

    Raises:
        OSError: the directory cannot be written, or its disk does not answer (`TimeoutError`).
    """
    if folder := directory():
        COPY.run_in_thread(partial(_probe, folder))


def _probe(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{spool.PROBE_PREFIX}{uuid.uuid4().hex}"
    try:
        path.write_bytes(b"\n")
    finally:
        path.unlink(missing_ok=True)


class _Task:
    """A disk operation for the writer thread."""

    def __init__(self, run: Callable[[], None], size: int) -> None:
        self.run = run
        self.size = size
        self.error: Exception | None = None
        self.is_done = threading.Event()


class JournalCopy:
    """The open file of this process, and the thread that writes to it."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()  # sync runs in a thread of its own, too
        self._file = -1
        self._timer: threading.Timer | None = None  # until the fsync is done
        self._is_unsynced = False
        self._waiting_bytes = 0
        self._owner: tuple[int, Path, str] | None = None  # process, directory and hour of the open file
        self._is_torn = False
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_stalled = False  # from a time-out until any task ends

    def append(self, message: Message) -> None:
        """Append a committed message. An error is logged, and is no reason to fail the message."""
        folder = directory()
        if folder is None:
            return
        try:
            line = f"{records.to_line(message)}\n".encode()
            self.run_in_thread(partial(self._append, folder, line), len(line))
        except TimeoutError:
            pass  # logged once
        except Exception as error:
            logger.error(
                "message %s is in the database, but not in the copy of the journal (%s); once JOURNAL_COPY_DIR can be "
                "written again, stockhub_dump --since writes what it lacks",
                message.uid,
                error_location(error),
            )

    def run_in_thread(self, run: Callable[[], None], size: int = 1024) -> None:
        """Run a disk operation in the writer thread, after those that wait already; wait for it for a limited time.

        Raises:
            TimeoutError: the disk does not answer; it is done later, unless too much waits already.
            Exception: what `run` raised.
        """
        task = _Task(run, size)
        with self._lock:
            self._start_thread()
            has_room = not self._waiting_bytes or self._waiting_bytes + size <= MAX_WAITING_BYTES
            if has_room:
                self._waiting_bytes += size
                self._tasks.put(task)
            is_known_to_hang = self._is_stalled
        if not task.is_done.wait(WAIT_SECONDS if has_room and not is_known_to_hang else 0):
            if not is_known_to_hang:
                self._note_stall(task)
            raise TimeoutError("the disk does not answer" if has_room else "no more is kept for a disk that hangs")
        if task.error is not None:
            raise task.error

    def _start_thread(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="stockhub-journal-copy", daemon=True)
            thread.start()  # if the system has no further thread, the next message tries again
            self._thread = thread

    def _note_stall(self, task: _Task) -> None:
        """Log that the disk does not answer, once until a task ends; this one may have ended in the meantime."""
        with self._lock:
            if self._is_stalled or task.is_done.is_set():
                return
            self._is_stalled = True
        logger.error(
            "the disk of JOURNAL_COPY_DIR does not answer: new messages are in the database, and wait in memory for "
            "the copy; once the disk answers again, stockhub_dump --since writes what the copy lacks"
        )

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task.run()
            except Exception as error:  # raised where somebody waits for it
                task.error = error
            with self._lock:
                self._waiting_bytes -= task.size
                self._is_stalled = False
                task.is_done.set()

    def _append(self, folder: Path, line: bytes) -> None:
        self._open(folder)
        self._write(line)
        with self._lock:
            self._is_unsynced = True
            self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            timer = threading.Timer(SYNC_SECONDS, self.sync)
            timer.daemon = True
            timer.start()
            self._timer = timer

    def sync(self) -> None:
        """Sync the file to the disk."""
        with self._lock:
            self._is_unsynced = False
            file = os.dup(self._file) if self._file >= 0 else -1
        try:  # without the lock: messages that come in meanwhile do not wait for the disk
            if file >= 0:
                os.fsync(file)
        except OSError as error:
            logger.error("the copy of the journal could not be put on its disk (%s)", error_location(error))
        finally:
            if file >= 0:
                os.close(file)
            with self._lock:
                self._timer = None
                if self._is_unsynced:
                    self._start_timer()

    def close(self) -> None:
        """Put what was written on the disk, and close the file."""
        self.sync()
        with self._lock:
            file, self._file, self._owner = self._file, -1, None
        if file >= 0:
            os.close(file)

    def _open(self, folder: Path) -> None:
        """Open the file of this process, directory and hour, unless it is open."""
        hour = datetime.now(timezone.utc).strftime(HOUR)
        owner = (os.getpid(), folder, hour)
        if owner == self._owner:
            return
        self.close()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{hour}-{os.getpid()}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | spool.UNFOLLOWED, 0o600)
        with self._lock:
            self._file, self._owner = file, owner
        self._is_torn = False
        if os.name == "posix":  # Windows has no descriptor of a directory
            spool.sync_directory(folder)

    def _write(self, line: bytes) -> None:
        if self._is_torn:  # the disk was full in the middle of a line
            line = b"\n" + line
        written = 0
        while written < len(line):
            self._is_torn = written > 0 or self._is_torn
            written += os.write(self._file, line[written:])
        self._is_torn = False

    def after_fork(self) -> None:
        """Start with fresh state: the file is the parent's, and another thread may have held the lock."""
        if self._file >= 0:
            os.close(self._file)
        self._forget()


COPY = JournalCopy()
append = COPY.append
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COPY.after_fork)
