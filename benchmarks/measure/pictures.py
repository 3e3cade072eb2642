"""The charts of the documentation, drawn from what was measured."""

from benchmarks.measure.plots import Chart, draw
from benchmarks.measure.rounds import median

NAMES = {
    "accept": "accept",
    "inline": "inline",
    "bare": "bare",
    "drf": "nested DRF",
    "worker": "accept",
}


def of(findings):
    """The texts of SVG files by their names, for the parts that ran."""
    makers = {"clients": _rate_by_clients, "sizes": _p99_by_size, "peak": _waiting}
    drawn = {}
    for part, make in makers.items():
        if part in findings:
            name, chart = make(findings[part].runs)
            drawn[name] = draw(chart)
    return drawn


def _rate_by_clients(runs):
    numbers = list(runs)
    lines = {
        NAMES[name]: [(place, median(runs[number][name], "rate")) for place, number in enumerate(numbers)]
        for name in runs[numbers[0]]
    }
    return "rate-by-clients.svg", Chart("Messages a second", "clients at once", "messages a second", lines, numbers)


def _p99_by_size(runs):
    sizes = list(next(iter(runs.values())))
    lines = {
        NAMES[runner]: [(place, median(of_one[size], "p99")) for place, size in enumerate(sizes)]
        for runner, of_one in runs.items()
    }
    names = [f"{int(size):,}" for size in sizes]
    chart = Chart("99 of 100 messages are answered within", "messages in the tables", "milliseconds", lines, names)
    return "p99-by-table-size.svg", chart


def _waiting(runs):
    chart = Chart("Messages that wait to be applied", "seconds", "messages", {"waiting": runs["waiting"]})
    return "waiting-at-the-peak.svg", chart
