#!/usr/bin/env python3
"""Measures how fast messages are received and applied, beside what a shop would use instead.

    python3 benchmarks/speed.py --json speed.json --docs docs/guides/performance.md --plots docs/guides/plots
    python3 benchmarks/speed.py --only answers worker --rounds 3
    python3 benchmarks/speed.py --smoke

Makes an environment with the peers (dj-stripe and django-anymail) and a throwaway PostgreSQL that writes through to the
disk, starts the servers as in production, and drives them with wrk. The contestants take turns in every round, so only
ratios within one run mean anything: run it alone on the machine. One table comes out: what, goal, measured, verdict.

Needs PostgreSQL's programs and wrk; as root on Debian or Ubuntu they are installed. `--smoke` takes about a minute, and
only shows that everything runs.
"""
# Only the standard library up to `measure_all`: a fresh clone has no environment yet.

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402
from benchmarks.faults import count, in_an_environment, provide, provide_postgresql, seconds  # noqa: E402

PARTS = ("statements", "reading", "start", "answers", "burst", "worker", "pages", "backlog", "growth", "memory")
EXTRAS = {"clients": "rate by clients", "sizes": "p99 by table size", "peak": "a piece of Black Friday"}


def main(arguments):
    """The exit code: 0 where all was measured, whatever the verdicts are."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    if not options.here:
        return in_an_environment(__file__, arguments, peers=not options.smoke)
    if not (provide_postgresql() and provide("wrk", lambda: shutil.which("wrk"))):
        return 1
    return measure_all(options)


def parser():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--smoke", action="store_true", help="tiny numbers and no peers, in about a minute; nothing is judged")
    add("--only", nargs="+", choices=(*PARTS, *EXTRAS), default=(), metavar="NAME",
        help=f"these parts: {', '.join((*PARTS, *EXTRAS))}")  # fmt: skip
    add("--simulate-peak", action="store_true", help="100 messages a second for some minutes, and the backlog (peak)")
    add("--rounds", type=count(1), help="how often each contestant runs (5)")
    add("--seconds", type=count(1), help="how long each run takes (4)")
    add("--messages", type=count(1000), help="how many messages the full tables hold (1000000); a year: 3650000")
    add("--drained", type=count(100), help="after how many messages the worker's memory is judged (100000)")
    add("--peak-minutes", type=seconds, help="how long the peak goes on (5)")
    add("--peak-workers", type=count(1), help="how many stockhub_worker run at the peak (1)")
    add("--json", type=Path, metavar="FILE", help="write everything there, the raw runs too")
    add("--plots", type=Path, metavar="DIR", help="draw rate by clients and p99 by table size (clients, sizes)")
    add("--docs", type=Path, metavar="FILE", help="write the table between the marks of this file")
    add("--here", action="store_true", help="with this very Python, which has all that is needed")
    return parser


# ---------------------------------------------------------------- the measurement


def measure_all(options):
    """All parts one after the other; what they found is kept after each."""
    from benchmarks.measure.bench import Bench
    from benchmarks.measure.report import Report
    from benchmarks.postgresql import PostgreSQL

    sizes = chosen_sizes(options)
    report = Report(sizes, judged=not options.smoke)
    folder = Path(tempfile.mkdtemp(prefix="stockhub-speed-"))
    run.say("starting PostgreSQL")
    try:
        with PostgreSQL() as postgresql:
            bench = Bench(postgresql, folder, sizes)
            for number, (name, measure) in enumerate(chosen := chosen_parts(options), 1):
                run.say(f"{number} of {len(chosen)}: {name}")
                began = time.monotonic()
                report.add(name, measure(bench))
                keep(report, options)
                run.say(f"{name} took {time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print()
    if any(report.rows()):
        print(report.table(), end="\n\n")
    print(*report.notes(), sep="\n")
    return 0


def chosen_sizes(options):
    """How much of everything."""
    from dataclasses import replace

    from benchmarks.measure.sizes import FULL, SMOKE

    given = {
        name: getattr(options, name)
        for name in ("rounds", "seconds", "messages", "drained", "peak_minutes", "peak_workers")
    }
    return replace(SMOKE if options.smoke else FULL, **{name: value for name, value in given.items() if value})


def chosen_parts(options):
    """(name, function) of what is to be measured."""
    from benchmarks.measure.parts import EXTRAS as THE_EXTRAS
    from benchmarks.measure.parts import PARTS as THE_PARTS

    asked_for_one = options.only or options.simulate_peak
    wanted = set(options.only if asked_for_one else PARTS)
    if options.plots and not asked_for_one:
        wanted |= {"clients", "sizes"}
    if options.simulate_peak:
        wanted.add("peak")
    return [(name, measure) for name, measure in (THE_PARTS | THE_EXTRAS).items() if name in wanted]


def keep(report, options):
    """Write what there is so far."""
    from benchmarks.measure import pictures

    drawn = []
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
        for name, text in pictures.of(report.findings).items():
            drawn.append(options.plots / name)
            drawn[-1].write_text(text, encoding="utf-8")
    if options.json:
        report.write_json(options.json)
    if options.docs:
        below = options.docs.resolve().parent
        plots = [plot.resolve() for plot in drawn if below in plot.resolve().parents]
        report.write_docs(options.docs.resolve(), plots)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
