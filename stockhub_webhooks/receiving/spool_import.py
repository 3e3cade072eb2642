"""Import of spooled messages into the journal: each file once, even if a process is killed.

Web processes and the worker both call it; one process at a time imports. A file that fails is tried again after a pause
that doubles, and does not stop the other files.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from django.db import DataError
from django.db import Error as DatabaseFault

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import database_alias, is_reachable
from stockhub_webhooks.db.throttle import Backoff, Tally, Throttle
from stockhub_webhooks.db.timeouts import SLOW_SECONDS, query_timeout
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, records, spool, spool_owner
from stockhub_webhooks.receiving.spool_owner import Owner

logger = logger_of(__name__)

SLICE_SECONDS = 0.1
PASS_SECONDS = 3.0  # messages in the database wait until an import ends
LOGGED_FILES = 20  # by name; the others share one line

web_throttle = Throttle(0.5)
file_backoff = Backoff(1.0, 3600.0)  # by file name
log_tally = Tally(3600.0, LOGGED_FILES)  # by file name
_foreign_files: dict[str, Owner] = {}  # file name to owner, of files that belong to other databases


def import_after_answer() -> int:
    """Import files for a tenth of a second, at most twice a second; return the number of new messages.

    Web processes do that with any runner: in a container, no other process may see their spool directory.

    Raises:
        django.db.Error: the database is away.
    """
    if not web_throttle.is_due():
        return 0
    web_throttle.start()
    return import_spool(until=time.monotonic() + SLICE_SECONDS)


def import_spool(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Move files of the spool into the database, for a few seconds at most; return the number of new messages.

    A file that cannot be read, that the database rejects or that belongs to another database stays in the spool and
    does not stop the others. If the directory cannot be read, that is logged and nothing is imported.

    Args:
        until: when to stop, on the clock of `time.monotonic`.
        stop: checked between two files.

    Raises:
        django.db.Error: the database is still away; the remaining files stay in the spool.
    """
    stored = 0
    until = min(until, time.monotonic() + PASS_SECONDS)
    try:
        listing = spool.scan()
        if not listing.waiting and not listing.drafts:
            return 0
        with spool.import_lock() as allowed:
            if not allowed:
                return 0
            spool.delete_old_drafts(listing.drafts)
            for path in _due(listing.waiting):
                began = time.monotonic()
                if began >= until or (stop and stop.is_set()):
                    break
                stored += _import(path)
                if time.monotonic() - began > SLOW_SECONDS:  # the next one may be as slow, so other work comes first
                    break
    except OSError as error:
        if log_tally.add("")[1] == 1:
            logger.error(
                "the spool directory cannot be read (%s); its files stay and are tried again later",
                type(error).__name__,
            )
    return stored


def _due(paths: list[Path]) -> list[Path]:
    """Return the files of this database whose pause is over: those that never failed first, then by age."""
    names = {path.name for path in paths}
    file_backoff.keep(names)
    for name in [name for name in _foreign_files if name not in names]:
        del _foreign_files[name]
    here = spool_owner.current()
    due = [path for path in paths if _foreign_files.get(path.name, here) == here and file_backoff.is_due(path.name)]
    return sorted(due, key=lambda path: file_backoff.has_started(path.name))


def _import(path: Path) -> bool:
    """Import one file, or postpone it if it fails; return True if its message is new."""
    try:
        return _store(path)
    except FileNotFoundError:  # another process has just imported it
        return False
    except OSError as error:
        _postpone(path, "cannot be read", type(error).__name__)
    except Exception as error:
        if isinstance(error, DatabaseFault) and not is_reachable(database_alias()):
            raise
        _postpone(path, "could not be stored", error_location(error))
    return False


def _store(path: Path) -> bool:
    """Store the message of one file and delete the file; set a file aside that holds no message."""
    try:
        record = spool.read(path)
        owner = spool_owner.owner_of(record)
        if owner != spool_owner.current():
            _foreign_files[path.name] = owner
            return False
        message = records.to_message(record)
        is_stored = _is_stored(message)  # a process may have been killed between storing and deleting
    except ValueError as error:
        _set_aside(path, error)
        return False
    if not is_stored:
        try:
            journal.commit(message)
        except (DataError, ValueError) as error:
            _set_aside(path, error)
            return False
        signals.message_received.send_robust(Message, message=message)
    else:
        journal.release_stored(message)
    try:
        spool.remove(path)
    except OSError as error:
        _postpone(path, "is stored but cannot be removed", type(error).__name__)
    return not is_stored


def _postpone(path: Path, event: str, detail: str) -> None:
    """Leave the file alone for a pause that doubles, and log it once an hour."""
    file_backoff.start(path.name)
    name, count = log_tally.add(path.name)
    if count == 1:
        logger.error(
            "spool file %s %s (%s); it stays and is tried again later (logged once an hour for a file)",
            name or "of many",
            event,
            detail,
        )


def _is_stored(message: Message) -> bool:
    """Return True if the database has this message already.

    Raises:
        ValueError: another message has the same `uid`; the file was copied or changed by hand.
    """
    using = database_alias()
    with query_timeout(using):
        rows = Message.objects.using(using).filter(uid=message.uid)
        stored = rows.values_list("body", "body_removed_at").first()
    if stored is not None and stored[1] is None and bytes(stored[0]) != message.body:
        raise ValueError("another message has its uid")
    return stored is not None


def _set_aside(path: Path, error: Exception) -> None:
    """Set a broken file aside and log it."""
    try:
        aside = spool.set_aside(path)
    except OSError as fault:
        _postpone(path, "is not a message and cannot be set aside", type(fault).__name__)
        return
    logger.error("spool file %s is not a message (%s); it is kept as %s", path.name, type(error).__name__, aside.name)
