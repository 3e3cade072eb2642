"""The nine scenarios with a goal, under the names of a published comparison."""

import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.resilience.stage import Stage

FREE_CONNECTIONS = 3
READERS = 4
SECONDS_OF_A_READ = 10
KILL_WORKER_SECONDS = 5
CLIENTS = "FROM pg_stat_activity WHERE backend_type = 'client backend'"
BACKENDS = f"{CLIENTS} AND datname = 'stockhub' AND pid <> pg_backend_pid()"
CHOOSE_BACKEND = f"SELECT pg_terminate_backend(pid) {BACKENDS} ORDER BY random() LIMIT 1"
FREE = f"SELECT current_setting('max_connections')::int - count(*) {CLIENTS}"


# ---------------------------------------------------------------- faults: the rate after them is measured


def restart_postgresql(stage):
    """Stop PostgreSQL immediately and start it again."""
    stage.postgresql.stop(signal.SIGQUIT)
    stage.postgresql.start()


def kill_backends(stage):
    """End one connection of the contestant, chosen at random, in each second."""
    for _ in range(max(round(stage.seconds), 1)):
        stage.database.ask(CHOOSE_BACKEND)
        time.sleep(1)


def kill_workers(stage):
    """Kill -9 the worker every five seconds; a supervisor starts it again."""
    for _ in range(max(round(stage.seconds / KILL_WORKER_SECONDS), 1)):
        stage.contestant.workers[0].kill()
        time.sleep(KILL_WORKER_SECONDS)


def crash(stage):
    """Kill -9 all processes of the contestant, and start them again."""
    stage.contestant.crash()


def fail_receivers(stage):
    """Let every receiver fail, then none."""
    with stage.contestant.failing():
        time.sleep(stage.seconds)


# ---------------------------------------------------------------- pressure: the rate under it is measured


@contextmanager
def idle_transaction(stage):
    """Hold a transaction open that has a snapshot and an id, so that no dead row can be removed."""
    with psycopg.connect(stage.postgresql.url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT pg_current_xact_id()")
        yield


@contextmanager
def readers(stage):
    """Read in four loops; each read holds its snapshot for ten seconds. They wait rather than compute."""
    end = threading.Event()
    sql = f"SELECT count(*), pg_sleep({SECONDS_OF_A_READ}) FROM {stage.contestant.tables[0]}"

    def read():
        with psycopg.connect(stage.postgresql.url, autocommit=True) as connection:
            connections.append(connection)
            while not end.is_set():
                connection.execute(sql)

    def loop():
        try:
            read()
        except psycopg.errors.QueryCanceled:
            assert end.is_set(), "a reader was cancelled"

    connections = []
    threads = [threading.Thread(target=loop, daemon=True) for _ in range(READERS)]
    for thread in threads:
        thread.start()
        time.sleep(min(SECONDS_OF_A_READ / READERS, stage.seconds / READERS))  # one of them always reads
    try:
        yield
    finally:
        end.set()
        for connection in connections:
            connection.cancel()
        for thread in threads:
            thread.join()


@contextmanager
def taken_connections(stage):
    """Take connections until only three are left."""
    with ExitStack() as stack:
        while stage.database.ask(FREE)[0][0] > FREE_CONNECTIONS:
            stack.enter_context(psycopg.connect(stage.postgresql.url))
        yield


def done_work(options):
    """Start with a million messages, or jobs, that are done."""
    return {"filled": options.done}


# ---------------------------------------------------------------- how they are played


def recover(make, options, fault, **stage):
    """Measure before a fault and after it."""
    with Stage(make, options, **stage) as stage:
        before = stage.measure()
        notes = fault(stage) or ()
        return stage.judged(before, stage.measure(), *notes)


def resist(make, options, pressure, **stage):
    """Measure before and while there is pressure."""
    with Stage(make, options, **stage) as stage:
        before = stage.measure()
        with pressure(stage):
            during = stage.measure()
        return stage.judged(before, during)


def compare(make, options, difference):
    """Measure on two stages, the second of which differs."""
    measured = []
    for arguments in ({}, difference(options)):
        with Stage(make, options, **arguments) as stage:
            measured.append(stage.judged(stage.measure(), None))
    both = {name: measured[0][name] + measured[1][name] for name in ("lost", "twice", "notes")}
    return both | {"before": measured[0]["before"], "then": measured[1]["before"]}


@dataclass(frozen=True)
class Scenario:
    """How it is played, and by what."""

    play: Any
    disturbance: Any

    def __call__(self, make, options):
        """Return attributes of a `Result`."""
        return self.play(make, options, self.disturbance)

    @property
    def what(self):
        """Return a sentence on it."""
        return self.disturbance.__doc__


SCENARIOS = {
    "postgres_restart": Scenario(recover, restart_postgresql),
    "pg_backend_kill": Scenario(recover, kill_backends),
    "repeated_kills": Scenario(recover, kill_workers),
    "crash_recovery": Scenario(recover, crash),
    "retry_storm": Scenario(recover, fail_receivers),
    "idle_in_tx": Scenario(resist, idle_transaction),
    "active_readers": Scenario(resist, readers),
    "pool_exhaustion": Scenario(resist, taken_connections),
    "high_load": Scenario(compare, done_work),
}
