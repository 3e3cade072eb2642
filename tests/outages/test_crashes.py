"""Processes killed at random under load: each message answered with 2xx is applied and delivered once."""

import json
import os
import signal
import subprocess
import sys

import pytest

from benchmarks.breaking import IMPATIENT, ON_POSTGRESQL, gunicorn, kill_web_worker, pause, working
from benchmarks.load import Answer, Load, post
from benchmarks.postgresql import PostgreSQL
from benchmarks.verdict import Verdict, digest, judge
from tests.processes import ROOT, Shop
from tests.samples import sample

pytestmark = [pytest.mark.server, pytest.mark.timeout(400)]  # a machine may be busy
KEPT = Verdict()


def test_web_workers_killed_under_load_lose_nothing(shop):
    shop.environment |= IMPATIENT
    with shop.serve(*gunicorn()) as address:
        server = shop.started[-1]
        with Load(address) as load:
            for _ in range(8):
                pause(0.1, 0.7)
                kill_web_worker(server)
            load.wait_for(21)
    with working(shop):
        assert judge(load.answers, shop.inventory()) == KEPT
    assert load.accepted() > 20


def test_worker_killed_under_load_loses_nothing(shop):
    shop.environment |= IMPATIENT | {"SHOP_RUNNER": "worker"}
    with working(shop) as worker, shop.serve(*gunicorn()) as address:
        with Load(address, threads=2, pause=0.05) as load:
            for _ in range(4):
                pause(0.7, 1.7)  # the first part of it passes before it works at all
                worker.kill()
            load.wait_for(21)
        assert judge(load.answers, shop.inventory()) == KEPT
    assert load.accepted() > 20


@pytest.fixture(scope="module")
def own_postgresql():
    with PostgreSQL(fsync="off") as postgresql:
        yield postgresql


@pytest.mark.postgresql
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL], ids=["pg_ctl -m immediate", "kill -9"])
def test_postgresql_stopped_under_load_loses_nothing(own_postgresql, tmp_path, number):
    own_postgresql.run("DROP DATABASE IF EXISTS stockhub WITH (FORCE)")
    own_postgresql.run("CREATE DATABASE stockhub")
    shop = Shop(own_postgresql.url, tmp_path, SHOP_SPOOL_DIR=str(tmp_path / "spool"), **ON_POSTGRESQL)
    try:
        with working(shop), shop.serve(*gunicorn()) as address:
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
        assert set(os.listdir(tmp_path / "spool")) == set()
    finally:
        shop.close()


def test_slow_receiver_outlasts_its_lease_and_is_called_once(shop):
    shop.environment |= IMPATIENT | {"SHOP_RUNNER": "worker", "SHOP_LEASE_SECONDS": "0.3", "SHOP_SLEEP_SECONDS": "1"}
    with shop.serve() as address:
        for number in range(2):
            body = json.dumps(sample("order", increment_id=f"{number:09d}")).encode()
            assert post(address, "order", body) == 202
    with working(shop), working(shop):
        there = shop.inventory()
    assert there["left"] == {"spooled": 0, "messages": 0, "calls": 0}
    assert judge([], there) == KEPT
    assert {receiver for receiver, *_ in there["heard"]} == {"every", "orders"}
    assert shop.query("set(ReceiverCall.objects.values_list('last_error', flat=True))") == {""}


def faults(*arguments):
    """Return the numbers that `benchmarks/faults.py` prints."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "faults.py", "--here", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = dict(line.split(": ") for line in done.stdout.splitlines() if line.count(": ") == 1)
    return {what.partition(",")[0]: int(number) for what, number in numbers.items()}


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "arguments",
    [
        ("--seconds=12",),
        ("--scenario=hang-postgresql", "--seconds=3", "--runner=worker"),
        ("--scenario=spool-only", "--seconds=3", "--no-receivers", "--clients=2", "--web-workers=1", "--workers=0"),
    ],
    ids=["all", "hang", "spool only"],
)
def test_chaos_benchmark_finds_nothing_lost(arguments):
    numbers = faults(*arguments)
    assert [numbers[what] for what in ("lost", "applied twice", "told twice", "order.created more than once")] == [
        0
    ] * 4
    assert numbers["accepted while the database was down"] > 0


def test_chaos_benchmark_finds_a_fault():
    """The check itself reports a missing or repeated message."""
    body = json.dumps(sample("order", increment_id="7")).encode()
    accepted = Answer("order", body, 200, 0.0, 1.0)
    newest = json.loads(body)["status"]
    good = {
        "left": {"spooled": 0},
        "bodies": [digest(body)],
        "orders": [["7", newest]],
        "shipments": [],
        "events": [[1, "order.created", "7", {"status": [None, newest]}]],
        "heard": [["every", 1, "order.created", "7"]],
    }
    assert judge([accepted], good) == KEPT
    assert judge([accepted], good | {"left": {"spooled": 1}}).lost
    assert judge([accepted], good | {"bodies": []}).lost
    assert judge([accepted], good | {"orders": []}).lost
    assert judge([accepted], good | {"heard": []}).lost
    assert not judge([accepted], good | {"heard": []}, receivers=False).lost
    assert judge([accepted], good | {"bodies": good["bodies"] * 2}).applied_twice
    assert judge([accepted], good | {"orders": good["orders"] * 2}).applied_twice
    assert judge([accepted], good | {"events": good["events"] * 2}).created_twice
    assert judge([accepted], good | {"heard": good["heard"] * 2}).told_twice
    twice_by_another_event = [*good["heard"], ["every", 2, "order.created", "7"]]
    assert judge([accepted], good | {"heard": twice_by_another_event}).told_twice
