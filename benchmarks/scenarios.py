"""The scenarios of `benchmarks/faults.py`: which faults happen, and what is broken from begin to end."""

import random
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.breaking import kill_web_worker

# each fault, by what is printed, and the method of `Damage` that does it
FAULTS = {
    "web worker killed": "kill_web",
    "worker killed": "kill_worker",
    "killed inside a receiver": "kill_in_receiver",
    "PostgreSQL stopped": "stop_postgresql",
    "PostgreSQL hangs": "hang_postgresql",
    "database refuses": "refuse",
}


@dataclass(frozen=True)
class Scenario:
    """What is broken.

    Attributes:
        what: a sentence on it.
        faults: names of `FAULTS`, each happens equally often, at random moments.
        workers: how many `stockhub_worker` run meanwhile.
        away_throughout: whether the database is away from before the first message until after the last.
    """

    what: str
    faults: tuple[str, ...]
    workers: int = 1
    away_throughout: bool = False


SCENARIOS = {
    "all": Scenario("all faults, in a random order", tuple(FAULTS), workers=2),
    "kill-web": Scenario("web workers are killed (kill -9)", ("web worker killed",)),
    "kill-worker": Scenario("the worker is killed (kill -9)", ("worker killed",)),
    "kill-in-receiver": Scenario("processes die half-way through a receiver", ("killed inside a receiver",)),
    "two-workers": Scenario(
        "two workers side by side, killed (kill -9) and dying in a receiver",
        ("worker killed", "killed inside a receiver"),
        workers=2,
    ),
    "stop-postgresql": Scenario("PostgreSQL is stopped at once (pg_ctl -m immediate)", ("PostgreSQL stopped",)),
    "hang-postgresql": Scenario("PostgreSQL hangs (SIGSTOP): it is there and says nothing", ("PostgreSQL hangs",)),
    "refuse": Scenario("the database ends all connections and takes none", ("database refuses",)),
    "spool-only": Scenario(
        "PostgreSQL is away all the time, and web workers are killed (kill -9)",
        ("web worker killed",),
        away_throughout=True,
    ),
}


class Damage:
    """What was broken, how often, and when the database was away."""

    def __init__(self, scenario, *, postgresql, server, workers, deadly_file):
        self.scenario = scenario
        self.postgresql = postgresql
        self.server = server
        self.workers = workers
        self.deadly_file = deadly_file
        self.counts = dict.fromkeys(scenario.faults, 0)
        self.outages = []  # (from, until), while surely nobody could have an answer of the database

    def go_on(self, load, seconds):
        """One fault after the other, in an order that nobody knows; one at least."""
        begin = time.monotonic()
        coming = []
        while time.monotonic() - begin < seconds or not any(self.counts.values()):
            coming = coming or random.sample(self.scenario.faults, len(self.scenario.faults))
            fault = coming.pop()
            getattr(self, FAULTS[fault])()
            self.counts[fault] += 1
            passed = time.monotonic() - begin
            print(f"{passed:5.0f} s   {load.accepted():6} answered 2xx   {fault}", flush=True)
            time.sleep(random.uniform(0.3, 1.5))
            for worker in self.workers:
                worker.revive()

    @contextmanager
    def throughout(self):
        """The database is away meanwhile, where the scenario says so."""
        if not self.scenario.away_throughout:
            yield
            return
        self.postgresql.stop(signal.SIGQUIT)
        begin = time.monotonic()
        try:
            yield
        finally:
            self.outages.append((begin, time.monotonic()))
            self.postgresql.start()

    def end(self):
        """From here on nothing dies any more."""
        self.deadly_file.unlink(missing_ok=True)
        for worker in self.workers:
            worker.revive()

    def covers(self, answer):
        """Whether the message was sent and answered within one outage."""
        return any(begin <= answer.asked_at and answer.heard_at <= end for begin, end in self.outages)

    # ------------------------------------------------------------ the faults

    def kill_web(self):
        kill_web_worker(self.server)

    def kill_worker(self):
        if self.workers:
            random.choice(self.workers).kill()

    def kill_in_receiver(self):
        """The next process that is half-way through the shop's receiver dies of it."""
        self.deadly_file.touch()

    def stop_postgresql(self):
        self.away(lambda: self.postgresql.stop(signal.SIGQUIT), self.postgresql.start, 1, 3)

    def hang_postgresql(self):
        self.away(self.postgresql.hang, self.postgresql.go_on, 7, 9)

    def refuse(self):
        self.away(self.postgresql.refuse, self.postgresql.admit, 1, 3)

    def away(self, take, give_back, least, most):
        """The database is away for some seconds."""
        take()
        begin = time.monotonic()
        time.sleep(random.uniform(least, most))
        self.outages.append((begin, time.monotonic()))
        give_back()
