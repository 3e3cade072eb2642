"""What is measured: each module has a function `measure(bench)` that gives `Findings`."""

from benchmarks.measure.parts import (
    answers,
    backlog,
    burst,
    growth,
    memory,
    pages,
    peak,
    reading,
    start,
    statements,
    worker,
)  # fmt: skip

# in the sequence in which they run; PARTS are those of the table, EXTRAS are asked for
PARTS = {
    "statements": statements.measure,
    "reading": reading.measure,
    "start": start.measure,
    "answers": answers.measure,
    "burst": burst.measure,
    "worker": worker.measure,
    "pages": pages.measure,
    "backlog": backlog.measure,
    "growth": growth.measure,
    "memory": memory.measure,
}
EXTRAS = {"clients": answers.by_clients, "sizes": growth.by_size, "peak": peak.measure}
