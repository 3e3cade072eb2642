#!/usr/bin/env python3
"""Disturbs a busy shop in the ways of a published comparison of queues, and procrastinate beside it.

    python3 benchmarks/chaos.py
    python3 benchmarks/chaos.py --seconds 10 --only postgres_restart idle_in_tx

Eight clients keep a real gunicorn, a `stockhub_worker` and a PostgreSQL of its own busy. For a minute the calls of
receivers a second are counted, then something happens, and they are counted for another minute: after the fault, or
under the pressure. In the nine scenarios at least 0.9 of the rate must be left. In the end all work is done, and what
the clients were answered is held against what is in the database and what the receivers heard. procrastinate goes
through the same nine: its clients defer jobs, and its worker writes the same row for each job. The drills come last.

The contestants take turns, so run it alone on the machine. One table comes out. Ends with 1 if this app missed one of
the nine goals, or if it lost or repeated anything.

Everything is made in `.run/` and in the system's folder for temporary files. Needs PostgreSQL's programs and PgBouncer;
as root on Debian or Ubuntu they are installed.
"""
# Only the standard library up to `play_all`: a fresh clone has no environment yet.

import argparse
import importlib.util
import logging
import os
import signal
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402
from benchmarks.faults import count, in_an_environment, provide, provide_postgresql, seconds  # noqa: E402


def main(arguments):
    """Return the exit code: 0 if all goals were met, and nothing was lost or repeated."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    if not options.here:
        return in_an_environment(__file__, arguments, peers=True)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shop.settings"
    if not (provide_postgresql() and provide_pgbouncer()):
        return 1
    return play_all(options)


def parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seconds", type=seconds, default=60, help="how long each rate is measured, and each fault lasts (60)")
    add("--only", nargs="+", default=(), metavar="NAME", help="these scenarios, see docs/guides/performance.md")
    add("--clients", type=count(1), default=8, help="how many clients post at once (8)")
    add("--done", type=count(10), default=1_000_000, help="how much work is done before high_load begins (1000000)")
    add("--here", action="store_true", help="with this very Python, which has all that is needed")
    return parser


def provide_pgbouncer():
    """Return True if PgBouncer is here, perhaps now."""
    from benchmarks.pgbouncer import program

    return provide("pgbouncer", program)


def play_all(options):
    """Play the scenarios one after the other, and print the table."""
    from benchmarks.resilience.contestants import Ours, Procrastinate
    from benchmarks.resilience.drills import DRILLS
    from benchmarks.resilience.scenarios import SCENARIOS
    from benchmarks.resilience.table import exit_code, table

    unknown = set(options.only) - {*SCENARIOS, *DRILLS}
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join((*SCENARIOS, *DRILLS))}", file=sys.stderr)
        return 2
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # lost connections are no news here
    has_peer = importlib.util.find_spec("procrastinate") is not None
    results = []
    for name, scenario in (SCENARIOS | DRILLS).items():
        if options.only and name not in options.only:
            continue
        run.say(f"{name}: {scenario.what}")
        for make in (Ours, Procrastinate) if name in SCENARIOS and has_peer else (Ours,):
            results.append(play(name, scenario, make, options, has_goal=name in SCENARIOS))
    print(f"\n{table(results)}\n")
    if not has_peer:
        print("procrastinate could not be installed here: it is left out")
    return exit_code(results, Ours.name)


def play(name, scenario, make, options, *, has_goal):
    """Play one scenario with one contestant, and print what became of it."""
    from benchmarks.resilience.table import Result

    began = time.monotonic()
    try:
        result = Result(name, make.name, has_goal=has_goal, **scenario(make, options))
    except Exception:  # the others are played all the same
        traceback.print_exc()
        result = Result(name, make.name, has_goal=has_goal, failure=traceback.format_exc())
    print(*result.cells(), f"({time.monotonic() - began:.0f} s)", flush=True)
    for sentence in (*result.notes, *result.lost[:20], *result.twice[:20]):
        print(f"  {sentence}", flush=True)
    return result


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
