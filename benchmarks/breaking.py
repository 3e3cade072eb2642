"""What goes wrong in the life of a shop, done on purpose to real processes at random moments."""

import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

GUNICORN = ("--preload", "-w", "2", "-k", "gthread", "--threads", "2")
# short leases and pauses, so that what a dead process held is taken up while we look
IMPATIENT = {"SHOP_LEASE_SECONDS": "2", "SHOP_BACKOFF_SECONDS": "0.2", "SHOP_INLINE_BUDGET_SECONDS": "0.5"}


def children(process):
    """The process ids of its children."""
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in done.stdout.split()]


def kill_web_worker(server):
    """`kill -9` of one of gunicorn's workers, whatever it is doing; gunicorn starts another."""
    pids = children(server)
    if pids:
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)


class EndlessWorker:
    """`stockhub_worker` as a supervisor keeps it: killed, it is started anew."""

    def __init__(self, shop):
        self.shop = shop
        self.process = self._start()

    def kill(self):
        """`kill -9`, then start another."""
        self.process.kill()
        self.process.wait(20)
        self.process = self._start()

    def stop(self):
        """End it politely; its exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def _start(self):
        return self.shop.start("-m", "django", "stockhub_worker")


@contextmanager
def working(shop):
    """A `stockhub_worker` meanwhile."""
    worker = EndlessWorker(shop)
    try:
        yield worker
    finally:
        assert worker.stop() == 0


def pause(least, most):
    """A random while."""
    time.sleep(random.uniform(least, most))
