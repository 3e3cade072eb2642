"""The journal: stores each message before it is parsed.

`claiming` says which process applies a stored message, and `transitions` what becomes of it.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import Error as DatabaseFault
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, close_connection, database_alias, from_now, with_retries
from stockhub_webhooks.db.sequences import advance_after_conflict
from stockhub_webhooks.db.timeouts import SENDER_WAIT_SECONDS, query_timeout, sender_timeout, should_retry
from stockhub_webhooks.db.writes import insert
from stockhub_webhooks.exceptions import NotStored, WriterBusy
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal_copy, spool
from stockhub_webhooks.receiving.kept_fields import SPOOLED
from stockhub_webhooks.receiving.recent import RECENT

logger = logger_of(__name__)


@sensitive_variables()
def store(message: Message, *, claimed: bool = False) -> Message:
    """Commit a new message to the database, or else to the spool; only then may the sender get 2xx.

    Args:
        message: not saved yet.
        claimed: True if the caller applies it at once, so that no other process claims it.

    Returns:
        The message; its `pk` is None if it went to the spool.

    Raises:
        NotStored: neither the database nor the spool took it.
    """
    try:
        commit(message, claimed=claimed)
    except Exception as fault:
        with about(message_id=str(message.uid)):
            logger.warning("message %s could not be journaled (%s), it goes to the spool", message.uid, _kind(fault))
        message.pk = None
        try:
            write_to_spool(message)
        except OSError as error:
            raise NotStored(f"database: {_kind(fault)}; spool: {_kind(error)}") from fault
        return message
    signals.message_received.send_robust(Message, message=message)
    return message


@sensitive_variables()
def write_to_spool(message: Message) -> None:
    """Write a message that is not saved to the spool, durably.

    Raises:
        OSError: no spool is configured, or it cannot be written.
    """
    spool.write({name: getattr(message, name) for name in SPOOLED})


@sensitive_variables()
def enter(message: Message, *, by: str | None = None, claim: UUID | None = None) -> None:
    """Store a new message that no request of the sender waits for, for instance an ingested one; it is due at once.

    It is committed with the caller's transaction, if there is one. `message_received` is sent, and the copy of the
    journal written, after the commit.

    Args:
        message: not saved yet.
        by: the name of the user who entered it or let it in.
        claim: the token of the caller if it applies the message itself.

    Raises:
        django.db.Error: it is not stored.
    """
    _prepare(message, claimed=claim is not None)
    message.claim = claim
    _insert_unless_stored(message, database_alias())
    if by is not None:
        message.entered_by = by
        Message.objects.using(database_alias()).filter(pk=message.pk).update(entered_by=by)

    def after_commit() -> None:
        journal_copy.append(message)
        signals.message_received.send_robust(Message, message=message)

    transaction.on_commit(after_commit, using=database_alias(), robust=True)


def insert_to_try(message: Message) -> None:
    """Insert a message as claimed, in a transaction that the caller rolls back."""
    _prepare(message, claimed=True)
    _insert(message, database_alias())


@sensitive_variables()
def commit(message: Message, *, claimed: bool = False) -> None:
    """Commit a new message to the database alone: one autocommit INSERT.

    A dead connection is closed and the INSERT repeated; `uid` makes that harmless.

    Raises:
        django.db.Error: the message is not stored, or it is unknown if it is.
        NotStored: nothing would be committed here, or only later.
    """
    using = database_alias()
    _prepare(message, claimed=claimed)
    if _commits_by_itself(using):
        _insert_with_retry(message, using)
        RECENT.remember([message])
    else:
        # a host's transaction could still be rolled back; durable=True refuses it (and lets a TestCase pass)
        with transaction.atomic(using=using, durable=True):
            insert([message], using, left_out=Message.SET_WHEN_APPLIED)
    journal_copy.append(message)


def release_stored(message: Message) -> None:
    """Release a message that is stored, if the request that inserted it did not learn so."""
    rows = Message.objects.using(database_alias()).filter(uid=message.uid, claim=message.uid, due_at__isnull=False)
    with_retries(partial(rows.update, attempts=0, due_at=NOW, claim=None))


def _prepare(message: Message, *, claimed: bool) -> None:
    """Set the columns of a new row: due at once, or claimed by the request that inserts it."""
    message.due_at = from_now(conf.LEASE_SECONDS) if claimed else NOW
    message.attempts = int(claimed)
    message.claim = message.uid if claimed else None
    message.topic = message.url_topic


def _commits_by_itself(using: str) -> bool:
    """Return True if a statement commits by itself on this connection, False if a transaction is open.

    Raises:
        NotStored: autocommit is off, so nothing would be committed.
    """
    connection = connections[using]
    if not connection.settings_dict["AUTOCOMMIT"]:
        raise NotStored("DATABASES has AUTOCOMMIT off, so nothing is committed")
    if connection.in_atomic_block:
        return False
    if connection.connection is not None and not connection.autocommit:
        raise NotStored("autocommit was turned off on this connection, so nothing is committed")
    return True


def _insert_with_retry(message: Message, using: str) -> None:
    """INSERT the message, a second time over a new connection if the first one was dead."""
    began = time.monotonic()
    # no sender waits for a message that was in the spool
    is_new = timezone.now() - message.received_at < timedelta(seconds=SENDER_WAIT_SECONDS)
    time_limit = partial(sender_timeout, using, message.received_at) if is_new else nullcontext
    try:
        with time_limit():
            _insert_unless_stored(message, using)
    except WriterBusy:
        raise
    except DatabaseFault:
        close_connection(using)
        if not should_retry(1, began):
            raise
        with time_limit():
            _insert_unless_stored(message, using)


def _insert_unless_stored(message: Message, using: str) -> None:
    """INSERT the message unless it is stored already. If a sequence is behind, advance it and repeat the INSERT."""
    try:
        _insert(message, using)
    except IntegrityError as fault:
        with query_timeout(using):
            stored = Message.objects.using(using).filter(uid=message.uid).values_list("pk", flat=True).first()
            is_repaired = stored is None and advance_after_conflict(using, fault)
        if is_repaired:
            _insert(message, using)
        elif stored is None:
            raise
        else:
            message.pk = stored


def _insert(message: Message, using: str) -> None:
    # a savepoint, so that an error does not end the caller's transaction; on its own the INSERT commits by itself
    is_inner = connections[using].in_atomic_block
    with query_timeout(using), transaction.atomic(using=using) if is_inner else nullcontext():
        insert([message], using, left_out=Message.SET_WHEN_APPLIED)


def _kind(fault: BaseException) -> str:
    return type(fault).__name__
