"""One contestant at work on a PostgreSQL of its own: kept busy, measured, and judged in the end."""

import shutil
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg

from benchmarks.pgbouncer import pgbouncer
from benchmarks.postgresql import PostgreSQL

WINDOW = 200  # so much may wait, that the worker is never idle and no backlog grows
LOOK_SECONDS = 0.1
READY_SECONDS = 120
DONE = "SELECT count(*) FROM shop_heard"


class Stage:
    """Context in which a contestant works.

    While `measure` runs, the clients post as fast as the work is done. Between two measurements they post at the pace
    of the last one, whether the work is done or not.

    Args:
        make: class of the contestant.
        options: of the command line: `seconds`, `clients`.
        filled: how much work is done already.
        workers: how many workers.
        pool_size: connections of a PgBouncer between the contestant and PostgreSQL; 0 for none.
        postgresql: settings of the server.
        environment: further settings of the shop.
    """

    def __init__(self, make, options, *, filled=0, workers=1, pool_size=0, postgresql=None, environment=None):
        self.make, self.options, self.filled, self.number = make, options, filled, workers
        self.pool_size, self.environment = pool_size, environment or {}
        self.postgresql = PostgreSQL(**postgresql or {})
        self.seconds = options.seconds
        self.stack = ExitStack()
        self.bound = lambda: True
        self.waiting = ()

    def __enter__(self):
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="stockhub-chaos-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.enter_context(self.postgresql)
            url = self.postgresql.url
            if self.pool_size:
                url = stack.enter_context(pgbouncer(url, self.pool_size))
            self.contestant = self.make(url, self.folder, **self.environment)
            stack.callback(self.contestant.close)
            if self.filled:
                self.contestant.fill(self.filled)
            self.database = Database(self.postgresql.url)
            stack.callback(self.database.close)
            self.load = self.contestant.start(self.options.clients, self.may_post, self.number)
            self.follow()
            stack.enter_context(Looking(self))
            self.loading = stack.enter_context(ExitStack())
            self.loading.enter_context(self.load)
            self.warm_up()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    # ------------------------------------------------------------ the pace of the clients

    def may_post(self):
        """Return True if the clients may post a further message."""
        return self.bound()

    def follow(self):
        """Let the clients post as fast as the work is done."""
        start = self.look()

        def bound():
            return all(now < then + WINDOW for now, then in zip(self.waiting, start, strict=True))

        self.bound = bound

    def keep_pace(self, rate):
        """Let the clients post so many messages a second, whether the work is done or not."""
        start, posted = time.monotonic(), self.load.posted
        self.bound = lambda: self.load.posted < posted + rate * (time.monotonic() - start)

    def look(self):
        """Return what waits, once the database answers."""
        self.waiting = self.database.ask(self.contestant.waiting)[0]
        return self.waiting

    # ------------------------------------------------------------ time that passes

    def warm_up(self):
        """Wait until each process has done some work."""
        deadline = time.monotonic() + READY_SECONDS
        while self.done() < WINDOW:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.contestant.name} does no work: {self.log()[-2000:]}")
            time.sleep(0.5)

    def measure(self, seconds=None):
        """Return the calls a second in a phase that begins now."""
        self.follow()
        began, done, posted = time.monotonic(), self.done(), self.load.posted
        time.sleep(seconds or self.seconds)
        rate = (self.done() - done) / (time.monotonic() - began)
        self.keep_pace((self.load.posted - posted) / (time.monotonic() - began))
        return rate

    def done(self):
        """Return how many calls were done."""
        return self.database.ask(DONE)[0][0]

    def judged(self, before, then, *notes):
        """Stop the clients, wait until the work is done, and return attributes of a `Result`."""
        self.loading.close()
        lost, twice = self.contestant.judge()
        return {"before": before, "then": then, "lost": lost, "twice": twice, "notes": [*notes, *self.refused()]}

    def refused(self, since=0.0):
        """Return a sentence on what was not accepted, if there is any."""
        answers = [answer for answer in self.load.answers if answer.asked_at >= since]
        unheard = sum(answer.status == 0 for answer in answers)
        refused = sum(not answer.accepted for answer in answers) - unheard
        if unheard or refused:
            yield f"of {len(answers):,} posts {unheard:,} had no answer, and {refused:,} were not accepted"

    def log(self):
        """Return what the contestant's processes wrote."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))


class Database:
    """A connection that is made again if it is lost."""

    def __init__(self, url):
        self.url = url
        self.connection = None
        self.lock = threading.Lock()

    def ask(self, sql, patience=60):
        """Return the rows of a statement, if the database answers within so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return self.try_once(sql)
            except psycopg.Error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def try_once(self, sql):
        """Return the rows of a statement."""
        with self.lock:
            if self.connection is None or self.connection.closed:
                self.connection = psycopg.connect(self.url, autocommit=True, connect_timeout=3)
            cursor = self.connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def close(self):
        """Close the connection."""
        if self.connection:
            self.connection.close()


class Looking:
    """A thread that looks what waits and starts workers that ended by themselves, again and again."""

    def __init__(self, stage):
        self.stage = stage
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.stop.set()
        self.thread.join()

    def run(self):
        while not self.stop.wait(LOOK_SECONDS):
            self.stage.contestant.revive()
            with suppress(psycopg.Error):  # it must not end
                self.stage.waiting = self.stage.database.try_once(self.stage.contestant.waiting)[0]
