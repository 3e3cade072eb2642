"""Going through the chosen messages: one transaction a message, in which its effect and the progress are committed.

So whoever is killed leaves nothing half done and nothing counted twice: another process takes over when the lease
lapses. Newer still wins, for a message keeps its first `received_at`.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import (
    NOW,
    close_if_broken,
    database_alias,
    from_now,
    with_retries,
    write_transaction,
)
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.exceptions import WORKER_DIED, AlreadySettled, Unreadable, error_location, format_error
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall, Replay
from stockhub_webhooks.models.replay import ReplayQuerySet
from stockhub_webhooks.operations.replay.choice import Choice
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

BATCH = 50
ERROR_LIMIT = 2000


@dataclass(frozen=True)
class Step:
    """What became of one message.

    Attributes:
        counted: as which of `models.replay.COUNTED`.
        outcome: a `Message.Outcome`, "" where it was not applied.
        events: the changes that were found now, not those of the past.
        calls: what is owed for them, what was offered, and what is tried again.
        error: why it could not be processed.
    """

    counted: str
    outcome: str = ""
    events: list[Event] = field(default_factory=list)
    calls: list[ReceiverCall] = field(default_factory=list)
    error: str = ""


class _Lost(Exception):
    """Somebody stopped the replay, or took it over."""


# ---------------------------------------------------------------- asking


def begin(
    choice: Choice,
    *,
    who: str,
    reason: str,
    who_pk: str = "",
    receivers: Collection[str] = (),
    applies: bool = True,
    tries_again: bool = False,
    claimed: bool = False,
) -> Replay:
    """Write the request down; it is begun when its turn comes. What comes in later is no part of it.

    Args:
        choice: which messages.
        who: a name for people.
        reason: why, for people.
        who_pk: the user's key, where there is one.
        receivers: identities that the past changes of these messages are offered to.
        applies: whether the messages are processed again, or their past changes only offered.
        tries_again: whether what receivers gave up of their past changes is tried again.
        claimed: whether the caller will go through it at once, so that nobody else does.
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
    replay.save(using=database_alias(), force_insert=True)
    return replay


def halt(pk: int, who: str) -> bool:
    """Stop after the message in hand; False where it is over already. What is done stays done."""
    values = {"status": Replay.Status.STOPPED, "due_at": None, "finished_at": timezone.now(), "stopped_by": who}
    return bool(with_retries(partial(_rows().filter(pk=pk, due_at__isnull=False).update, **values)))


# ---------------------------------------------------------------- working


