"""The bound on the processes of `stockhub_worker --once`."""

import os
import signal
import subprocess
import sys
from uuid import UUID

import pytest

from stockhub_webhooks.db.connections import from_now
from stockhub_webhooks.models import Lock
from stockhub_webhooks.operations import once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch):
    monkeypatch.setattr(once, "close_connection", lambda using: None)


@pytest.fixture
def slots():
    return [once.take_slot() for _ in once.SLOTS]


def make_older(seconds):
    Lock.objects.filter(name__in=once.SLOTS).update(acquired_at=from_now(-seconds))


def test_further_process_gets_no_slot(slots):
    assert all(slots)
    assert once.take_slot() is None


def test_slot_that_was_released_is_free(slots):
    slots[1].release()
    assert once.take_slot().name == slots[1].name
    assert once.take_slot() is None


def test_slot_that_is_renewed_is_kept(slots):
    make_older(once.SLOT_SECONDS + 5)
    slots[0]._renewed -= once.RENEW_SECONDS
    slots[0].renew_if_due()
    assert [once.take_slot().name for _ in slots[1:]] == list(once.SLOTS[1:])
    assert once.take_slot() is None


def test_slot_without_a_renewal_lapses(slots):
    make_older(once.SLOT_SECONDS + 1)
    assert once.take_slot()


def test_killed_process_makes_room_at_once(slots):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claim = slots[2].token.bytes[:8] + process.pid.to_bytes(4, "big") + slots[2].token.bytes[12:]
    Lock.objects.filter(name=slots[2].name).update(claim=UUID(bytes=claim))
    assert once.take_slot() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert once.take_slot().name == slots[2].name
    assert once.take_slot() is None


def test_process_of_another_machine_is_not_taken_for_dead(slots, monkeypatch):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    claim = slots[2].token.bytes[:8] + process.pid.to_bytes(4, "big") + slots[2].token.bytes[12:]
    Lock.objects.filter(name=slots[2].name).update(claim=UUID(bytes=claim))
    monkeypatch.setattr(once.socket, "gethostname", lambda: "another")
    assert once.take_slot() is None
