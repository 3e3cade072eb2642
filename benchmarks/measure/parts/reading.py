"""What it costs to read and validate an order, without a database."""

from benchmarks.measure.findings import Findings
from benchmarks.measure.rounds import ratio, take_turns


def measure(bench):
    """Short slices in turns."""
    bench.database("tables")
    with bench.talk("reading", "tables") as inside:
        ways = {
            way: lambda way=way: inside.ask(way=way, seconds=bench.sizes.slice_seconds)
            for way in ("json", "ours", "nested")
        }
        runs = take_turns(ways, 2 * bench.sizes.rounds + 1, "reading")
    values = {
        "reading": ratio(runs, "ours", "json", "microseconds"),
        "nested_reading": ratio(runs, "nested", "json", "microseconds"),
    }
    return Findings(values, runs=runs)
