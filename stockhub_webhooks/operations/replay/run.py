"""Run of a replay: one transaction for each message, which commits its effect and the progress together.

If the process is killed, no message is half done or counted twice, and another process takes over when the lease
lapses. Newer messages still win, since a replayed message keeps its first `received_at`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries, write_transaction
from stockhub_webhooks.db.row_locks import LOCKED, key_of
from stockhub_webhooks.db.sequences import insert_row
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.exceptions import (
    AlreadySettled,
    OrderLocked,
    Unreadable,
    error_location,
    format_error,
)
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall, Replay
from stockhub_webhooks.models.replay import ReplayQuerySet
from stockhub_webhooks.operations import work_requests
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.operations.work_requests import ClaimLost
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import transitions
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

BATCH = 50


@dataclass(frozen=True)
class ReplayStep:
    """Result of one message.

    Attributes:
        counted: counter of the replay that the message is counted in, one of `models.replay.COUNTED`.
        outcome: a `Message.Outcome`, "" if the message was not applied.
        events: events that the replay recorded, without past ones.
        calls: receiver calls that were added for these and for past events, and calls that were requeued.
        error: text of the error, "" if there was none.
    """

    counted: str
    outcome: str = ""
    events: list[Event] = field(default_factory=list)
    calls: list[ReceiverCall] = field(default_factory=list)
    error: str = ""


# ---------------------------------------------------------------- start and stop


def begin(
    choice: MessageChoice,
    *,
    who: str,
    reason: str,
    who_pk: str = "",
    receivers: Collection[str] = (),
    applies: bool = True,
    tries_again: bool = False,
    claimed: bool = False,
) -> Replay:
    """Save a replay, which a worker then runs. It does not include messages that come in later.

    Args:
        choice: conditions on the messages.
        who: name of the user, for display.
        reason: reason for the replay, for display.
        who_pk: primary key of the user, "" if there is none.
        receivers: identities of receivers to add calls for, for past events of the messages without such a call.
        applies: True to apply the messages again, False to only add and requeue calls for their past events.
        tries_again: True to requeue given-up calls for past events.
        claimed: True if the caller runs the replay at once, so that no worker claims it.
    """
    rows = choice.messages()
    newest = Message.objects.using(database_alias()).order_by("-pk").values_list("pk", flat=True).first() or 0
    replay = Replay(
        requested_by=who,
        requested_by_pk=who_pk,
        created_at=timezone.now(),
        reason=reason,
        choice=choice.as_json(),
        receivers=sorted(receivers),
        applies=applies,
        tries_again=tries_again,
        total=rows.filter(pk__lte=newest).order_by().count(),
        up_to_message=newest,
        due_at=from_now(conf.LEASE_SECONDS) if claimed else NOW,
        claim=uuid.uuid4() if claimed else None,
    )
    insert_row(replay, database_alias())
    return replay


def halt(pk: int, who: str) -> bool:
    """Stop a replay after its current message, and keep what is done; return False if the replay has ended already."""
    return work_requests.halt(Replay, pk, who)


# ---------------------------------------------------------------- run


def continue_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Continue one due replay for a batch of messages, after which new messages have their turn.

    Args:
        until: end of the work, on the clock of `time.monotonic`.
        stop: event that ends the work after the current message.

    Returns:
        The number of messages, at least 1 if a replay was due.
    """
    replay = work_requests.claim_due(Replay)
    if replay is None:
        return 0
    done = 0
    with suppress(ClaimLost):
        try:
            for _step in steps(replay):
                done += 1
                if done >= BATCH or is_over(until, stop):
                    work_requests.release(replay)
                    break
        except OrderLocked as locked:  # no attempt of the replay
            logger.warning("replay %s waits: %s", replay.pk, locked)
            seconds = LOCKED.pause_for(key_of(locked.model, locked.values))
            work_requests.release(replay, from_now(seconds), attempts=max(replay.attempts - 1, 0))
        except (OperationalError, InterfaceError) as fault:
            work_requests.postpone(replay, fault)
    return max(done, 1)


def steps(replay: Replay) -> Iterator[ReplayStep]:
    """Replay the remaining messages of a claimed replay, yield the result of each, and finish the replay.

    Raises:
        django.db.OperationalError: all retries of a step failed; the replay keeps its progress.
    """
    while pks := with_retries(lambda: list(_remaining(replay).values_list("pk", flat=True)[:BATCH])):
        for pk in pks:
            message = with_retries(Message.objects.using(database_alias()).filter(pk=pk).first)
            if message is not None:
                with about(message_id=message.pk):
                    step = _replay_one(replay, message)
                _advance(replay, message, step)
                yield step
    work_requests.finish(replay)


