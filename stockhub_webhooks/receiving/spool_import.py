"""What waits in the spool goes into the journal: each file once, whoever is killed at it, and none is in another's way.

Inline traffic and the worker both come by; one process at a time takes files out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import DataError
from django.db import Error as DatabaseFault

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import database_alias, is_reachable
from stockhub_webhooks.db.timeouts import query_timeout, should_retry
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal, spool
from stockhub_webhooks.receiving.journal import SPOOLED

logger = logger_of(__name__)

MOST_REFUSED = 5


def import_spool(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Move what waits in the spool into the database, until the time is over or somebody says stop; how many messages.

    A file, or a whole directory, that cannot be read or written, and a file that the database would not take, waits
    on and stops no other work.

    Args:
        until: on the clock of `time.monotonic`.
        stop: looked at between two files.

    Raises:
        django.db.Error: the database is still away; what was not moved waits on.
    """
    stored = refused = 0
    try:
        spool.sweep()
        with spool.taking_out() as allowed:
            for path in spool.files() if allowed else ():
                if refused >= MOST_REFUSED or time.monotonic() >= until or (stop and stop.is_set()):
                    break
                taken = _ingest(path)
                stored += bool(taken)
                # where it takes none at all, the others need not be tried
                refused = refused + 1 if taken is None else 0
    except OSError as error:
        logger.error("the spool cannot be emptied (%s), what is in it waits on", type(error).__name__)
    return stored


def _ingest(path: Path) -> bool | None:
    """Store one file's message, then forget the file. Killed in between, `uid` tells that it is stored already.

    Returns:
        Whether it is new; None where the database would not take it.
    """
    began = time.monotonic()
    try:
        return _ingest_once(path)
    except FileNotFoundError:  # another process has just ingested it
        return False
    except OSError as error:
        logger.error("%s in the spool cannot be read or removed (%s), it waits on", path.name, type(error).__name__)
        return False
    except Exception as fault:
        if isinstance(fault, DatabaseFault) and not (should_retry(1, began) and is_reachable(database_alias())):
            raise
        logger.error("%s in the spool could not be stored (%s), it waits on", path.name, error_location(fault))
        return None


def _ingest_once(path: Path) -> bool:
    try:
        message = _spooled(spool.read(path))
        known = _is_known(message)
    except (KeyError, ValueError) as error:
        return _set_aside(path, error)
    if not known:
        try:
            journal.commit(message)
        except (DataError, ValueError) as error:
            return _set_aside(path, error)
        signals.message_received.send_robust(Message, message=message)
    else:
        journal.release_stored(message)
    spool.remove(path)
    return not known


def _is_known(message: Message) -> bool:
    """Whether it is stored already.

    Raises:
        ValueError: another message has its `uid`: somebody copied or changed the file.
    """
    using = database_alias()
    with query_timeout(using):
        stored = Message.objects.using(using).filter(uid=message.uid).values_list("body", flat=True).first()
    if stored is not None and bytes(stored) != message.body:
        raise ValueError("another message has its uid")
    return stored is not None


def _set_aside(path: Path, error: Exception) -> bool:
    aside = spool.set_aside(path)
    logger.error("%s in the spool is not a message (%s), it is kept as %s", path.name, type(error).__name__, aside.name)
    return False


def _spooled(record: Mapping[str, Any]) -> Message:
    """The message of one file.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is of another kind, so no database would take it, however often it is tried.
    """
    message = Message(**{name: record[name] for name in SPOOLED})
    texts = set(SPOOLED) - {"uid", "body", "headers", "received_at"}
    if not isinstance(message.headers, dict) or not all(isinstance(getattr(message, name), str) for name in texts):
        raise ValueError("a field is of another kind")
    return message
