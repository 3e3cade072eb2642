"""Play the life of an order while processes are killed, and check that the rows are those of a life without a kill."""

import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.models import Lock, Message, ReceiverCall
from stockhub_webhooks.operations import worker
from stockhub_webhooks.testing.samples import life
from tests.kills import rows
from tests.kills.victim import Task, post, use_runner

RUNNERS = ("inline", "worker", "celery", "tasks")
# A process dies while it receives a message or works on it. The next message comes after the dead one's work was taken
# over, or before that; or all messages are there when the process dies that works on them.
AT_ONCE, LATE, TOGETHER = WAYS = ("at once", "late", "together")
SESSIONS_END_IN_SECONDS = 20


@dataclass(frozen=True)
class Lane:
    """A life and the way it is played.

    Attributes:
        life: a name of `LIVES`.
        runner: a name of `RUNNER`.
        way: one of `WAYS`.
        is_spooled: True if the database rejects each message at first.
        seed: of the life.
    """

    life: str
    runner: str
    way: str = AT_ONCE
    is_spooled: bool = False
    seed: int = 0

    def __str__(self):
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


@dataclass(frozen=True)
class Measured:
    """A lane without a kill: the highest point of each child, and the rows after it."""

    points: list
    states: list


class Fault(AssertionError):
    """A promise was broken; the text says in which lane, and at which points."""


class Kills:
    """Kill the children; their points are those of `points.Points`."""

    is_attempt_counted = True  # a first kill counts no attempt, so the rows tell if one was counted

    def __init__(self, zygote):
        self.zygote = zygote

    def measure(self, task):
        """Run a task; return its highest point."""
        return self.zygote.run(task).points

    def disturb(self, task, point):
        """Run a task and kill it at a point; return its `End`, and True if the point was reached."""
        end = self.zygote.run(replace(task, kill_at=point))
        return end, end.is_killed


class Cuts:
    """Cut the children's connections; two points for each round of the protocol: the request or the answer is lost."""

    is_attempt_counted = False

    def __init__(self, zygote, proxy):
        self.zygote, self.proxy = zygote, proxy

    def measure(self, task):
        """Run a task; return its highest point."""
        self.proxy.arm()
        self.zygote.run(replace(task, port=self.proxy.port))
        return self.proxy.rounds * 2 - 1

    def disturb(self, task, point):
        """Run a task and cut its connection at a point; return its `End`, and True if the point was reached."""
        self.proxy.arm(*divmod(point, 2) if point is not None else ())
        end = self.zygote.run(replace(task, port=self.proxy.port))
        end.action = self.proxy.dropped
        return end, bool(self.proxy.dropped)


class Player:
    """Plays lanes on the database of this process.

    Args:
        disturbance: `Kills` or `Cuts`.
        outside: the file of the receiver that does not write to the database.
    """

    def __init__(self, disturbance, outside):
        self.disturbance, self.outside = disturbance, outside

    def measure(self, lane):
        """Play a lane without a kill."""
        self._begin()
        measured = Measured([], [])
        for task, count in self._tasks(lane):
            measured.points.append(self.disturbance.measure(task))
            self._take_over(count)
            measured.states.append(self._state())
        return measured

    def play(self, lane, measured, points):
        """Play a lane and disturb each child at its point, None for not at all; return how many were disturbed.

        Raises:
            Fault: a promise was broken.
        """
        self._begin()
        history = []
        try:
            for number, ((task, count), point) in enumerate(zip(self._tasks(lane), points, strict=True)):
                end, is_disturbed = self.disturbance.disturb(task, point)
                if is_disturbed:
                    history.append((number, point, end.action))
                if task.body is not None:
                    self._receive_again(task, end, count)
                if lane.way != LATE:
                    self._take_over(count)
                    self._compare(measured.states[number])
            if lane.way == LATE:
                self._take_over(count)
                self._compare({"documents": measured.states[-1]["documents"]})
        except AssertionError as error:
            told = "\n  ".join(f"message {number}, point {point}, after {action}" for number, point, action in history)
            raise Fault(f"{lane}: {error}\n  {told}") from error
        return len(history)

    # ------------------------------------------------------------ the steps of a lane

    def _begin(self):
        rows.delete_all()
        self.outside.write_text("")

    def _tasks(self, lane):
        """Yield the task of each child, and the number of messages that there are after it."""
        steps = [(step.topic, json.dumps(step.payload).encode()) for step in life(lane.life, lane.seed)]
        if lane.way == TOGETHER:
            for step in steps:
                assert self._receive(*step) == 202
            yield Task(lane.runner), len(steps)
            return
        for number, step in enumerate(steps, 1):
            yield Task(lane.runner, *step, is_spooled=lane.is_spooled), number

    def _receive(self, topic, body):
        use_runner("worker")  # only stores it
        return post(topic, body)

    def _receive_again(self, task, end, count):
        """Receive a message again that was not stored, as if Stock Hub were asked for it: it was not answered 2xx."""
        _wait_for_sessions()
        stored = rows.stored()
        assert stored == count or not end.is_accepted, f"a message is lost that was answered {end.answer}"
        if stored < count:
            assert self._receive(task.topic, task.body) == 202

    def _take_over(self, count):
        """Let the leases of the dead process lapse, and do all work as a new process does."""
        _wait_for_sessions()
        _let_leases_lapse(everything=not self.disturbance.is_attempt_counted)
        for throttle in Throttle.instances:
            throttle.reset()
        worker.drain()
        rows.check(count, [int(line) for line in self.outside.read_text().split()])

    def _state(self):
        return {"documents": rows.documents(), **rows.ledger(with_attempts=self.disturbance.is_attempt_counted)}

    def _compare(self, expected):
        there = self._state()
        for name, value in expected.items():
            assert there[name] == value, f"{name}: {_difference(there[name], value)}"


def _wait_for_sessions():
    """Wait until the database has noticed that the child's connections are closed, and released their locks."""
    until = time.monotonic() + SESSIONS_END_IN_SECONDS
    while rows.sessions():
        assert time.monotonic() < until, "the database keeps a dead connection"
        time.sleep(0.002)


def _let_leases_lapse(*, everything):
    """Set the end of each lease to now; everything that waits becomes due as well if `everything`."""
    latest = timezone.now() + timedelta(seconds=conf.LEASE_SECONDS + 1)
    for model in (Message, ReceiverCall):
        held = model.objects.filter(due_at__isnull=False, claim__isnull=False)
        assert not held.filter(due_at__gt=latest).exists(), f"a {model.__name__} is held for longer than a lease"
        (model.objects.filter(due_at__isnull=False) if everything else held).update(due_at=NOW)
    Lock.objects.update(acquired_at=timezone.now() - timedelta(days=1), claim=None)


def _difference(there, expected):
    if isinstance(there, dict):
        return {name: _difference(there[name], expected[name]) for name in there if there[name] != expected[name]}
    return (
        f"only here {[each for each in there if each not in expected]}, "
        f"only without a kill {[each for each in expected if each not in there]}, or in another sequence"
    )
