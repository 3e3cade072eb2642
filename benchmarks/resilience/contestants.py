"""The systems under test. Both write a row of `Heard` for each call, so that they are counted alike."""

import itertools
import json
import os
import signal
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from benchmarks.breaking import OPTIONS, EndlessWorker, children
from benchmarks.load import Load, messages
from benchmarks.verdict import judge
from tests.processes import Shop

PATIENCE_SECONDS = 240  # longer than the pause of a call that failed a few times
PEER_PATIENCE_SECONDS = 120  # it looks for stalled jobs once a minute
FIRST_ORDER = 500_000_001  # above the orders of `large_tables`
THIS_RUN = "2025-06-01T00:00:00Z"  # the messages of `large_tables` are older
WEB = ("-k", "gthread", "-w", "2", "--threads", "4")


class Contestant:
    """What both share: workers under a supervisor, and receivers that can be made to fail.

    Args:
        url: address of an empty database.
        folder: for logs, spool and the file that lets receivers fail.
        environment: further settings of the shop.

    Attributes:
        waiting: a query of what waits, in one or more numbers; each is worked off first in, first out.
        tables: the tables that grow and change the most.
    """

    name: str
    command: tuple[str, ...]
    tables: tuple[str, ...]
    waiting: str

    def __init__(self, url, folder, **environment):
        self.url, self.folder = url, folder
        self.failing_file = folder / "failing"
        settings = {
            "SHOP_SPOOL_DIR": str(folder / "spool"),
            "SHOP_FAILING_FILE": str(self.failing_file),
            "SHOP_RUNNER": "worker",
            "SHOP_LEASE_SECONDS": "15",
            "SHOP_DATABASE_OPTIONS": json.dumps(OPTIONS),
        }
        self.shop = Shop(url, folder, **settings | environment)
        self.workers = []
        self.load = None

    def fill(self, done):
        """Put so much work that is done into the empty tables."""
        raise NotImplementedError

    def start(self, clients, may_post, workers=1):
        """Start the processes and return the load, which is not begun."""
        self.start_web()
        self.start_workers(workers)
        self.load = self.make_load(clients, may_post)
        return self.load

    def make_load(self, clients, may_post):
        """Return the clients."""
        raise NotImplementedError

    def start_web(self):
        """Start the server, if there is one."""

    def kill_web(self):
        """Kill -9 the server, if there is one."""

    def web_processes(self):
        """Return the process ids of the server's workers."""
        return []

    def start_workers(self, number):
        """Start so many workers."""
        self.workers = [EndlessWorker(self.shop, self.command) for _ in range(number)]

    def revive(self):
        """Do what a supervisor does for workers that ended by themselves."""
        for worker in self.workers:
            worker.revive()

    def crash(self):
        """Kill -9 all processes, then start them again."""
        workers, self.workers = self.workers, []
        self.kill_web()
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
        self.start_web()
        self.start_workers(len(workers))

    @contextmanager
    def failing(self):
        """Let each call fail meanwhile."""
        self.failing_file.touch()
        try:
            yield
        finally:
            self.failing_file.unlink()

    def processes(self):
        """Return the process ids of all that runs."""
        return [*self.web_processes(), *(worker.process.pid for worker in self.workers)]

    def judge(self):
        """Wait until the work is done; return sentences on what is lost, and on what happened twice."""
        raise NotImplementedError

    def close(self):
        """End all processes, without a wait for what they do."""
        self.shop.close()


