"""Start real processes of a shop on a database of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import ProgrammingError, connection, connections
from django.db.utils import load_backend

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def scratch_database(tmp_path, template=None):
    """Yield the URL of a database of the kind that the tests run on; drop it afterwards.

    Args:
        tmp_path: folder for the file of SQLite.
        template: URL of the database that is copied, to which nothing is connected; without it, the new one is empty.
    """
    if connection.vendor == "sqlite":
        if template:
            shutil.copy(template.removeprefix("sqlite:///"), tmp_path / "shop.sqlite3")
        yield f"sqlite:///{tmp_path / 'shop.sqlite3'}"
        return
    name = f"test_stockhub_{uuid.uuid4().hex[:12]}"
    model = template.rpartition("/")[2] if template else ""
    if connection.vendor == "mysql":
        execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        if model:
            copy_tables(model, name)
    else:
        execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {model}" if model else ""))
    there = connection.settings_dict
    user = ":".join(urllib.parse.quote(str(part), safe="") for part in (there["USER"], there["PASSWORD"]) if part)
    scheme = {"postgresql": "postgres"}.get(connection.vendor, connection.vendor)
    try:
        yield f"{scheme}://{user}@{there['HOST']}:{there['PORT']}/{name}"
    finally:
        drop_database(name)


def drop_database(name, tries=20):
    """Drop a database despite its connections; wait for an autovacuum, which cannot be ended."""
    force = " WITH (FORCE)" if connection.vendor == "postgresql" else ""
    while True:
        try:
            return execute(f"DROP DATABASE {name}{force}")
        except ProgrammingError:
            tries -= 1
            if not tries:
                raise
            time.sleep(0.5)


def copy_tables(source, target):
    """Copy all tables with their rows from one database of MariaDB to another."""
    with separate_cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        cursor.execute(f"USE {target}")
        cursor.execute(f"SHOW TABLES FROM {source}")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {source}.{table}")
            cursor.execute(cursor.fetchone()[1])
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {source}.{table})")
            if cursor.fetchone()[0]:
                cursor.execute(f"INSERT INTO {table} SELECT * FROM {source}.{table}")


def execute(sql):
    """Run a statement on a separate connection, outside all transactions."""
    with separate_cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def separate_cursor():
    """Yield a cursor of a connection of its own, outside all transactions."""
    backend = load_backend(connection.settings_dict["ENGINE"])
    own = backend.DatabaseWrapper(connections.settings["default"] | {"NAME": connection.settings_dict["NAME"]}, "own")
    own.inc_thread_sharing()
    try:
        with own.cursor() as cursor:
            yield cursor
    finally:
        own.close()


class Shop:
    """Processes of one shop, which share an environment and are all ended by `close`."""

    def __init__(self, url, folder, *, is_migrated=False, **environment):
        self.folder = folder
        self.environment = os.environ | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.shop.settings",
            "OTHER_SQLITE_FILE": str(folder / "other.sqlite3"),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "default",
            **environment,
        }
        self.started = []
        self.shell = None
        if not is_migrated:
            self.run("-m", "django", "migrate", "--run-syncdb", "-v0")

    def start(self, *arguments, output=subprocess.PIPE, **environment):
        """Start a Python process and return it."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments, code=0, timeout=300, **environment):
        """Run a Python process to its end and return its output."""
        process = self.start(*arguments, **environment)
        out, errors = process.communicate(timeout=timeout)
        assert process.returncode == code, (process.returncode, out, errors)
        return out

    def worker(self, *arguments, code=0, **environment):
        """Run one `stockhub_worker` to its end."""
        return self.run("-m", "django", "stockhub_worker", *arguments, code=code, **environment)

    def query(self, code):
        """Return the value of an expression, evaluated in a shell of the shop in which all models are imported."""
        if self.shell is None:
            self.shell = self.start("-m", "tests.shop.shell")
        self.shell.stdin.write(json.dumps(code) + "\n")
        self.shell.stdin.flush()
        line = self.shell.stdout.readline()
        assert line, self.shell.communicate(timeout=60)
        answer = json.loads(line)
        assert "value" in answer, answer["fault"]
        return eval(answer["value"])

    def inventory(self, patience=60, since="2000-01-01T00:00:00Z"):
        """Return the rows that were received after `since` once no work is left, or none is done for `patience` s."""
        return json.loads(self.run("-m", "benchmarks.inventory", str(patience), since, timeout=3600))

    @contextmanager
    def serve(self, *options, **environment):
        """Start a gunicorn and yield its address; its process is the last of `started`."""
        port = free_port()
        arguments = ["-m", "gunicorn", "tests.host.wsgi", "-b", f"127.0.0.1:{port}", "--log-level", "warning"]
        log = (self.folder / "gunicorn.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, *arguments, *options],
            cwd=ROOT,
            env=self.environment | environment,
            stdout=log,
            stderr=log,
        )
        self.started.append(process)
        try:
            wait_for_port(process, port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)
            log.close()

    def log(self):
        """Return gunicorn's log."""
        return (self.folder / "gunicorn.log").read_text()

    def close(self):
        """End all processes that still run."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait(20)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()


def free_port():
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(process, port):
    """Wait until the server listens."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.3):
            return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")
