"""SQLite files that are locked, read-only or full."""

import json
import sqlite3
from contextlib import closing

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
        out, errors = process.communicate(json.dumps(["order", body]) + "\n", timeout=60)
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
