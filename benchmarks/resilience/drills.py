"""The drills beside the nine scenarios: they have no goal, but nothing may be lost or happen twice."""

import json
import os
import signal
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measure.processes import memory_bytes
from benchmarks.resilience.disk import SmallDisk
from benchmarks.resilience.scenarios import BACKENDS, Scenario, compare, recover, resist
from benchmarks.resilience.stage import Stage
from benchmarks.verdict import digest

SOAK_PHASES = 30
POOL_SIZE = 5
LAPSED_SECONDS = 20  # a claim lasts 15
DATABASE_MIB, SPOOL_MIB = 1024, 1
ROOM_OF_DATABASE = 17 * 2**20  # the files of its log have 16 MiB
SMALL_LOG = {"max_wal_size": "64MB", "min_wal_size": "32MB"}
MIB = 2**20


def soak(make, options, _):
    """Measure in the first minute and in the last of thirty."""
    with Stage(make, options) as stage:
        rates, sizes = [], []
        for _ in range(SOAK_PHASES):
            rates.append(stage.measure())
            memory = sum(map(memory_bytes, stage.contestant.processes()))
            ((connections,),) = stage.database.ask(f"SELECT count(*) {BACKENDS}")
            sizes.append((memory, connections))
        (memory, connections), (last_memory, last_connections) = sizes[0], sizes[-1]
        notes = (
            f"memory {last_memory / MIB:.0f} MiB ÷ {memory / MIB:.0f} MiB = {last_memory / memory:.2f}",
            f"open connections {last_connections} ÷ {connections} = {last_connections / connections:.2f}",
        )
        return stage.judged(rates[0], rates[-1], *notes)


def behind_pgbouncer(options):
    """Work behind PgBouncer, which hands each transaction to another of five server connections."""
    return {"pool_size": POOL_SIZE}


@contextmanager
def stopped_worker(stage):
    """Stop one of two workers (SIGSTOP) for longer than a claim lasts, then let it go on."""
    pid = stage.contestant.workers[0].process.pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(LAPSED_SECONDS)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def resist_with_two(make, options, pressure):
    """Measure before and while there is pressure, with two workers."""
    return resist(make, options, pressure, workers=2)


# ---------------------------------------------------------------- full disks


def full_database(make, options, _):
    """Leave no space on the disk of the database, then free it and start PostgreSQL if it has ended."""
    with SmallDisk(DATABASE_MIB) as disk:

        def fault(stage):
            server, since = stage.postgresql, time.monotonic()
            disk.fill(server.processes(), ROOM_OF_DATABASE, **server.user)
            time.sleep(stage.seconds)
            disk.free(server.processes(), **server.user)
            ended = server.process.poll() is not None
            server.start()
            yield "PostgreSQL ended and was started again" if ended else "PostgreSQL did not end"
            yield from answers_since(stage, since, disk)

        settings = SMALL_LOG | {"place": disk.folder}
        return recover(make, options, lambda stage: [*fault(stage)], postgresql=settings)


def full_spool(make, options, _):
    """Stop PostgreSQL for so long that the spool is full, then start it."""
    with SmallDisk(SPOOL_MIB) as disk:

        def fault(stage):
            since = time.monotonic()
            stage.postgresql.stop()
            if not disk.is_mounted:
                disk.fill(stage.contestant.web_processes(), 1)
            time.sleep(stage.seconds)
            if not disk.is_mounted:
                disk.free(stage.contestant.web_processes())
            stage.postgresql.start()
            yield from answers_since(stage, since, disk)

        spool = {"SHOP_SPOOL_DIR": str(disk.folder / "spool")}
        return recover(make, options, lambda stage: [*fault(stage)], environment=spool)


def answers_since(stage, since, disk):
    """Return sentences on what the clients were answered meanwhile."""
    answers = [answer for answer in stage.load.answers if answer.asked_at >= since]
    accepted = sum(answer.accepted for answer in answers)
    yield f"meanwhile {accepted:,} of {len(answers):,} posts were accepted"
    if not disk.is_mounted:
        yield "a tmpfs could not be mounted: a limit of the size of files stood in for the full disk"


# ---------------------------------------------------------------- failover


def failover(make, options, _):
    """Go on with an older base backup of the database; what was stored after it is lost with the old server."""
    with ExitStack() as stack:
        heard = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stockhub-heard-"))) / "keys"
        stage = stack.enter_context(Stage(make, options, environment={"SHOP_HEARD_FILE": str(heard)}))
        before = stage.measure()
        copy = stage.postgresql.back_up()
        time.sleep(stage.seconds)
        stage.postgresql.stop()
        failed_at = time.monotonic()
        stage.postgresql.data = copy
        stage.postgresql.start()
        after = stage.measure()
        stage.loading.close()
        there = stage.contestant.inventory()
        bodies = set(there["bodies"])
        answers, lost = [], 0
        for answer in stage.load.answers:
            if answer.accepted and answer.heard_at <= failed_at and digest(answer.body) not in bodies:
                lost += 1
            else:
                answers.append(answer)
        lost_later, twice = stage.contestant.verdict(answers, there)
        reused, doubled = keys(heard)
        notes = (
            f"{lost:,} messages were lost with the old server",
            f"{doubled:,} events were heard under two idempotency keys",
            *stage.refused(),
        )
        return {"before": before, "then": after, "lost": lost_later, "twice": [*twice, *reused], "notes": notes}


def keys(file):
    """Return sentences on keys that stand for two events, and the number of events that have two keys.

    Args:
        file: lines of JSON, each with an idempotency key, a digest of the message, the type of the event and its
            changes, which may be others after the failover.
    """
    events, used = defaultdict(set), defaultdict(set)
    for line in file.read_text().splitlines():
        key, message, kind, changes = json.loads(line)
        events[key].add((message, kind))
        used[message, kind, changes].add(key)
    reused = [f"key {key} was used for {len(those)} events" for key, those in events.items() if len(those) > 1]
    return reused, sum(len(those) > 1 for those in used.values())


DRILLS = {
    "soak": Scenario(soak, soak),
    "pgbouncer": Scenario(compare, behind_pgbouncer),
    "stopped_worker": Scenario(resist_with_two, stopped_worker),
    "full_database": Scenario(full_database, full_database),
    "full_spool": Scenario(full_spool, full_spool),
    "failover": Scenario(failover, failover),
}
