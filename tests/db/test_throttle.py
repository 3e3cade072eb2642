"""Throttles: one pause for each key, on the monotonic clock."""

import pytest

from stockhub_webhooks.db.throttle import Throttle


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when a test moves it."""
    seconds = [1000.0]
    monkeypatch.setattr("stockhub_webhooks.db.throttle.time.monotonic", lambda: seconds[0])
    return seconds


def test_a_new_throttle_is_due():
    assert Throttle(60).is_due()


def test_a_pause_ends_after_its_seconds(clock):
    throttle = Throttle(60)
    throttle.start()
    clock[0] += 59
    assert not throttle.is_due()
    clock[0] += 1
    assert throttle.is_due()


def test_each_key_has_its_own_pause():
    throttle = Throttle(60)
    throttle.start("wrong_key")
    assert not throttle.is_due("wrong_key")
    assert throttle.is_due("no_key")


def test_a_reset_ends_every_pause():
    throttle = Throttle(60)
    throttle.start("wrong_key")
    throttle.start()
    throttle.reset()
    assert throttle.is_due("wrong_key")
    assert throttle.is_due()
