"""The spool itself in trouble: full, half-written, broken, shared by many, not ours to empty."""

import json
import os
import resource
import time
import uuid

import pytest
from django.db import OperationalError
from django.test import override_settings

from stockhub_webhooks import journal, spool
from stockhub_webhooks.models import Message
from tests.conftest import KEY
from tests.outages.spooling import spooled
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(monkeypatch):
    """Say when the database is away, and when it is there again."""
    real = journal.insert

    def refuse(*args, **kwargs):
        raise OperationalError("gone")

    def turn(is_away):
        monkeypatch.setattr(journal, "insert", refuse if is_away else real)

    return turn


def waiting(count):
    """The files of so many messages."""
    return [spool.write(spooled(number)) for number in range(count)]


# ---------------------------------------------------------------- full


def test_a_disk_that_is_full_is_503_and_leaves_no_half_file(send, spool_folder, away):
    away(True)
    assert send("1") == 202
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, former[1]))  # a write goes as far as there is room
    try:
        assert send("2") == 503
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert len(list(spool_folder.iterdir())) == 1
    assert send("3") == 202
    away(False)
    assert journal.ingest_spool() == 2


def test_a_disk_that_says_so_only_when_it_has_to_write_leaves_no_half_file(send, spool_folder, away, monkeypatch):
    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    away(True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        assert send("1") == 503
    assert list(spool_folder.iterdir()) == []


def test_what_a_killed_process_left_half_written_is_removed_after_an_hour(spool_folder):
    waiting(1)
    drafts = [spool_folder / f".{uuid.uuid4()}.json" for _ in range(2)]
    for draft in drafts:
        draft.write_text('{"uid": "')
    os.utime(drafts[0], (time.time() - 4000,) * 2)
    journal.ingest_spool()
    assert {path.name for path in spool_folder.iterdir()} == {drafts[1].name, ".lock"}


# ---------------------------------------------------------------- killed, and many at once


@pytest.mark.server
def test_killed_between_insert_and_unlink_each_is_there_once(shop):
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")
    uids = json.loads(shop.run("-m", "tests.outages.spooling", "spool", "5"))
    for _ in range(2):  # at the same one each time: its row is there, and its file too
        shop.run("-m", "tests.outages.spooling", "ingest", "deadly", code=9)
        assert len(list((shop.folder / "spool").glob("*.json"))) == 5
    assert shop.query("Message.objects.count()") == 1
    shop.worker("--once")
    assert shop.query("sorted(str(uid) for uid in Message.objects.values_list('uid', flat=True))") == sorted(uids)
    assert shop.query("set(Message.objects.values_list('status', 'outcome'))") == {("applied", "created")}
    assert shop.query("Event.objects.filter(type='order.created').count()") == 5


@pytest.mark.server
@pytest.mark.parametrize("how", [(), ("lockless",)], ids=["with the lock", "without, as on Windows"])
def test_many_processes_ingest_at_once_and_each_message_is_there_once(shop, how):
    shop.environment["SHOP_SPOOL_DIR"] = str(shop.folder / "spool")
    uids = json.loads(shop.run("-m", "tests.outages.spooling", "spool", "60"))
    processes = [shop.start("-m", "tests.outages.spooling", "ingest", *how) for _ in range(4)]
    moved = []
    for process in processes:
        out, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        moved.append(int(out))
    assert sum(moved) == 60 or how
    assert shop.query("sorted(str(uid) for uid in Message.objects.values_list('uid', flat=True))") == sorted(uids)
    assert list((shop.folder / "spool").glob("*.json")) == []


# ---------------------------------------------------------------- broken files

GOOD = {
    "uid": "0b8f0f5a-6d0c-4a3c-9a55-0d6a1c2f4b11",
    "url_topic": "order",
    "topic": "",
    "account": "default",
    "body": "e30=",
    "headers": {},
    "key_fingerprint": "",
    "remote_address": "",
    "source": "webhook",
    "received_at": "2026-01-01T00:00:00+00:00",
}
BROKEN = {
    "empty": b"",
    "half": json.dumps(GOOD).encode()[:100],
    "no JSON": b"\xff\xfe",
    "zeros": b"\0" * 300,
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "a number as uid": GOOD | {"uid": 5},
    "no uid": {name: value for name, value in GOOD.items() if name != "uid"},
    "no account": {name: value for name, value in GOOD.items() if name != "account"},
    "account null": GOOD | {"account": None},
    "account a dict": GOOD | {"account": {}},
    "headers a list": GOOD | {"headers": []},
    "body a number": GOOD | {"body": 7},
    "body not base64": GOOD | {"body": "é"},
    "time a number": GOOD | {"received_at": 7},
    "time without a zone": GOOD | {"received_at": "2026-01-01T00:00:00"},
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_set_aside_reported_and_stops_nothing(spool_folder, caplog, content):
    waiting(1)
    broken = spool_folder / "00000000.json"
    broken.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(broken, (0, 0))  # the first in line
    assert journal.ingest_spool() == 1
    assert not broken.exists()
    assert spool.broken() == 1
    assert "00000000.broken" in caplog.text
    assert journal.ingest_spool() == 0


def test_a_good_file_is_taken(spool_folder):
    spool_folder.mkdir()
    (spool_folder / "any.json").write_text(json.dumps(GOOD))
    assert journal.ingest_spool() == 1


# ---------------------------------------------------------------- not ours to empty


@pytest.mark.parametrize("fault", [PermissionError, OSError])
def test_a_spool_that_cannot_be_emptied_stops_no_other_work(spool_folder, send, monkeypatch, caplog, fault):
    """As where cron runs as another user than the server."""
    waiting(1)

    def refuse(*args):
        raise fault("no")

    for name in ("_lock", "sweep"):
        with monkeypatch.context() as patch:
            patch.setattr(spool, name, refuse)
            assert journal.ingest_spool() == 0
    assert "cannot be emptied" in caplog.text
    assert len(list(spool.files())) == 1
    assert journal.ingest_spool() == 1


def test_a_file_that_cannot_be_removed_is_ingested_once_and_stops_nothing(spool_folder, monkeypatch, caplog):
    waiting(2)

    def refuse(path):
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "remove", refuse)
        journal.ingest_spool()
        journal.ingest_spool()
    assert Message.objects.count() == 2
    assert "removed (PermissionError)" in caplog.text
    assert journal.ingest_spool() == 0
    assert list(spool.files()) == []


def test_what_is_in_the_spool_is_for_its_owner_alone_and_has_no_key(send, spool_folder, away):
    away(True)
    send("1")
    (path,) = spool.files()
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool_folder.stat().st_mode & 0o777 == 0o700
    assert KEY not in path.read_text()
    assert json.loads(path.read_text())["headers"].keys() <= {"content-type", "x-version"}


def test_no_spool_and_no_database_is_503(post, away):
    away(True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY}):
        assert post("order", sample("order")).status_code == 503
