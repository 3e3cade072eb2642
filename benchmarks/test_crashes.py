"""Processes killed at random moments under load: what was answered 2xx is applied once and told once."""

import json
import os
import signal
import subprocess
import sys

import pytest

from benchmarks.breaking import GUNICORN, IMPATIENT, kill_web_worker, pause, working
from benchmarks.load import Load, post
from benchmarks.postgresql import PostgreSQL
from benchmarks.verdict import Verdict, judge
from tests.processes import ROOT, Shop
from tests.samples import sample

pytestmark = pytest.mark.server
KEPT = Verdict(lost=[], twice=[])


def test_web_workers_killed_under_load(shop):
    shop.environment |= IMPATIENT
    with shop.serve(*GUNICORN) as address:
        server = shop.started[-1]
        with Load(address) as load:
            for _ in range(8):
                pause(0.1, 0.7)
                kill_web_worker(server)
    with working(shop):
        assert judge(load.answers, shop.inventory()) == KEPT
    assert load.accepted() > 20


def test_the_worker_killed_under_load(shop):
    shop.environment |= IMPATIENT | {"SHOP_RUNNER": "worker"}
    with working(shop) as worker, shop.serve(*GUNICORN) as address:
        with Load(address, threads=2, pause=0.05) as load:
            for _ in range(4):
                pause(0.7, 1.7)  # the first part of it passes before it works at all
                worker.kill()
        assert judge(load.answers, shop.inventory()) == KEPT
    assert load.accepted() > 20


@pytest.fixture(scope="module")
def own_postgresql():
    with PostgreSQL(fsync="off") as postgresql:
        yield postgresql


@pytest.mark.postgresql
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL], ids=["pg_ctl -m immediate", "kill -9"])
def test_postgresql_stopped_at_once_under_load(own_postgresql, tmp_path, number):
    own_postgresql.run("DROP DATABASE IF EXISTS stockhub WITH (FORCE)")
    own_postgresql.run("CREATE DATABASE stockhub")
    shop = Shop(own_postgresql.url, tmp_path, SHOP_SPOOL_DIR=str(tmp_path / "spool"), **IMPATIENT)
    try:
        with working(shop), shop.serve(*GUNICORN) as address:
            with Load(address, pause=0.1) as load:
                for _ in range(2):
                    pause(0.5, 1.0)
                    own_postgresql.stop(number)
                    before = len(load.answers)
                    pause(0.5, 1.0)
                    while_down = load.answers[before:]
                    own_postgresql.start()
                pause(0.5, 1.0)
            assert judge(load.answers, shop.inventory()) == KEPT
        assert {answer.status for answer in load.answers} <= {200, 202}
        assert 202 in {answer.status for answer in while_down}
        assert set(os.listdir(tmp_path / "spool")) == {".lock"}
    finally:
        shop.close()


def test_a_slow_living_receiver_outlasts_its_lease_and_is_not_asked_twice(shop):
    shop.environment |= IMPATIENT | {"SHOP_RUNNER": "worker", "SHOP_LEASE_SECONDS": "0.3", "SHOP_SLEEP_SECONDS": "1"}
    with shop.serve() as address:
        for number in range(2):
            body = json.dumps(sample("order", increment_id=f"{number:09d}")).encode()
            assert post(address, "order", body) == 202
    with working(shop), working(shop):
        there = shop.inventory()
    assert there["left"] == {"spooled": 0, "messages": 0, "calls": 0}
    assert sorted(there["calls"]) == sorted([receiver, event] for receiver, event, _ in there["heard"])
    assert shop.query("set(ReceiverCall.objects.values_list('last_error', flat=True))") == {""}


@pytest.mark.postgresql
def test_the_benchmark_breaks_everything_and_finds_nothing_lost():
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "faults.py", "--here", "--seconds", "12"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = dict(line.split(": ") for line in done.stdout.splitlines() if line.count(": ") == 1)
    assert (numbers["lost"], numbers["applied twice"]) == ("0", "0")
    assert int(numbers["answered 2xx"]) > 20
    assert int(numbers["accepted while the database was down"]) > 0
