"""The place where it is measured: one PostgreSQL, databases on it, servers, and programs with Django."""

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import run
from benchmarks.measure import payload
from benchmarks.measure.conversation import Conversation
from benchmarks.measure.servers import Server
from benchmarks.measure.site.settings import KEY

ROOT = Path(__file__).resolve().parents[2]
OURS = "/api/v1/stockhub/order"
HEADERS = {"x-api-key": KEY, "x-version": "V1"}
MESSAGES_AN_ORDER = 10 / 3


class Bench:
    """What all parts share.

    Args:
        postgresql: the server, running.
        folder: for logs and what is handed to wrk.
        sizes: how much of everything, see `sizes.py`.
    """

    def __init__(self, postgresql, folder, sizes):
        self.postgresql, self.folder, self.sizes = postgresql, folder, sizes
        self.payload = folder / "order.json"
        self.payload.write_text(payload.template(), encoding="utf-8")
        self._databases = set()
        self._filled = {}

    # ------------------------------------------------------------ databases

    def url(self, database):
        """The address of one of our databases."""
        return self.postgresql.url.rpartition("/")[0] + f"/{database}"

    def database(self, name, template="tables"):
        """The address of a database with empty tables, made when it is first asked for."""
        if "tables" not in self._databases:
            self._create("tables", "template0")
            self.run("-m", "django", "migrate", "--run-syncdb", "-v0", database="tables")
        if name not in self._databases:
            self._create(name, template)
        return self.url(name)

    def filled(self, messages):
        """The name of a database of so many messages, and three orders for each ten of them."""
        if messages not in self._filled:
            name = f"filled_{messages}"
            self.database(name)
            if messages:
                run.say(f"filling a database with {messages:,} messages")
                numbers = f"--orders={max(1, round(messages / MESSAGES_AN_ORDER))}", f"--messages={messages}"
                self.run("-m", "benchmarks.large_tables", *numbers, database=name)
            self.sql(name, "CHECKPOINT")
            self._filled[messages] = name
        return self._filled[messages]

    def sql(self, database, statement):
        """Run a statement; the rows where it gives any."""
        import psycopg  # here, for what is asked for can be said without it

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _create(self, name, template):
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        self._databases.add(name)

    # ------------------------------------------------------------ processes

    def environment(self, database, **variables):
        """What a process of the measured project is given."""
        here = dict(os.environ)
        here.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
        return here | {
            "DATABASE_URL": self.url(database),
            "DJANGO_SETTINGS_MODULE": "benchmarks.measure.site.settings",
            "PYTHONPATH": str(ROOT),
            **{name: str(value) for name, value in variables.items()},
        }

    def run(self, *arguments, database="tables", **variables):
        """A Python process that ends; what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(database, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)[:200]} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *arguments, database, **variables):
        """A Python process that goes on."""
        with (self.folder / "processes.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment(database, **variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def talk(self, program, database, **variables):
        """A program of `inside`."""
        return Conversation(program, self.environment(database, **variables), ROOT)

    @contextmanager
    def serving(self, **servers):
        """Gunicorns by name, each given as (database, variables); they are stopped in the end."""
        with ExitStack() as stack:
            started = {}
            for name, (database, variables) in servers.items():
                environment = self.environment(database, **variables)
                server = started[name] = Server(name, environment, ROOT, self.folder / f"{name}.log")
                stack.callback(server.stop)
            for server in started.values():
                server.wait()
            yield started

    def post(self, server, path=OURS, *, clients=None, seconds=None, headers=HEADERS, **source):
        """One run of wrk with our order, unless another body is given."""
        return server.load(
            path,
            clients=clients or self.sizes.clients,
            seconds=seconds or self.sizes.seconds,
            headers=headers,
            **(source or {"payload": self.payload}),
        )

    def warm(self, server, path=OURS, headers=HEADERS, body=None):
        """See that it answers, and let all its threads have done it once."""
        server.try_once(path, headers, body or payload.with_number(f"try-{server.port}"))
        if body is None:
            self.post(server, path, headers=headers, seconds=1)
