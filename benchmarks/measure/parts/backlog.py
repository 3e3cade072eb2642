"""The pages of a shop while its web processes work off a backlog, after an outage or without a worker."""

import statistics
import threading
import time

from benchmarks.measure.bench import HEADERS, OURS, ROOT
from benchmarks.measure.findings import Findings, errors_of
from benchmarks.measure.payload import with_number
from benchmarks.measure.rounds import ratio, take_turns
from benchmarks.measure.servers import SHAPE, Server

SHAPES = {"threads": SHAPE, "sync": ("-k", "sync", "-w", "2")}
POST_SECONDS = 0.1
TABLES = "stockhub_webhooks_message, stockhub_webhooks_order"
OPEN = "SELECT count(*) FROM stockhub_webhooks_message WHERE due_at IS NOT NULL"
REFILL = (
    f"TRUNCATE {TABLES} CASCADE",
    "INSERT INTO stockhub_webhooks_message SELECT * FROM kept_messages",
    "UPDATE stockhub_webhooks_message SET due_at = now()",
)


def measure(bench):
    """Pages a second with a backlog and without, in turn, while a new message comes in every tenth of a second."""
    bench.database("backlog")
    with bench.talk("worker", "backlog") as program:
        program.ask(deed="enter", messages=bench.sizes.backlog)
    bench.sql("backlog", "CREATE TABLE kept_messages AS SELECT * FROM stockhub_webhooks_message")
    values, runs = {}, {}
    for name, shape in SHAPES.items():
        environment = bench.environment("backlog", SPEED_RECEIVER=1)
        server = Server(name, environment, ROOT, bench.folder / f"{name}.log", shape)
        try:
            bench.warm(server.wait())
            server.load("/page", clients=bench.sizes.clients, seconds=1, headers={})
            contestants = {
                "with": lambda server=server: _pages(bench, server, REFILL),
                "without": lambda server=server: _pages(bench, server, REFILL[:1]),
            }
            runs[name] = take_turns(contestants, bench.sizes.rounds, f"backlog, {name}")
        finally:
            server.stop()
        values |= _values(name, runs[name])
    return Findings(values, runs=runs, notes=[note for of_one in runs.values() for note in errors_of(of_one)])


def _values(name, runs):
    longer = [one["p95"] - other["p95"] for one, other in zip(runs["with"], runs["without"], strict=True)]
    return {
        f"{name}_pages": ratio(runs, "with", "without", "rate"),
        f"{name}_p95": statistics.median(longer),
        f"{name}_done": statistics.median(run["done"] for run in runs["with"]),
    }


def _pages(bench, server, statements):
    for statement in statements:
        bench.sql("backlog", statement)
    bench.sql("backlog", "VACUUM ANALYZE stockhub_webhooks_message")
    seconds = bench.sizes.backlog_seconds
    ((before,),) = bench.sql("backlog", OPEN)
    with _Sender(server):
        run = server.load("/page", clients=bench.sizes.clients, seconds=seconds, headers={})
    ((after,),) = bench.sql("backlog", OPEN)
    return run | {"done": (before - after) / seconds}


class _Sender:
    """A thread that posts new orders meanwhile, as Stock Hub does."""

    def __init__(self, server):
        self._send = server.sender("", HEADERS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._post, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def _post(self):
        while not self._stop.wait(POST_SECONDS):
            self._send(OURS, with_number(f"new-{time.time_ns()}"))
