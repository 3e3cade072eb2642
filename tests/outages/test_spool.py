"""Trouble with the spool: a full disk, partial and broken files, several processes, missing permissions."""

import json
import os
import resource
import socket
import threading
import time
import uuid
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError
from django.test import override_settings

from stockhub_webhooks.models import Message
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.receiving import journal, spool, spool_import
from tests.conftest import KEY
from tests.outages.spooling import spooled
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(monkeypatch):
    """Return a function that makes the database unavailable or available again."""
    real = journal.insert

    def refuse(*args, **kwargs):
        raise OperationalError("gone")

    def turn(is_away):
        monkeypatch.setattr(journal, "insert", refuse if is_away else real)

    return turn


def waiting(count):
    """Write files for this many messages, and return their paths."""
    return [spool.write(spooled(number)) for number in range(count)]


# ---------------------------------------------------------------- full


def test_full_disk_answers_503_and_leaves_no_partial_file(send, spool_folder, away):
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
    assert spool_import.import_spool() == 2


def test_failing_fsync_leaves_no_partial_file(send, spool_folder, away, monkeypatch):
    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    away(True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        assert send("1") == 503
    assert list(spool_folder.iterdir()) == []


def test_partial_file_of_a_killed_process_is_removed_after_an_hour(spool_folder):
    waiting(1)
    drafts = [spool_folder / f".{uuid.uuid4()}.json" for _ in range(2)]
    for draft in drafts:
        draft.write_text('{"uid": "')
    os.utime(drafts[0], (time.time() - 4000,) * 2)
    spool_import.import_spool()
    assert {path.name for path in spool_folder.iterdir()} == {drafts[1].name}


# ---------------------------------------------------------------- killed, and many at once


@pytest.mark.server
def test_process_killed_between_insert_and_unlink_stores_each_message_once(shop):
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
def test_many_processes_import_at_once_and_store_each_message_once(shop, how):
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
    "time of the future": GOOD | {"received_at": "2999-01-01T00:00:00+00:00"},
    "time of the past": GOOD | {"received_at": "0001-01-01T00:00:00+00:00"},
    "account unknown": GOOD | {"account": "somebody"},
    "account of spaces": GOOD | {"account": "   "},
    "address too long": GOOD | {"remote_address": "x" * 50},
    "topic unknown": GOOD | {"url_topic": "parcel"},
    "source unknown": GOOD | {"source": "magic"},
    "headers nested": GOOD | {"headers": {"x-version": {"a": ["b"]}}},
    "header a list": GOOD | {"headers": {"user-agent": ["a"]}},
    "uid of a part not one": GOOD | {"headers": {"mended-from": "7"}},
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_file_is_set_aside_and_reported_and_blocks_nothing(spool_folder, caplog, content):
    waiting(1)
    broken = spool_folder / "00000000.json"
    broken.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(broken, (0, 0))  # the first in line
    assert spool_import.import_spool() == 1
    assert not broken.exists()
    assert spool.broken() == 1
    assert "00000000.broken" in caplog.text
    assert spool_import.import_spool() == 0


def make_long_file(path):
    with path.open("wb") as file:
        file.truncate(spool.MAX_FILE_BYTES + 1)


def open_socket(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.bind(str(path))


NOT_REGULAR = {
    "pipe": os.mkfifo,
    "directory": os.mkdir,
    "link": lambda path: path.symlink_to(path.parent.parent / "elsewhere"),
    "dangling link": lambda path: path.symlink_to(path.parent / "nothing"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "socket": open_socket,
    "file too long": make_long_file,
}


@pytest.mark.parametrize("make", NOT_REGULAR.values(), ids=NOT_REGULAR)
def test_what_is_no_regular_file_is_set_aside_and_not_waited_for(spool_folder, tmp_path, caplog, make):
    waiting(1)
    (tmp_path / "elsewhere").write_text(json.dumps(GOOD))
    make(spool_folder / "00000000.json")
    assert collect_report().spool.waiting.count == 2
    assert spool_import.import_spool() == 1
    assert not list(spool.files())
    assert spool.broken() == collect_report().spool.broken == 1
    assert "00000000.broken" in caplog.text


def test_broken_files_of_one_name_are_all_kept(spool_folder):
    spool_folder.mkdir()
    for content in ("first", "second"):
        (spool_folder / "00000000.json").write_text(content)
        assert spool_import.import_spool() == 0
    assert sorted(path.read_text() for path in spool_folder.glob("*.broken")) == ["first", "second"]


def test_directory_named_as_a_draft_blocks_nothing(spool_folder):
    waiting(1)
    (spool_folder / ".draft.json").mkdir()
    os.utime(spool_folder / ".draft.json", (1, 1))
    assert spool_import.import_spool() == 1


def test_key_in_a_file_is_not_stored_and_own_headers_are(spool_folder):
    spool_folder.mkdir()
    headers = {"x-api-key": "secret", "x-version": "V1", "declared-length": "9", "nearby-address": "orders"}
    (spool_folder / "any.json").write_text(json.dumps(GOOD | {"headers": headers}))
    assert spool_import.import_spool() == 1
    del headers["x-api-key"]
    assert Message.objects.get().headers == headers


def test_valid_file_is_imported(spool_folder):
    spool_folder.mkdir()
    (spool_folder / "any.json").write_text(json.dumps(GOOD))
    assert spool_import.import_spool() == 1


def test_file_with_the_uid_of_another_message_is_set_aside(spool_folder, caplog):
    """A person may have edited a copy, which must not pass for the stored message."""
    copy = spooled(0)
    spool.write(copy)
    assert spool_import.import_spool() == 1
    spool.write(copy | {"body": b'{"increment_id": "2"}'})
    assert spool_import.import_spool() == 0
    assert spool.broken() == 1
    assert ".broken" in caplog.text


# ---------------------------------------------------------------- files that the database would not take


def refusing(monkeypatch, refused, fault):
    """Make the database reject the messages of these files."""
    real = journal.insert

    def insert(rows, *args, **options):
        if any(str(row.uid) == path.stem for row in rows for path in refused):
            raise fault
        return real(rows, *args, **options)

    monkeypatch.setattr(journal, "insert", insert)


# larger than MySQL's max_allowed_packet; a column that this version does not know; a listener of the shop that fails
NOT_TAKEN = (OperationalError(1153, "packet"), IntegrityError("not null"), RuntimeError("post_save"))


@pytest.mark.parametrize("fault", NOT_TAKEN, ids=lambda fault: type(fault).__name__)
def test_file_that_the_database_rejects_stays_and_blocks_nothing(spool_folder, send, monkeypatch, caplog, fault):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker", "SPOOL_DIR": str(spool_folder)}):
        send("5")
    paths = waiting(3)
    for age, path in enumerate(paths, start=1):
        os.utime(path, (age, age))
    with monkeypatch.context() as patch:
        refusing(patch, paths[:1], fault)
        worker.drain()
    assert list(spool.files()) == paths[:1]
    assert set(Message.objects.values_list("status", flat=True)) == {"applied"}
    assert Message.objects.count() == 3
    assert paths[0].name in caplog.text
    spool_import.file_backoff.reset()
    assert spool_import.import_spool() == 1


def test_many_rejected_files_do_not_block_those_behind_them(spool_folder, monkeypatch, caplog):
    paths = waiting(12)
    for age, path in enumerate(paths, start=1):
        os.utime(path, (age, age))
    refusing(monkeypatch, paths[:10], IntegrityError("not null"))
    assert spool_import.import_spool() == 2
    assert list(spool.files()) == paths[:10]


def test_rejected_file_is_tried_again_after_pauses_that_double_and_logged_once(spool_folder, monkeypatch, caplog):
    clock = iter(range(1000))
    tried = []
    paths = waiting(1)
    now = [0.0]
    monkeypatch.setattr("stockhub_webhooks.db.throttle.time.monotonic", lambda: now[0])
    with monkeypatch.context() as patch:
        refusing(patch, paths, IntegrityError("not null"))
        real = spool.read
        patch.setattr(spool, "read", lambda path: (tried.append(now[0]), real(path))[1])
        for now[0] in clock:
            if now[0] >= 70:
                break
            spool_import.import_spool()
    assert tried == [0, 1, 3, 7, 15, 31, 63]
    assert caplog.text.count(paths[0].name) == 1
    now[0] = 200.0
    assert spool_import.import_spool() == 1


def test_new_files_come_before_those_that_failed(spool_folder, monkeypatch):
    """Rejected files must not use up the time of each pass."""
    paths = waiting(3)
    for age, path in enumerate(paths, start=1):
        os.utime(path, (age, age))
    with monkeypatch.context() as patch:
        refusing(patch, paths, IntegrityError("not null"))
        spool_import.import_spool()
    new = spool.write(spooled(9))
    order = []
    real = spool.read
    monkeypatch.setattr(spool_import.file_backoff, "is_due", lambda key: True)
    monkeypatch.setattr(spool, "read", lambda path: (order.append(path), real(path))[1])
    assert spool_import.import_spool() == 4
    assert order == [new, *paths]


def test_import_stops_if_the_database_is_away(spool_folder, monkeypatch):
    paths = waiting(3)
    refusing(monkeypatch, paths, OperationalError("gone"))
    monkeypatch.setattr(spool_import, "is_reachable", lambda using: False)
    with pytest.raises(OperationalError):
        spool_import.import_spool()
    monkeypatch.undo()


def test_import_after_a_request_keeps_to_its_time_budget(spool_folder):
    """A web worker that imports a large spool would block requests, and be killed by its server."""
    waiting(3)
    assert spool_import.import_spool(until=time.monotonic()) == 0
    stop = threading.Event()
    stop.set()
    assert spool_import.import_spool(stop=stop) == 0
    assert worker.drain(time.monotonic() + 60) == 6


# ---------------------------------------------------------------- the directory


def test_created_directory_is_synced_before_the_answer(tmp_path, monkeypatch):
    synced = set()
    real = os.fsync

    def sync(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    folder = tmp_path / "var" / "spool"
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(folder)}):
        waiting(1)
    assert {path.stat().st_ino for path in (tmp_path, tmp_path / "var", folder)} <= synced


@pytest.fixture
def somebody_elses(spool_folder):
    """The spool directory, with a message in it, belongs to another user."""
    waiting(1)
    spool_folder.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield spool_folder
    os.seteuid(me)
    spool_folder.chmod(0o700)


def test_unreadable_directory_is_not_reported_as_empty(somebody_elses, caplog):
    """Cron may run as another user than the server."""
    assert spool_import.import_spool() == 0
    assert "PermissionError" in caplog.text
    assert collect_report().spool.fault == "PermissionError"


# ---------------------------------------------------------------- not ours to empty


@pytest.mark.parametrize("fault", [PermissionError, OSError])
def test_spool_that_cannot_be_imported_blocks_no_other_work(spool_folder, send, monkeypatch, caplog, fault):
    """Cron may run as another user than the server."""
    waiting(1)

    def refuse(*args):
        raise fault("no")

    for name in ("_lock", "scan"):
        with monkeypatch.context() as patch:
            patch.setattr(spool, name, refuse)
            assert spool_import.import_spool() == 0
    assert fault.__name__ in caplog.text
    assert len(list(spool.files())) == 1
    assert spool_import.import_spool() == 1


def test_file_that_cannot_be_removed_is_imported_once_and_blocks_nothing(spool_folder, monkeypatch, caplog):
    waiting(2)

    def refuse(path):
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "remove", refuse)
        assert spool_import.import_spool() == 2
        assert spool_import.import_spool() == 0
        spool_import.file_backoff.reset()
        assert spool_import.import_spool() == 0
    assert Message.objects.count() == 2
    assert "PermissionError" in caplog.text
    assert len([record for record in caplog.records if record.module == "spool_import"]) == 2
    spool_import.file_backoff.reset()
    assert spool_import.import_spool() == 0
    assert list(spool.files()) == []


def test_import_creates_no_file(spool_folder, monkeypatch):
    """A full disk takes none, and the files must be imported nevertheless."""
    waiting(2)
    draft = spool_folder / f".{uuid.uuid4()}.json"
    draft.write_text("{")
    os.utime(draft, (1, 1))
    real_open = os.open

    def full(path, flags, *args, **options):
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            raise OSError(28, "No space left on device")
        return real_open(path, flags, *args, **options)

    def read_only(self, missing_ok=False):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        patch.setattr(Path, "unlink", read_only)
        assert spool_import.import_spool() == 2
    assert draft.exists()
    assert Message.objects.count() == 2


def test_spool_files_are_readable_by_their_owner_only_and_have_no_key(send, spool_folder, away):
    away(True)
    send("1")
    (path,) = spool.files()
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool_folder.stat().st_mode & 0o777 == 0o700
    assert KEY not in path.read_text()
    assert json.loads(path.read_text())["headers"].keys() <= {"content-type", "x-version"}


def test_without_spool_and_database_the_answer_is_503(post, away):
    away(True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY}):
        assert post("order", sample("order")).status_code == 503
