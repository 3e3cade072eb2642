"""PostgreSQL with a full disk: the operating system limits the size of its files."""

import json
import os
import random
import subprocess
import time

import pytest

from benchmarks.breaking import ON_POSTGRESQL, children, gunicorn, working
from benchmarks.load import Answer, post
from benchmarks.postgresql import PostgreSQL
from benchmarks.verdict import Verdict, judge
from tests.processes import Shop
from tests.samples import sample

pytestmark = [pytest.mark.server, pytest.mark.postgresql, pytest.mark.timeout(400)]
ROOM = 17 * 2**20  # its log's files have 16 MiB, and must fit


def let_files_grow_to(postgresql, size):
    """Set the limit for the first process, whose children inherit it, and for existing processes."""
    for pid in (postgresql.process.pid, *children(postgresql.process)):
        # of its own user's processes everyone may set the soft limit, which the colon leaves alone
        subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={size}:"], check=True, cwd="/", **postgresql.user)


def long_orders():
    """Return orders of nearly 1 MiB each that cannot be compressed."""
    for number in range(1, 21):
        noise = random.randbytes(500_000).hex()
        yield sample("order", increment_id=f"{number:09d}", updated_at="2024-06-01 10:00:00", noise=noise)


def test_full_disk_sends_messages_to_the_spool_and_stores_them_once(tmp_path):
    with PostgreSQL(fsync="off") as postgresql:
        shop = Shop(postgresql.url, tmp_path, SHOP_SPOOL_DIR=str(tmp_path / "spool"), **ON_POSTGRESQL)
        try:
            let_files_grow_to(postgresql, ROOM)
            answers = []
            with shop.serve(*gunicorn(1)) as address:
                for order in long_orders():
                    body = json.dumps(order).encode()
                    asked_at = time.monotonic()
                    answers.append(Answer("order", body, post(address, "order", body), asked_at, time.monotonic()))
            statuses = [answer.status for answer in answers]
            assert set(statuses) == {200, 202}, statuses
            waiting = len([name for name in os.listdir(tmp_path / "spool") if name.endswith(".json")])
            let_files_grow_to(postgresql, "unlimited")
            with working(shop):
                assert judge(answers, shop.inventory()) == Verdict()
        finally:
            shop.close()
    assert 0 < waiting <= statuses.count(202)
