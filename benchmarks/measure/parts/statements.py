"""How many statements messages cost."""

from benchmarks.measure.findings import Findings


def measure(bench):
    """They are counted, not timed, so once is enough."""
    bench.database("statements")
    with bench.talk("statements", "statements") as inside:
        counts = inside.ask()
    return Findings(values=counts, runs=counts)