def continue_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Go on with one replay that is due, for a batch, so that new messages wait no longer than that; how many steps.

    Args:
        until: on the clock of `time.monotonic`.
        stop: looked at between two messages.
    """
    replay = _claim()
    if replay is None:
        return 0
    done = 0
    with suppress(_Lost):
        try:
            for _step in steps(replay):
                done += 1
                if done >= BATCH or time.monotonic() >= until or (stop and stop.is_set()):
                    _let_go(replay, NOW)
                    break
        except (OperationalError, InterfaceError) as fault:
            logger.warning("replay %s waits (%s)", replay.pk, error_location(fault))
            close_if_broken(database_alias())
            _let_go(replay, from_now(conf.pause_after(replay.attempts)))
    return max(done, 1)


def _claim() -> Replay | None:
    leases.give_back_lost()
    with query_timeout(database_alias()):
        due = list(_rows().due(NOW).values_list("pk", "attempts", "claim")[:5])
    for pk, attempts, former in due:
        same = _rows().filter(pk=pk, attempts=attempts, claim=former).due(NOW).order_by()
        if attempts >= conf.MAX_ATTEMPTS:
            failed = {"status": Replay.Status.FAILED, "due_at": None, "last_error": WORKER_DIED}
            if _give_up(same, finished_at=timezone.now(), **failed):
                logger.error("replay %s is given up: its processes died", pk)
        elif leases.claim_unlocked(same, token := uuid.uuid4(), attempts=F("attempts") + 1):
            return _rows().filter(pk=pk, claim=token).first()
    return None


def _give_up(rows: ReplayQuerySet, **values: Any) -> bool:
    try:
        return bool(leases.update_unlocked(rows, **values))
    except OperationalError:  # the process is alive
        close_if_broken(database_alias())
        return False


def steps(replay: Replay) -> Iterator[Step]:
    """Go through what is left of a claimed replay, message by message, and finish it.

    Raises:
        django.db.OperationalError: the database would not, several times over; the replay stays as it is.
    """
    while pks := list(_left(replay).values_list("pk", flat=True)[:BATCH]):
        for message in (Message.objects.using(database_alias()).filter(pk=pk).first() for pk in pks):
            if message is not None:
                step = _take_on(replay, message)
                replay.reached_at, replay.reached_message = message.received_at, message.pk
                yield step
    _update(replay, status=Replay.Status.DONE, due_at=None, finished_at=timezone.now())


def _left(replay: Replay) -> Any:
    rows = Choice.from_json(replay.choice).messages().filter(pk__lte=replay.up_to_message)
    if replay.reached_at is None:
        return rows
    later = Q(received_at__gt=replay.reached_at) | Q(received_at=replay.reached_at, pk__gt=replay.reached_message)
    return rows.filter(later, received_at__gte=replay.reached_at)


def _take_on(replay: Replay, message: Message) -> Step:
    """Process a message: commit its effect and the progress together, or the progress alone if it fails."""
    with about(message_id=message.pk):
        return _try_on(replay, message)


def _try_on(replay: Replay, message: Message) -> Step:
    try:
        return _committed(replay, message)
    except (_Lost, OperationalError, InterfaceError):
        raise
    except AlreadySettled:
        journal.requeue([message.pk])
        step = Step("postponed")
    except Unreadable as why:
        step = Step("failed", error=str(why))
    except Exception as error:
        logger.error("message %s could not be processed again (%s)", message.pk, error_location(error))
        step = Step("failed", error=format_error(error))
    _move(replay, message, step)
    return step


def _committed(replay: Replay, message: Message) -> Step:
    tried: list[Step] = []
    attempts = 0

    def step() -> Step:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            if tried and _is_counted(replay, message):  # the former attempt was committed, only the answer was lost
                return tried[-1]
            message.refresh_from_db(using=database_alias())
        with write_transaction(database_alias()):
            _renew(replay)
            tried.append(
                work(
                    message,
                    replay.receivers,
                    applies=replay.applies,
                    tries_again=replay.tries_again,
                    outdated=Choice.from_json(replay.choice).outdated,
                )
            )
            _move(replay, message, tried[-1])
        return tried[-1]

    return with_retries(step, is_transaction=True)


def work(
    message: Message, receivers: Collection[str], *, applies: bool, tries_again: bool = False, outdated: bool = False
) -> Step:
    """Process a message in the caller's transaction, which a preview rolls back.

    Args:
        message: a settled message.
        receivers: identities of receivers to call for its past events.
        applies: True to apply it again.
        tries_again: True to retry its receiver calls that were given up.
        outdated: True to apply a message about a return even if it is outdated.

    Raises:
        AlreadySettled: the message is open at present.
        Unreadable: it still cannot be read.
    """
    told_of = message.events.using(database_alias()).defer("changes").order_by("pk")
    past = list(told_of) if receivers or tries_again else []
    result = pipeline.reapply(message, outdated=outdated) if applies else pipeline.Result("", [], [])
    tried = manual.requeue_events(past) if tries_again else []
    offered = manual.backfill(past, receivers)
    counted = "changed" if result.events or tried or offered else "unchanged"
    return Step(counted, result.outcome, result.events, [*result.calls, *tried, *offered])


# ---------------------------------------------------------------- progress


def _rows() -> ReplayQuerySet:
    return Replay.objects.using(database_alias())


def _renew(replay: Replay) -> None:
    """Renew the claim and lock the replay until the transaction ends: the first statement of each step."""
    _update(replay, due_at=from_now(conf.LEASE_SECONDS))


def _is_counted(replay: Replay, message: Message) -> bool:
    reached = {"reached_at": message.received_at, "reached_message": message.pk}
    return _rows().filter(pk=replay.pk, claim=replay.claim, **reached).exists()


def _move(replay: Replay, message: Message, step: Step) -> None:
    """Count the message and go past it; a sign of life as well."""
    values: dict[str, Any] = {step.counted: F(step.counted) + 1, "owed": F("owed") + len(step.calls)}
    if step.error:
        values["last_error"] = clean_text(step.error)[:ERROR_LIMIT]
    lease = {"due_at": from_now(conf.LEASE_SECONDS), "attempts": 1}
    _update(replay, reached_at=message.received_at, reached_message=message.pk, **values, **lease)


def _let_go(replay: Replay, due_at: Any) -> None:
    _update(replay, due_at=due_at)


def _update(replay: Replay, **values: Any) -> None:
    claimed = _rows().filter(pk=replay.pk, claim=replay.claim, due_at__isnull=False)
    if not with_retries(partial(claimed.update, **values)):
        raise _Lost
