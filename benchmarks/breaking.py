"""What goes wrong in the life of a shop, done on purpose to real processes at random moments."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

DIED_OF_A_RECEIVER = 9  # see tests/shop/stockhub_receivers.py
PROCESSES = Path("/proc")
END_SECONDS = 90  # a machine may be busy
# the OPTIONS of the README, short; and short leases and pauses, so that what a dead process held is taken up soon
OPTIONS = {"connect_timeout": 2, "tcp_user_timeout": 3000, "options": "-c statement_timeout=5000"}
IMPATIENT = {
    "SHOP_LEASE_SECONDS": "2",
    "SHOP_BACKOFF_SECONDS": "0.2",
    "SHOP_INLINE_BUDGET_SECONDS": "0.5",
    "SHOP_PATIENCE_SECONDS": "1",
}
ON_POSTGRESQL = IMPATIENT | {"SHOP_DATABASE_OPTIONS": json.dumps(OPTIONS)}


def gunicorn(workers=2):
    """The arguments of a server of so many processes, each with two threads."""
    return "--preload", "-w", str(workers), "-k", "gthread", "--threads", "2"


def children(process):
    """The process ids of its children."""
    if PROCESSES.joinpath("self/stat").exists():  # Linux, which may have no ps
        return [int(path.parent.name) for path in PROCESSES.glob("[0-9]*/stat") if parent(path) == process.pid]
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in done.stdout.split()]


def parent(stat):
    """The process id of the parent, by a process's file `stat`; 0 where the process has just ended."""
    try:
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill_web_worker(server):
    """`kill -9` of one of gunicorn's workers, whatever it is doing; gunicorn starts another."""
    pids = children(server)
    if pids:
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)


class EndlessWorker:
    """`stockhub_worker` as a supervisor keeps it: if it is killed, or dies of a receiver, it is started anew.

    Args:
        shop: `tests.processes.Shop`.
        command: arguments of Python for another worker than ours.
    """

    def __init__(self, shop, command=("-m", "django", "stockhub_worker")):
        self.shop = shop
        self.command = command
        self.log = shop.folder / "worker.log"  # a pipe would be full one day, and stop it
        self.lock = threading.Lock()
        self.process = self._start()

    def kill(self):
        """`kill -9`, then start another."""
        with self.lock:
            self.process.kill()
            self.process.wait(END_SECONDS)
            self.process = self._start()

    def revive(self):
        """Start another where it died by itself."""
        with self.lock:
            if self.process.poll() is not None:
                self.process = self._start()

    def stop(self):
        """End it politely; its exit code."""
        self.process.terminate()
        return self.process.wait(END_SECONDS)

    def _start(self):
        with self.log.open("ab") as log:
            return self.shop.start(*self.command, output=log)


@contextmanager
def working(shop):
    """A `stockhub_worker` meanwhile."""
    worker = EndlessWorker(shop)
    try:
        yield worker
    finally:
        code = worker.stop()
    # one that has only just been started anew knows no polite end yet
    assert code in (0, -signal.SIGTERM, DIED_OF_A_RECEIVER), (code, worker.log.read_text())


@contextmanager
def working_side_by_side(shop, number):
    """So many `stockhub_worker` meanwhile, none included."""
    with ExitStack() as stack:
        yield [stack.enter_context(working(shop)) for _ in range(number)]


def pause(least, most):
    """A random while."""
    time.sleep(random.uniform(least, most))
