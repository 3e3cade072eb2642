"""Copies of the journal: closed files lose the lines of messages without a body, and keep all others byte for byte."""

import os
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.models import Lock, Message, lock
from stockhub_webhooks.operations.privacy import files, sweep
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.receiving import body_removal, records
from stockhub_webhooks.testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def copies(tmp_path):
    """Write three messages and a line that is none to a file that was closed hours ago."""
    messages = [factories.MessageFactory() for _ in range(3)]
    path = tmp_path / "2026-11-29T10-1234.jsonl"
    path.write_text("".join(f"{records.to_line(message)}\n" for message in messages) + "no JSON\n")
    os.utime(path, (time.time() - 7200,) * 2)
    return path, messages


def remove_body(*messages):
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(**body_removal.removed_body())


def test_lines_of_removed_bodies_go_and_others_stay_byte_for_byte(copies):
    path, messages = copies
    written_at = path.stat().st_mtime
    lines = path.read_bytes().splitlines(keepends=True)
    remove_body(messages[1])
    assert files.clean_journal_copies(path.parent) == 1
    assert path.read_bytes() == lines[0] + lines[2] + lines[3]
    assert path.stat().st_mtime == pytest.approx(written_at)
    assert os.stat(path).st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_torn_line_of_a_removed_body_goes_too(copies, end):
    path, messages = copies
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:-20] + end)
    os.utime(path, (time.time() - 7200,) * 2)
    assert files.clean_journal_copies(path.parent) == 0
    remove_body(messages[1])
    assert files.clean_journal_copies(path.parent) == 1
    assert path.read_bytes() == lines[0]


def test_file_that_is_moved_away_meanwhile_is_no_fault(copies):
    path, messages = copies
    remove_body(*messages)
    (listed,) = files.closed_copies(path.parent)
    path.rename(path.with_suffix(".gz"))
    assert files.clean_copy(listed) == 0
    assert [each.suffix for each in path.parent.iterdir()] == [".gz"]


@pytest.mark.parametrize("removed", [1, 3])
def test_two_processes_clean_one_file_at_once(copies, monkeypatch, removed):
    path, messages = copies
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    lines = path.read_bytes().splitlines(keepends=True)
    os.utime(path, (time.time() - 7200,) * 2)
    remove_body(*messages[:removed])
    real, others = os.fsync, [path]

    def fsync(descriptor):
        real(descriptor)
        if others:
            files.clean_copy(others.pop())

    monkeypatch.setattr(files.os, "fsync", fsync)
    files.clean_copy(path)
    assert not others
    assert b"".join(each.read_bytes() for each in path.parent.iterdir()) == b"".join(lines[removed:])


def test_file_that_is_still_written_to_is_left_alone(copies):
    path, messages = copies
    os.utime(path)
    remove_body(*messages)
    assert files.clean_journal_copies(path.parent) == 0
    assert files.clean_journal_copies(path.parent, now=time.time() + 7200) == 3


def test_file_with_nothing_left_is_removed(copies):
    path, messages = copies
    path.write_text(f"{records.to_line(messages[0])}\n")
    os.utime(path, (time.time() - 7200,) * 2)
    remove_body(messages[0])
    assert files.clean_journal_copies(path.parent) == 1
    assert not path.exists()


def test_file_is_left_as_it_is_if_the_new_one_cannot_be_written(copies, monkeypatch):
    path, messages = copies
    before = path.read_bytes()
    remove_body(messages[0])

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.clean_journal_copies(path.parent)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


# ---------------------------------------------------------------- the worker


@pytest.fixture
def kept_copies(copies, settings):
    """Configure the directory of the copies, and let the worker take its turns."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"JOURNAL_COPY_DIR": str(copies[0].parent)}
    return copies


def test_worker_cleans_closed_files_some_times_a_day(kept_copies):
    path, messages = kept_copies
    remove_body(messages[0])
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 3
    remove_body(messages[1])
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 3, "the next time is in some hours"
    Lock.objects.filter(name__startswith="copies").update(acquired_at=timezone.now() - timedelta(hours=6))
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 2


def test_worker_cleans_the_copies_of_its_machine_although_another_one_sweeps_the_database(kept_copies, monkeypatch):
    path, messages = kept_copies
    assert lock.acquire(sweep.LOCK, sweep.EVERY_SECONDS)
    remove_body(messages[0])
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 3
    monkeypatch.setattr(sweep.socket, "gethostname", lambda: "another")
    remove_body(messages[1])
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 2


def test_a_fault_of_the_disk_stops_no_worker_and_it_is_tried_again(kept_copies, monkeypatch, caplog):
    path, messages = kept_copies
    remove_body(messages[0])

    def full(descriptor):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        Worker().once()
    assert "JOURNAL_COPY_DIR" in caplog.text
    assert len(path.read_bytes().splitlines()) == 4
    Worker().once()
    assert len(path.read_bytes().splitlines()) == 3


def test_what_a_killed_process_left_is_removed(copies):
    path, _messages = copies
    draft = path.with_name(f".{path.name}.404")
    draft.write_bytes(path.read_bytes())
    files.clean_journal_copies(path.parent)
    assert draft.exists(), "it may be written now"
    os.utime(draft, (time.time() - 7200,) * 2)
    files.clean_journal_copies(path.parent)
    assert not draft.exists()
