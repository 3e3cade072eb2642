"""PostgreSQL with a full disk: the operating system limits the size of its files."""

import json
import os
import random
import time

import pytest

from benchmarks.breaking import ON_POSTGRESQL, gunicorn, working
from benchmarks.load import Answer, post
from benchmarks.postgresql import PostgreSQL
from benchmarks.resilience.disk import limit_files
from benchmarks.verdict import Verdict, judge
from tests.processes import Shop
from tests.samples import sample

pytestmark = [pytest.mark.server, pytest.mark.postgresql, pytest.mark.timeout(400)]
ROOM = 17 * 2**20  # its log's files have 16 MiB, and must fit


def long_orders():
    """Return orders of nearly 1 MiB each that cannot be compressed."""
    for number in range(1, 21):
        noise = random.randbytes(500_000).hex()
        yield sample("order", increment_id=f"{number:09d}", updated_at="2024-06-01 10:00:00", noise=noise)


def test_full_disk_sends_messages_to_the_spool_and_stores_them_once(tmp_path):
    with PostgreSQL(fsync="off") as postgresql:
        shop = Shop(postgresql.url, tmp_path, SHOP_SPOOL_DIR=str(tmp_path / "spool"), **ON_POSTGRESQL)
        try:
            limit_files(postgresql.processes(), ROOM, **postgresql.user)
            answers = []
            with shop.serve(*gunicorn(1)) as address:
                for order in long_orders():
                    body = json.dumps(order).encode()
                    asked_at = time.monotonic()
                    answers.append(Answer("order", body, post(address, "order", body), asked_at, time.monotonic()))
            statuses = [answer.status for answer in answers]
            assert set(statuses) == {200, 202}, statuses
            waiting = len([name for name in os.listdir(tmp_path / "spool") if name.endswith(".json")])
            limit_files(postgresql.processes(), "unlimited", **postgresql.user)
            with working(shop):
                assert judge(answers, shop.inventory()) == Verdict()
        finally:
            shop.close()
    assert 0 < waiting <= statuses.count(202)
