#!/usr/bin/env python3
"""Breaks a shop in every way for a while, and counts what became of the messages that it accepted.

    python3 benchmarks/faults.py --seconds 60

A real gunicorn, a `stockhub_worker` and a PostgreSQL of its own run under load. Meanwhile, at random moments: a web
worker is killed (`kill -9`), the worker is killed, PostgreSQL is stopped at once (as `pg_ctl -m immediate`) and started
again, and the database refuses everybody for a while. The sender never repeats a message, as Stock Hub never does.
In the end all work is done, and what was answered 2xx is held against what there is. Ends with 1 where something was
lost or applied twice.

Everything is made in `.run/` and in the system's folder for temporary files. Needs PostgreSQL's programs; as root on
Debian or Ubuntu they are installed.
"""
# Only the standard library up to `campaign`: a fresh clone has no environment yet, it is made first.

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402

FAULTS = ("web worker killed", "worker killed", "PostgreSQL stopped", "database refuses")


def main(arguments):
    """The exit code: 0 where nothing was lost and nothing was applied twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long the load and the faults go on (60)")
    parser.add_argument("--seed", type=int, default=None, help="of the choice of faults and pauses")
    parser.add_argument("--here", action="store_true", help="with this very Python, which has all that is needed")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    if not options.here:
        return in_an_environment(arguments)
    if not provide_postgresql():
        return 1
    random.seed(options.seed)
    return campaign(options.seconds)


def in_an_environment(arguments):
    """Run this file again with the tests' environment, which is made where it is missing."""
    missing = run.what_is_missing()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    environment = run.Environment(run.RUN / "venv")
    environment.provide("tests", extras=["postgres"])
    return environment.run(__file__, "--here", *arguments)


def provide_postgresql():
    """Whether PostgreSQL's programs are there, perhaps now."""
    from benchmarks.postgresql import binaries

    if binaries() is None and os.name == "posix" and os.getuid() == 0 and shutil.which("apt-get"):
        run.say("installing PostgreSQL")
        for command in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
    if binaries() is None:
        print(
            "PostgreSQL's programs (initdb, postgres, psql) are not here: install them (on Debian and Ubuntu: "
            "`sudo apt-get install postgresql`) and run this again.",
            file=sys.stderr,
        )
        return False
    return True


# ---------------------------------------------------------------- the campaign


def campaign(seconds):
    """Load and faults for so many seconds, then the verdict."""
    from benchmarks.breaking import GUNICORN, IMPATIENT, working
    from benchmarks.load import Load
    from benchmarks.postgresql import PostgreSQL
    from benchmarks.verdict import judge
    from tests.processes import Shop

    run.say("starting PostgreSQL, gunicorn and the worker")
    folder = Path(tempfile.mkdtemp(prefix="stockhub-faults-"))
    try:
        with PostgreSQL() as postgresql:
            shop = Shop(postgresql.url, folder, SHOP_SPOOL_DIR=str(folder / "spool"), **IMPATIENT)
            try:
                with working(shop) as worker, shop.serve(*GUNICORN) as address:
                    with Load(address, pause=0.1) as load:
                        damage = Damage(postgresql, shop.started[-1], worker)
                        damage.go_on(load, seconds)
                    run.say("the load has ended; waiting until all work is done")
                    verdict = judge(load.answers, shop.inventory(90))
            finally:
                shop.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report(load.answers, damage, verdict)


class Damage:
    """What was broken, how often, and when the database was away."""

    def __init__(self, postgresql, server, worker):
        self.postgresql = postgresql
        self.server = server
        self.worker = worker
        self.counts = dict.fromkeys(FAULTS, 0)
        self.outages = []  # (from, until), while surely nobody could reach the database

    def go_on(self, load, seconds):
        """One fault after the other, each kind equally often, in an order that nobody knows."""
        begin = time.monotonic()
        coming = []
        while time.monotonic() - begin < seconds:
            coming = coming or random.sample(FAULTS, len(FAULTS))
            fault = coming.pop()
            self.happen(fault)
            self.counts[fault] += 1
            passed = time.monotonic() - begin
            print(f"{passed:5.0f} s   {load.accepted():6} answered 2xx   {fault}", flush=True)
            time.sleep(random.uniform(0.3, 1.5))

    def happen(self, fault):
        """Break it, and where it does not mend itself, mend it."""
        from benchmarks.breaking import kill_web_worker

        if fault == "web worker killed":
            kill_web_worker(self.server)
        elif fault == "worker killed":
            self.worker.kill()
        elif fault == "PostgreSQL stopped":
            self.away(lambda: self.postgresql.stop(signal.SIGQUIT), self.postgresql.start)
        else:
            self.away(self.postgresql.refuse, self.postgresql.admit)

    def away(self, take, give_back):
        """The database is away for one to three seconds."""
        take()
        begin = time.monotonic()
        time.sleep(random.uniform(1, 3))
        self.outages.append((begin, time.monotonic()))
        give_back()

    def covers(self, answer):
        """Whether the message was sent and answered within one outage."""
        return any(begin <= answer.asked_at and answer.heard_at <= end for begin, end in self.outages)


def report(answers, damage, verdict):
    """Print the numbers; the exit code."""
    accepted = [answer for answer in answers if answer.accepted]
    print()
    print(*[f"{fault}: {times} times" for fault, times in damage.counts.items()], sep=", ")
    print(f"sent: {len(answers)}")
    print(f"not answered: {sum(answer.status == 0 for answer in answers)}")
    print(f"answered otherwise: {sum(answer.status != 0 and not answer.accepted for answer in answers)}")
    print(f"answered 2xx: {len(accepted)}")
    print(f"lost: {len(verdict.lost)}")
    print(f"applied twice: {len(verdict.twice)}")
    print(f"accepted while the database was down: {sum(map(damage.covers, accepted))}")
    for finding in [*verdict.lost, *verdict.twice][:50]:
        print(f"  {finding}")
    return 1 if verdict.lost or verdict.twice else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
