"""Whether messages are answered and applied as fast when the tables are full."""

import time
from contextlib import ExitStack

from benchmarks.measure.findings import Findings, errors_of
from benchmarks.measure.rounds import ratio, take_turns

TABLES = "stockhub_webhooks_message, stockhub_webhooks_order, stockhub_webhooks_address"  # the others hang on them


def measure(bench):
    """Full tables beside empty ones."""
    sizes = (0, bench.sizes.messages)
    runs = {runner: _turns(bench, runner, sizes) for runner in ("worker", "inline")}
    full, empty = str(bench.sizes.messages), "0"
    values = {}
    for name, runner in (("accept", "worker"), ("inline", "inline")):
        values[f"{name}_growth"] = ratio(runs[runner], full, empty, "rate")
        values[f"{name}_growth_p99"] = ratio(runs[runner], full, empty, "p99")
    notes = [note for of_one in runs.values() for note in errors_of(of_one)]
    runs["drained"] = _drained(bench, sizes)
    values["worker_growth"] = ratio(runs["drained"], full, empty, "rate")
    return Findings(values, runs=runs, notes=notes)


def _drained(bench, sizes):
    """Work off new orders in either database; the first round only fills caches."""
    with ExitStack() as stack:
        workers = {str(size): stack.enter_context(bench.talk("worker", bench.filled(size))) for size in sizes}

        def drain(worker):
            worker.ask(deed="enter", messages=bench.sizes.orders_a_round)
            return worker.ask(deed="drain")

        contestants = {size: lambda worker=worker: drain(worker) for size, worker in workers.items()}
        take_turns(contestants, 1, "tables, to warm up")
        return take_turns(contestants, bench.sizes.rounds, "tables, worker")


def by_size(bench):
    """Several sizes, for the plot."""
    runs = {runner: _turns(bench, runner, bench.sizes.table_sizes) for runner in ("worker", "inline")}
    return Findings(runs=runs)


def _turns(bench, runner, sizes):
    databases = {f"of_{size}": bench.filled(size) for size in sizes}
    variables = {"SPEED_RUNNER": runner}
    with bench.serving(**{name: (database, variables) for name, database in databases.items()}) as servers:
        for server in servers.values():
            bench.warm(server)
        contestants = {
            str(size): lambda size=size: _post(bench, servers[f"of_{size}"], databases[f"of_{size}"], size)
            for size in sizes
        }
        runs = take_turns(contestants, bench.sizes.rounds, f"tables, {runner}")
    for database in databases.values():
        _forget_what_waits(bench, database)
    return runs


def _post(bench, server, database, size):
    if not size:  # what came before would not leave it empty
        _empty(bench, database)
    return bench.post(server)


def _empty(bench, database, tries=10):
    """Without rows; a server that is still at work after its answers may be in the way."""
    from psycopg.errors import DeadlockDetected  # here, for what is asked for can be said without it

    try:
        bench.sql(database, f"TRUNCATE {TABLES} CASCADE")
    except DeadlockDetected:
        if tries <= 1:
            raise
        time.sleep(0.5)
        _empty(bench, database, tries - 1)


def _forget_what_waits(bench, database):
    """The next runner would take it up."""
    bench.sql(database, "DELETE FROM stockhub_webhooks_message WHERE due_at IS NOT NULL")
    bench.sql(database, "VACUUM ANALYZE stockhub_webhooks_message")
