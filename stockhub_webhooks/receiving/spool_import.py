"""Import of spooled messages into the journal: each file once, even if a process is killed, and independently.

Web processes and the worker both call it; one process at a time imports.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from django.db import DataError
from django.db import Error as DatabaseFault

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import database_alias, is_reachable
from stockhub_webhooks.db.timeouts import query_timeout, should_retry
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, records, spool

logger = logger_of(__name__)

MAX_CONSECUTIVE_FAILURES = 5


def import_spool(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Move the files of the spool into the database; return the number of new messages.

    A file that cannot be read or that the database rejects stays in the spool and does not stop the others. Nor does a
    directory that cannot be read raise an error.

    Args:
        until: end of the time for it, by `time.monotonic`.
        stop: checked between two files.

    Raises:
        django.db.Error: the database is still away; the remaining files stay in the spool.
    """
    stored = failures = 0
    try:
        spool.sweep()
        with spool.taking_out() as allowed:
            for path in spool.files() if allowed else ():
                if failures >= MAX_CONSECUTIVE_FAILURES or time.monotonic() >= until or (stop and stop.is_set()):
                    break
                is_new = _import(path)
                stored += bool(is_new)
                # several rejections in a row: the database rejects everything, so stop for now
                failures = failures + 1 if is_new is None else 0
    except OSError as error:
        logger.error(
            "the spool directory cannot be read or written (%s); its files stay and are tried again later",
            type(error).__name__,
        )
    return stored


def _import(path: Path) -> bool | None:
    """Store the message of one file, then delete the file.

    Returns:
        True if the message is new, False if there was nothing to store, None if the database rejected it.
    """
    began = time.monotonic()
    try:
        return _store(path)
    except FileNotFoundError:  # another process has just imported it
        return False
    except OSError as error:
        logger.error(
            "spool file %s cannot be read or removed (%s); it stays and is tried again later",
            path.name,
            type(error).__name__,
        )
        return False
    except Exception as error:
        if isinstance(error, DatabaseFault) and not (should_retry(1, began) and is_reachable(database_alias())):
            raise
        logger.error(
            "spool file %s could not be stored (%s); it stays and is tried again later",
            path.name,
            error_location(error),
        )
        return None


def _store(path: Path) -> bool:
    try:
        message = records.to_message(spool.read(path))
        is_stored = _is_stored(message)  # a process may have been killed between storing and deleting
    except ValueError as error:
        return _set_aside(path, error)
    if not is_stored:
        try:
            journal.commit(message)
        except (DataError, ValueError) as error:
            return _set_aside(path, error)
        signals.message_received.send_robust(Message, message=message)
    else:
        journal.release_stored(message)
    spool.remove(path)
    return not is_stored


def _is_stored(message: Message) -> bool:
    """Return True if the database has this message already.

    Raises:
        ValueError: another message has the same `uid`; the file was copied or changed by hand.
    """
    using = database_alias()
    with query_timeout(using):
        stored = Message.objects.using(using).filter(uid=message.uid).values_list("body", flat=True).first()
    if stored is not None and bytes(stored) != message.body:
        raise ValueError("another message has its uid")
    return stored is not None


def _set_aside(path: Path, error: Exception) -> bool:
    aside = spool.set_aside(path)
    logger.error("spool file %s is not a message (%s); it is kept as %s", path.name, type(error).__name__, aside.name)
    return False
