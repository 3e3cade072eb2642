"""What the app adds to the start of each process of the shop."""

from benchmarks.measure.findings import Findings
from benchmarks.measure.rounds import median, take_turns


def measure(bench):
    """Fresh processes in turns; the first of each only fills the caches of the disk."""
    bench.database("tables")

    def start(with_app):
        variables = {"SPEED_APP": int(with_app), "SPEED_BASELINES": 0}
        return {"milliseconds": float(bench.run("-m", "benchmarks.measure.inside.start", **variables))}

    contestants = {"with": lambda: start(True), "without": lambda: start(False)}
    take_turns(contestants, 1, "start")
    runs = take_turns(contestants, bench.sizes.starts, "start")
    return Findings(
        {"start": median(runs["with"], "milliseconds") / median(runs["without"], "milliseconds")}, runs=runs
    )
