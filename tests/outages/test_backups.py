"""Each backup command of docs/guides/backup.md is run on its database while messages come in."""

import json
import re
import subprocess
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import KEY, PREFIX
from tests.processes import Shop, scratch_database
from tests.samples import sample

pytestmark = [pytest.mark.server, pytest.mark.slow]

DOCS = (Path(__file__).parents[2] / "docs" / "guides" / "backup.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```sh\n(# SQLite.*?)```", DOCS, re.DOTALL)
COMMANDS = [line for line in BLOCK.splitlines() if not line.startswith("#")]


def commands(program):
    return [line for line in COMMANDS if line.startswith(program)]


class Sender(threading.Thread):
    """Posts orders one after the other until it is told to stop; keeps the answers by number."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.answers = {}
        self.stopped = threading.Event()
        self.changed = threading.Condition()

    def run(self):
        number = 0
        while not self.stopped.is_set():
            number += 1
            body = json.dumps(sample("order", increment_id=f"{number:09}", po_number=f"B-{number}")).encode()
            headers = {"x-api-key": KEY, "content-type": "application/json"}
            request = urllib.request.Request(f"http://{self.address}{PREFIX}order", body, headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                status = answer.status
            with self.changed:
                self.answers[f"{number:09}"] = status
                self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.answers) >= count, timeout=60)
            return set(self.answers)


@contextmanager
def load(shop):
    with shop.serve("--workers", "2") as address:
        sender = Sender(address)
        sender.start()
        try:
            yield sender
        finally:
            sender.stopped.set()
            sender.join(60)


def run(command, folder, **environment):
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def numbers(shop):
    return set(shop.query("list(Message.objects.values_list('increment_id', flat=True))"))


def back_up_under_load(shop, folder, command, **environment):
    """Run the command between messages; return the numbers that were answered before it began."""
    with load(shop) as sender:
        before = sender.wait_for(20)
        run(command, folder, **environment)
        sender.wait_for(len(sender.answers) + 5)
    assert set(sender.answers.values()) == {200}, "it held up or lost messages"
    return before


def test_each_database_has_a_command():
    assert len(commands("sqlite3")) == 2
    assert len(commands("pg_dump")) == len(commands("mariadb-dump")) == 1
    assert len(COMMANDS) == 4


@pytest.mark.sqlite
@pytest.mark.parametrize("command", commands("sqlite3"))
def test_sqlite(shop, tmp_path, command):
    run('sqlite3 shop.sqlite3 "PRAGMA journal_mode=WAL"', tmp_path)
    before = back_up_under_load(shop, tmp_path, command)
    shop.close()
    assert run('sqlite3 backup.sqlite3 "PRAGMA integrity_check"', tmp_path).strip() == "ok"
    for name in ("shop.sqlite3-wal", "shop.sqlite3-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "backup.sqlite3").replace(tmp_path / "shop.sqlite3")
    assert before <= restored(f"sqlite:///{tmp_path / 'shop.sqlite3'}", tmp_path)


@pytest.mark.postgresql
@pytest.mark.parametrize("command", commands("pg_dump"))
def test_postgresql(shop, tmp_path, command):
    before = back_up_under_load(shop, tmp_path, command, DATABASE_URL=shop.environment["DATABASE_URL"])
    with scratch_database(tmp_path) as url:
        run(f"pg_restore --dbname={url} --no-owner backup.dump", tmp_path)
        assert before <= restored(url, tmp_path)


@pytest.mark.mariadb
@pytest.mark.parametrize("command", commands("mariadb-dump"))
def test_mariadb(shop, tmp_path, command):
    there = connection.settings_dict
    access = f"--host={there['HOST']} --port={there['PORT']} --user={there['USER']} --password={there['PASSWORD']}"
    name = shop.environment["DATABASE_URL"].rpartition("/")[2]
    command = command.replace("mariadb-dump", f"mariadb-dump {access}").removesuffix("shop") + name
    before = back_up_under_load(shop, tmp_path, command)
    with scratch_database(tmp_path) as url:
        run(f"mariadb {access} {url.rpartition('/')[2]} < backup.sql", tmp_path)
        assert before <= restored(url, tmp_path)


def restored(url, folder):
    shop = Shop(url, folder, is_migrated=True)
    try:
        return numbers(shop)
    finally:
        shop.close()
