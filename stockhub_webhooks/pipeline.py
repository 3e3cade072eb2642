"""What happens to a message, in one screen: read, apply, record."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseFault
from django.db import IntegrityError, OperationalError, connections

from stockhub_webhooks import journal, ledger, serializers
from stockhub_webhooks.apply import apply
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.database import alias, writing

logger = logging.getLogger(__name__)

TRIES = 3


def process(message: Message) -> Message:
    """Read, apply and record a message that the caller has claimed.

    Whatever it holds and whatever fails, nothing is raised: the message ends applied, quarantined, or stays
    open for later, as its `status` and `outcome` then say.
    """
    try:
        reading = serializers.read(bytes(message.body), message.url_topic)
        _apply(message, reading)
    except Unreadable as why:
        _guarded(message, lambda: journal.quarantine(message, why))
    except AlreadySettled:
        _guarded(message, lambda: message.refresh_from_db(using=alias(), fields=["status", "outcome"]))
    except Exception as fault:
        passing = isinstance(fault, DatabaseFault)
        report = logger.warning if passing else logger.exception
        report("message %s could not be applied (%s), it stays open", message.pk, type(fault).__name__)
        _guarded(message, lambda fault=fault: journal.postpone(message, fault))  # type: ignore[misc]
    return message


def _apply(message: Message, reading: serializers.Reading) -> None:
    """One transaction; a race that the database calls off is run again, up to `TRIES` times."""
    using = alias()
    for turn in range(1, TRIES + 1):
        try:
            with writing(using):
                applied = apply(reading, message)
                ledger.record(applied.events)
                journal.settle(message, reading, applied.outcome)
            return
        except (OperationalError, IntegrityError):
            if turn == TRIES:
                raise
            connections[using].close_if_unusable_or_obsolete()


def _guarded(message: Message, step: object) -> None:
    """Take a closing step; where even that fails the lease lapses, and the message is taken up again."""
    try:
        step()  # type: ignore[operator]
    except AlreadySettled:
        pass
    except DatabaseFault as fault:
        logger.warning("message %s stays open until its lease lapses (%s)", message.pk, type(fault).__name__)