def _remaining(replay: Replay) -> Any:
    rows = MessageChoice.from_json(replay.choice).messages().filter(pk__lte=replay.up_to_message)
    if replay.reached_at is None:
        return rows
    later = Q(received_at__gt=replay.reached_at) | Q(received_at=replay.reached_at, pk__gt=replay.reached_message)
    return rows.filter(later, received_at__gte=replay.reached_at)


def _replay_one(replay: Replay, message: Message) -> ReplayStep:
    """Replay a message and commit its effect with the progress; if the message fails, commit the progress alone."""
    try:
        return _replay_and_commit(replay, message)
    except (ClaimLost, OperationalError, InterfaceError):
        raise
    except AlreadySettled:
        transitions.requeue([message.pk])
        step = ReplayStep("postponed")
    except Unreadable as why:
        step = ReplayStep("failed", error=str(why))
    except Exception as error:
        logger.error("message %s could not be processed again (%s)", message.pk, error_location(error))
        step = ReplayStep("failed", error=format_error(error))
    _count(replay, message, step)
    return step


def _replay_and_commit(replay: Replay, message: Message) -> ReplayStep:
    results: list[ReplayStep] = []
    outdated = MessageChoice.from_json(replay.choice).outdated
    attempts = 0

    def attempt() -> ReplayStep:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            if results and _is_counted(replay, message):  # the last attempt was committed, but its answer got lost
                return results[-1]
            message.refresh_from_db(using=database_alias())
        with write_transaction(database_alias()):
            work_requests.renew(replay)
            options = {"applies": replay.applies, "tries_again": replay.tries_again, "outdated": outdated}
            results.append(replay_message(message, replay.receivers, **options))
            _count(replay, message, results[-1])
        return results[-1]

    return with_retries(attempt, is_transaction=True)


def replay_message(
    message: Message, receivers: Collection[str], *, applies: bool, tries_again: bool = False, outdated: bool = False
) -> ReplayStep:
    """Replay a message in the caller's transaction, which a preview rolls back.

    Args:
        message: a settled message.
        receivers: identities of receivers to call for its past events.
        applies: True to apply it again.
        tries_again: True to retry its receiver calls that were given up.
        outdated: True to apply a message about a return even if it is outdated.

    Raises:
        AlreadySettled: the message is open, so that a worker applies it anyway.
        Unreadable: the message still cannot be read.
    """
    events = message.events.using(database_alias()).defer("changes").order_by("pk")
    past = list(events) if receivers or tries_again else []
    applies = applies and message.body_removed_at is None  # otherwise there is nothing to apply any more
    result = pipeline.reapply(message, outdated=outdated) if applies else pipeline.MessageResult("", [], [])
    requeued = manual.requeue_events(past) if tries_again else []
    added = manual.backfill(past, receivers)
    counted = "changed" if result.events or requeued or added else "unchanged"
    return ReplayStep(counted, result.outcome, result.events, [*result.calls, *requeued, *added])


# ---------------------------------------------------------------- progress


def _rows() -> ReplayQuerySet:
    return Replay.objects.using(database_alias())


def _is_counted(replay: Replay, message: Message) -> bool:
    reached = {"reached_at": message.received_at, "reached_message": message.pk}
    return _rows().filter(pk=replay.pk, claim=replay.claim, **reached).exists()


def _count(replay: Replay, message: Message, step: ReplayStep) -> None:
    """Count the result, save the position of the message, and renew the lease.

    The counts are absolute: an UPDATE that is repeated, since its answer got lost, counts nothing twice.
    """
    values: dict[str, Any] = {step.counted: getattr(replay, step.counted) + 1, "owed": replay.owed + len(step.calls)}
    if step.error:
        values["last_error"] = clean_text(step.error)[: work_requests.ERROR_LIMIT]
    lease = {"due_at": from_now(conf.LEASE_SECONDS), "attempts": 1}
    work_requests.update(replay, reached_at=message.received_at, reached_message=message.pk, **values, **lease)


def _advance(replay: Replay, message: Message, step: ReplayStep) -> None:
    """Set on the object what `_count` has saved."""
    setattr(replay, step.counted, getattr(replay, step.counted) + 1)
    replay.owed += len(step.calls)
    replay.reached_at, replay.reached_message, replay.attempts = message.received_at, message.pk, 1
