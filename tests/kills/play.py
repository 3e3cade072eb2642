"""Play the life of an order while processes are killed, and check that the rows are those of a life without a kill."""

import json
import random
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.db.low_water import BEGINNING
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.models import Lock, Message, ReceiverCall, Replay
from stockhub_webhooks.operations import replay, worker
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.testing.samples import life
from tests.kills import rows
from tests.kills.victim import Task, post, use_runner
from tests.shop.models import Heard

RUNNERS = ("inline", "worker", "celery", "tasks")
# A process dies while it receives a message or works on it. Its work is taken over at once, or after all messages came,
# or by a process that dies, too; or all messages are there when the process dies that works on them, or replays them.
AT_ONCE, LATE, TWICE, TOGETHER, REPLAY = WAYS = ("at once", "late", "twice", "together", "replay")
LEASED = (Message, ReceiverCall, Replay)
LAST_POINT_OF_TAKE_OVER = 80
MAX_TAKE_OVERS = 3
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

    adds_pauses = False  # work of a process that is killed for the first time is due when its lease is over

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

    adds_pauses = True  # a call whose connection is lost is due again in a second

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
        history = []  # (message, point, last action)
        try:
            for number, ((task, count), point) in enumerate(zip(self._tasks(lane), points, strict=True)):
                end, is_disturbed = self.disturbance.disturb(task, point)
                if is_disturbed:
                    history.append((number, point, end.action))
                if task.body is not None:
                    self._receive_again(task, end, count)
                if lane.way == TWICE:
                    history += self._take_over_and_die(lane, number, point)
                if lane.way != LATE:
                    self._take_over(count, lane.way)
                    self._compare(measured.states[number], lane.way)
            if lane.way == LATE:
                self._take_over(count, lane.way)
                self._compare(measured.states[-1], lane.way)
        except AssertionError as error:
            reached = "\n  ".join(f"message {number}, point {point}, after {what}" for number, point, what in history)
            raise Fault(f"{lane}: {error}\n  {reached}") from error
        return len(history)

    # ------------------------------------------------------------ the steps of a lane

    def _begin(self):
        rows.delete_all()
        self.outside.write_text("")

    def _tasks(self, lane):
        """Yield the task of each child, and the number of messages that there are after it."""
        steps = [(step.topic, json.dumps(step.payload).encode()) for step in life(lane.life, lane.seed)]
        if lane.way in (TOGETHER, REPLAY):
            for step in steps:
                assert self._receive(*step) == 202
            if lane.way == REPLAY:
                self._begin_replay()
            yield Task(lane.runner), len(steps)
            return
        for number, step in enumerate(steps, 1):
            yield Task(lane.runner, *step, is_spooled=lane.is_spooled), number

    def _begin_replay(self):
        """Do all work, then forget the calls of one receiver, and ask to process all again, and to call it."""
        worker.drain()
        ReceiverCall.objects.filter(receiver="shop.every").delete()
        Heard.objects.filter(receiver="every").delete()
        replay.begin(MessageChoice(since=BEGINNING), who="tests.kills", reason="a test", receivers=["shop.every"])

    def _receive(self, topic, body):
        use_runner("worker")  # only stores it
        return post(topic, body)

    def _receive_again(self, task, end, count):
        """Receive a message again that was not stored, as if Stock Hub were asked for it: it was not answered 2xx."""
        _wait_for_sessions()
        stored = rows.stored()
        fewest = count if end.is_accepted else count - 1
        assert fewest <= stored <= count, f"{stored} messages are stored instead of {count}, answered {end.answer}"
        if stored < count:
            assert self._receive(task.topic, task.body) == 202

    def _take_over_and_die(self, lane, number, point):
        """Let a process take over that dies, too, at a point that the first one's decides."""
        _wait_for_sessions()
        _let_leases_lapse()
        second = random.Random(f"{lane} {number} {point}").randint(0, LAST_POINT_OF_TAKE_OVER)
        end, is_disturbed = self.disturbance.disturb(Task(lane.runner), second)
        return [(number, second, end.action)] if is_disturbed else []

    def _take_over(self, count, way=AT_ONCE):
        """Let the leases of the dead process lapse, and do all work as a new process does.

        Work of which one process died is taken over at once, and counts no attempt. Work of which two died is a failure
        with a pause.
        """
        is_at_once = way != TWICE and not self.disturbance.adds_pauses
        for _ in range(1 if is_at_once else MAX_TAKE_OVERS):
            _wait_for_sessions()
            _let_leases_lapse(and_pauses=not is_at_once)
            for throttle in Throttle.instances:
                throttle.reset()
            worker.drain()
            if not any(model.objects.filter(due_at__isnull=False).exists() for model in LEASED):
                break
        outside = [int(line) for line in self.outside.read_text().split()]
        rows.check(count, outside, has_failures=way == TWICE)

    def _state(self):
        return {"documents": rows.documents(), **rows.ledger()}

    def _compare(self, expected, way):
        there = self._state()
        # an older message that is applied after a newer one has other events: the messages that a dead process had
        # claimed wait for the end of its lease, while those that came in later are applied
        for name in ("documents",) if way in (LATE, TOGETHER) else ("documents", *rows.LEDGER):
            assert there[name] == expected[name], f"{name}: {_difference(there[name], expected[name])}"


def _wait_for_sessions():
    """Wait until the database has noticed that the child's connections are closed, and released their locks."""
    until = time.monotonic() + SESSIONS_END_IN_SECONDS
    while rows.sessions():
        assert time.monotonic() < until, "the database keeps a dead connection"
        time.sleep(0.002)


def _let_leases_lapse(*, and_pauses=False):
    """Set the end of each lease to now, and of each pause after a failure, if `and_pauses`."""
    latest = timezone.now() + timedelta(seconds=conf.LEASE_SECONDS + 1)
    for model in LEASED:
        waiting = model.objects.filter(due_at__isnull=False)
        held = waiting.filter(claim__isnull=False)
        assert not held.filter(due_at__gt=latest).exists(), f"a {model.__name__} is held for longer than a lease"
        (waiting if and_pauses else held).update(due_at=NOW)
    Lock.objects.update(acquired_at=timezone.now() - timedelta(days=1), claim=None)


def _difference(there, expected):
    if isinstance(there, dict):
        return {name: _difference(there[name], expected[name]) for name in there if there[name] != expected[name]}
    return (
        f"only here {[each for each in there if each not in expected]}, "
        f"only without a kill {[each for each in expected if each not in there]}, or in another sequence"
    )
