#!/usr/bin/env python3
"""Breaks a shop in every way for a while, and counts what became of the messages that it accepted.

    python3 benchmarks/faults.py --seconds 60
    python3 benchmarks/faults.py --scenario hang-postgresql --runner worker --clients 8 --seed 7

A real gunicorn, a `stockhub_worker` and a PostgreSQL of its own run under load. Meanwhile, at random moments, things
break: see the scenarios. The sender never repeats a message, as Stock Hub never does. In the end all work is done, and
what the sender was answered is held against what is in the database. Ends with 1 where something was lost, or was
applied or told twice.

Everything is made in `.run/` and in the system's folder for temporary files. Needs PostgreSQL's programs; as root on
Debian or Ubuntu they are installed.
"""
# Only the standard library up to `campaign`, and in scenarios.py: a fresh clone has no environment yet.

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402
from benchmarks.scenarios import SCENARIOS  # noqa: E402


def main(arguments):
    """The exit code: 0 where nothing was lost, and nothing was applied or told twice."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    if not options.here:
        return in_an_environment(__file__, arguments)
    if not provide_postgresql():
        return 1
    seed = random.randrange(10**6) if options.seed is None else options.seed
    random.seed(seed)
    run.say(f"{options.scenario}, seed {seed}")
    return campaign(options)


def parser():
    """The arguments of the command line."""
    listed = "\n".join(f"  {name:18} {scenario.what}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"scenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seconds", type=seconds, default=60, help="how long the load and the faults go on (60)")
    add("--seed", type=int, help="of the choice of faults, pauses and messages; without, one is drawn and printed")
    add("--scenario", choices=SCENARIOS, default="all", metavar="NAME", help="what is broken, see below (all)")
    add("--runner", choices=("inline", "worker"), default="inline", help="who applies the messages (inline)")
    add("--clients", type=count(1), default=4, help="how many messages are under way at once (4)")
    add("--web-workers", type=count(1), default=2, help="how many processes gunicorn has (2)")
    add("--workers", type=count(0), help="how many stockhub_worker run meanwhile (as the scenario says)")
    add("--no-receivers", dest="receivers", action="store_false", help="a shop that listens to nothing")
    add("--here", action="store_true", help="with this very Python, which has all that is needed")
    return parser


def seconds(text):
    """A while that is longer than nothing."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("say how many seconds, more than 0")
    return value


def count(least):
    """A whole number of at least so many."""

    def number(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"at least {least}")
        return value

    return number


def in_an_environment(file, arguments, *, peers=False):
    """Run a file again with the tests' environment, and the peers if it compares; make it first if it is missing."""
    missing = run.what_is_missing()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    environment = run.Environment(run.RUN / ("speed-venv" if peers else "venv"))
    environment.provide("tests", extras=["postgres"])
    if peers:
        try:
            environment.provide("peers", extras=["postgres"])
        except SystemExit:  # pip has said why
            run.say("the peers could not be installed: they are left out")
    return environment.run(file, "--here", *arguments)


def provide(package, is_there):
    """Return True if a program is here, perhaps now: as root it is installed with a package of Debian."""
    if not is_there() and os.name == "posix" and os.getuid() == 0 and shutil.which("apt-get"):
        run.say(f"installing {package}")
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
    if not is_there():
        print(f"{package} is not here: install it (`sudo apt-get install {package}`), run this again.", file=sys.stderr)
    return is_there()


def provide_postgresql():
    """Return True if PostgreSQL's programs are here, perhaps now."""
    from benchmarks.postgresql import binaries

    return provide("postgresql", lambda: binaries() is not None)


# ---------------------------------------------------------------- the campaign


def campaign(options):
    """Load and faults for a while, then the verdict."""
    from benchmarks.breaking import ON_POSTGRESQL
    from benchmarks.postgresql import PostgreSQL
    from tests.processes import Shop

    run.say("starting PostgreSQL, gunicorn and the worker")
    folder = Path(tempfile.mkdtemp(prefix="stockhub-faults-"))
    environment = ON_POSTGRESQL | {
        "SHOP_SPOOL_DIR": str(folder / "spool"),
        "SHOP_DEADLY_FILE": str(folder / "deadly"),
        "SHOP_RUNNER": options.runner,
        "SHOP_RECEIVERS": str(int(options.receivers)),
    }
    try:
        with PostgreSQL() as postgresql:
            shop = Shop(postgresql.url, folder, **environment)
            try:
                return act(options, postgresql, shop)
            finally:
                shop.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def act(options, postgresql, shop):
    """The scenario; the exit code."""
    from benchmarks.breaking import gunicorn, working, working_side_by_side
    from benchmarks.load import Load
    from benchmarks.scenarios import Damage
    from benchmarks.verdict import judge

    scenario = SCENARIOS[options.scenario]
    workers = scenario.workers if options.workers is None else options.workers
    with shop.serve(*gunicorn(options.web_workers)) as address:
        server = shop.started[-1]
        with working_side_by_side(shop, workers) as at_work:
            damage = Damage(
                scenario,
                postgresql=postgresql,
                server=server,
                workers=at_work,
                deadly_file=shop.folder / "deadly",
            )
            with damage.throughout(), Load(address, threads=options.clients, pause=0.1) as load:
                damage.go_on(load, options.seconds)
            damage.end()
        # somebody comes by in the end, as the cron line does
        with working(shop):
            run.say("the load has ended; waiting until all work is done")
            there = shop.inventory(patience=90)
    return report(load.answers, damage, judge(load.answers, there, receivers=options.receivers))


def report(answers, damage, verdict):
    """Print the numbers; the exit code."""
    accepted = [answer for answer in answers if answer.accepted]
    print()
    print(", ".join(f"{fault} {times} times" for fault, times in damage.counts.items()))
    numbers = {
        "sent": len(answers),
        "not answered": sum(answer.status == 0 for answer in answers),
        "answered otherwise": sum(answer.status != 0 and not answer.accepted for answer in answers),
        "answered 2xx": len(accepted),
        "lost": len(verdict.lost),
        "applied twice": len(verdict.applied_twice),
        "told twice, to a receiver that only writes to this database": len(verdict.told_twice),
        "order.created more than once": len(verdict.created_twice),
        "accepted while the database was down": sum(map(damage.covers, accepted)),
    }
    print(*[f"{what}: {number}" for what, number in numbers.items()], sep="\n")
    for finding in verdict.findings()[:50]:
        print(f"  {finding}")
    return 1 if verdict.findings() else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
