"""SQLite files that are locked, read-only or full."""

import json
import sqlite3
import time
from contextlib import closing, suppress
from threading import Timer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.samples import sample

pytestmark = [pytest.mark.server, pytest.mark.sqlite]
OPTIONS = {"timeout": 0.3}


@pytest.fixture
def send(shop):
    """POST an order in another process, and return the status."""
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")

    def order(number, **options):
        process = shop.start("-m", "tests.shop.post_versions", SHOP_DATABASE_OPTIONS=json.dumps(OPTIONS | options))
        body = sample("order", increment_id=number, padding="x" * 50_000)
        out, errors = process.communicate(json.dumps([[["order", body]]]), timeout=60)
        assert "no such table" not in errors
        return int(out)

    return order


def waiting(shop):
    return len(list((shop.folder / "spool").glob("*.json")))


def is_there_once(shop):
    shop.worker("--once")
    assert shop.query("list(Message.objects.values_list('status', 'outcome'))") == [("applied", "created")]
    assert shop.query("Heard.objects.filter(event_type='order.created', receiver='every').count()") == 1
    assert waiting(shop) == 0


def test_locked_sqlite_file_loses_no_message(shop, send):
    with closing(sqlite3.connect(shop.folder / "shop.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert send("1") == 202
        other.execute("ROLLBACK")
    assert waiting(shop) == 1
    is_there_once(shop)


@pytest.mark.parametrize("fault", ["query_only = 1", "max_page_count = 1"], ids=["read-only", "full"])
def test_read_only_sqlite_file_loses_no_message(shop, send, fault):
    assert send("1", init_command=f"PRAGMA {fault}") == 202
    assert waiting(shop) == 1
    is_there_once(shop)


def post(address):
    """POST an order, and return the status and the seconds until the answer."""
    headers = {"Content-Type": "application/json", "x-api-key": "the-key-of-the-tests-0123456789"}
    request = Request(f"http://{address}/api/v1/stockhub/order", json.dumps(sample("order")).encode(), headers)
    began = time.monotonic()
    with urlopen(request, timeout=60) as answer:
        return answer.status, time.monotonic() - began


@pytest.mark.parametrize("runner", ["inline", "worker"])
def test_message_waits_two_seconds_for_another_writer_and_goes_to_the_spool(shop, runner):
    folder = {"SHOP_SPOOL_DIR": str(shop.folder / "spool")}
    with (
        shop.serve(SHOP_RUNNER=runner, **folder) as address,
        closing(sqlite3.connect(shop.folder / "shop.sqlite3", isolation_level=None)) as other,
    ):
        with suppress(HTTPError):
            urlopen(f"http://{address}/", timeout=60)  # the first request of a server takes long
        other.execute("BEGIN IMMEDIATE")
        status, seconds = post(address)
        other.execute("ROLLBACK")
    assert status == 202
    assert 1.9 < seconds < 5
    assert waiting(shop) == 1
    shop.environment |= folder
    is_there_once(shop)


def test_without_a_spool_a_message_waits_for_another_writer(shop):
    with (
        shop.serve() as address,
        closing(sqlite3.connect(shop.folder / "shop.sqlite3", isolation_level=None, check_same_thread=False)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        timer = Timer(3, other.execute, ["ROLLBACK"])
        timer.start()
        status, seconds = post(address)
        timer.join()
    assert status == 200
    assert seconds > 2.5


def test_stored_message_waits_two_seconds_for_another_writer_and_is_applied_later(shop):
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")
    out = shop.run("-m", "tests.shop.post_while_locked", str(shop.folder / "shop.sqlite3"))
    status, seconds = out.split()
    assert status == "202"
    assert 1.9 < float(seconds) < 4
    assert waiting(shop) == 0
    assert shop.query("list(Message.objects.values_list('status', 'attempts'))") == [("applied", 1)]
    is_there_once(shop)