class Ours(Contestant):
    """A shop behind gunicorn with two processes of four threads, and `stockhub_worker`."""

    name = "stockhub-webhooks"
    command = ("-m", "django", "stockhub_worker")
    tables = ("stockhub_webhooks_message", "stockhub_webhooks_receivercall")
    # messages that are not applied, and calls that are not done
    waiting = """
        SELECT (SELECT last_value FROM stockhub_webhooks_message_id_seq)
            - coalesce((SELECT message_id FROM stockhub_webhooks_event ORDER BY id DESC LIMIT 1), 0),
            (SELECT last_value FROM stockhub_webhooks_receivercall_id_seq) - (SELECT last_value FROM shop_heard_id_seq)
    """

    def __init__(self, url, folder, **environment):
        super().__init__(url, folder, **environment)
        self.web = ExitStack()

    def fill(self, done):
        numbers = f"--orders={max(done * 3 // 10, 1)}", f"--messages={done}"
        self.shop.run("-m", "benchmarks.large_tables", *numbers, timeout=3600)

    def make_load(self, clients, may_post):
        return Load(self.address, clients, 0, source=messages(FIRST_ORDER), may_post=may_post)

    def start_web(self):
        self.address = self.web.enter_context(self.shop.serve(*WEB))
        self.server = self.shop.started[-1]
        if self.load:
            self.load.address = self.address

    def kill_web(self):
        for pid in (self.server.pid, *children(self.server)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait()

    def web_processes(self):
        return children(self.server)

    def judge(self):
        return self.verdict(self.load.answers, self.inventory())

    def inventory(self):
        """Wait until the work is done; return what is in the database then."""
        return self.shop.inventory(PATIENCE_SECONDS, THIS_RUN)

    @staticmethod
    def verdict(answers, there):
        """Return sentences on what is lost, and on what happened twice."""
        verdict = judge(answers, there)
        return [*verdict.lost], [*verdict.applied_twice, *verdict.told_twice, *verdict.created_twice]

    def close(self):
        self.shop.close()  # first, as it does not wait for what they do
        self.web.close()


class Procrastinate(Contestant):
    """Clients that defer jobs in the database, and procrastinate's worker."""

    name = "procrastinate"
    command = ("-m", "procrastinate", "--app", "benchmarks.resilience.jobs.app", "worker")
    tables = ("procrastinate_jobs", "procrastinate_events")
    waiting = """
        SELECT (SELECT last_value FROM procrastinate_jobs_id_seq) - (SELECT last_value FROM shop_heard_id_seq)
    """

    def __init__(self, url, folder, **environment):
        super().__init__(url, folder, **environment)
        self.shop.run("-m", "procrastinate", "--app", "benchmarks.resilience.jobs.app", "schema", "--apply")

    def fill(self, done):
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # without its triggers, which take long
            connection.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts) "
                "SELECT 'default', 'hear', '{\"number\": 0}', 'succeeded', 1 FROM generate_series(1, %s)",
                [done],
            )
            connection.execute("VACUUM ANALYZE procrastinate_jobs")

    def make_load(self, clients, may_post):
        return Jobs(self.url, clients, may_post)

    def judge(self):
        deferred = [int(answer.body) for answer in self.load.answers if answer.accepted]
        heard, since = self.heard(), time.monotonic()
        while not heard.keys() >= set(deferred) and time.monotonic() - since < PEER_PATIENCE_SECONDS:
            time.sleep(1)
            before, heard = heard, self.heard()
            if before != heard:
                since = time.monotonic()
        self.load.close()
        lost = [f"job {number} was not run" for number in deferred if number not in heard]
        return lost, [f"job {number} was run {times} times" for number, times in heard.items() if times > 1]

    def heard(self):
        """Return how often each job was run."""
        with psycopg.connect(self.url) as connection:
            return Counter(number for (number,) in connection.execute("SELECT event_id FROM shop_heard"))


class Jobs(Load):
    """Clients that defer jobs, each over a connection of its own."""

    def __init__(self, url, threads, may_post):
        import procrastinate  # it may be absent

        source = (("job", number) for number in itertools.count(1))
        super().__init__("", threads, 0, source=source, may_post=may_post)
        connector = procrastinate.SyncPsycopgConnector(conninfo=url, min_size=threads, max_size=threads, timeout=5)
        self.app = procrastinate.App(connector=connector)
        self.app.open()

    def send(self, topic, body):
        from procrastinate.exceptions import ConnectorException
        from psycopg_pool import PoolTimeout

        try:
            self.app.configure_task("hear", allow_unknown=True).defer(number=int(body))
        except (ConnectorException, PoolTimeout):
            return 0
        return 200

    def close(self):
        """Close the connections."""
        self.app.close()
