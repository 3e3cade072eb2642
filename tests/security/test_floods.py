"""Floods of refused requests: they leave few rows, and valid messages are still accepted."""

import json
import os
import random
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message, Refusal, RefusedBody
from stockhub_webhooks.models.personal import DEFAULT_DAYS, REFUSED
from stockhub_webhooks.receiving import refusals
from stockhub_webhooks.receiving.refusals import RefusedRequest
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db

REASONS = ("wrong_key", "no_key", "too_large")
# this many by default, for each costs three statements; STOCKHUB_FLOOD=100000 tries them all
FLOOD = int(os.environ.get("STOCKHUB_FLOOD", "600"))


@pytest.fixture
def strange():
    """Return a function that makes a refused attempt, from a new address and with a new key."""
    dice = random.Random(7)

    def attempt(reason="wrong_key", **options):
        address = ".".join(str(dice.randrange(256)) for _ in range(4))
        key = f"{dice.getrandbits(48):012x}"
        return RefusedRequest(reason=reason, url_topic="order", remote_address=address, key_fingerprint=key, **options)

    return attempt


def test_flood_of_refusals_has_a_bounded_number_of_rows_and_is_counted(strange):
    for number in range(FLOOD):
        refusals.record(strange(REASONS[number % 3], size=number))
    hours = Refusal.objects.values("hour").distinct().count()
    assert Refusal.objects.count() <= (refusals.MAX_COUNTERS_AN_HOUR + len(REASONS)) * hours
    assert sum(Refusal.objects.values_list("count", flat=True)) == FLOOD


def test_sender_seen_before_a_flood_is_still_counted_separately(strange, monkeypatch):
    monkeypatch.setattr(refusals, "MAX_COUNTERS_AN_HOUR", 5)
    known = strange()
    refusals.record(known)
    for _ in range(20):
        refusals.record(strange())
    refusals.record(known)
    assert Refusal.objects.get(remote_address=known.remote_address).count == 2


def test_expired_counts_are_deleted(strange):
    refusals.record(strange())
    Refusal.objects.update(hour=timezone.now() - timedelta(days=DEFAULT_DAYS[REFUSED], hours=2))
    refusals.record(strange(at=timezone.now()))
    assert Refusal.objects.count() == 1


def test_refusal_in_a_flood_takes_few_statements(post, strange, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(refusals, "MAX_COUNTERS_AN_HOUR", 5)
    for _ in range(10):
        refusals.record(strange())
    for body, most in ((None, 4), (b"{}", 4), (json.dumps(sample("order")).encode(), 9)):
        with django_assert_max_num_queries(most):
            refusals.record(strange(body=body))


def test_refusal_needs_no_query(rf, django_assert_num_queries):
    from stockhub_webhooks.views import ReceiveView

    for topic in topics.ALL:
        with django_assert_num_queries(0):  # counting comes when the answer is closed
            answer = ReceiveView.as_view(topic=topic)(rf.post("/", sample(topic), "application/json"))
        assert answer.status_code == 401


def test_flood_from_many_addresses_is_logged_in_few_lines_a_minute(strange, caplog, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("stockhub_webhooks.db.throttle.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(refusals.log_tally, "max_keys", 5)
    for _minute in range(3):
        for number in range(50):
            refusals.record(strange(REASONS[number % 3]))
            clock[0] += 1
        clock[0] += 15
    lines = [record for record in caplog.records if record.name == "stockhub_webhooks.receiving.refusals"]
    assert len(lines) == 3 * (5 + 1)


def test_log_line_has_no_text_of_the_sender(post, caplog):
    post("order", key="a\nforged line", headers={"x-version": "a\nforged line"})
    assert not [record for record in caplog.records if "forged" in record.getMessage()]


@pytest.mark.parametrize("keep", [1, 7])
def test_refused_bodies_are_limited_in_number_and_length(post, keep):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "KEEP_REFUSED": keep}):
        for number in range(keep + 5):
            long = sample("order", increment_id=str(number), filler="x" * (60_000 if number % 2 else 70_000))
            post("order", long, key="a guess")
            post("shipment", sample("shipment", increment_id=str(number)), key=None)
    assert RefusedBody.objects.filter(topic="shipment").count() == keep
    assert RefusedBody.objects.filter(topic="order").count() == min(keep, (keep + 5) // 2)
    assert all(len(kept.body) <= refusals.KEPT_BODY_BYTES for kept in RefusedBody.objects.all())
    assert sum(Refusal.objects.values_list("count", flat=True)) == 2 * (keep + 5)


@pytest.mark.parametrize("key", ["wrong", None])
def test_wrong_keys_are_refused_without_a_database(post, key, monkeypatch, caplog):
    def gone(*args, **options):
        raise OperationalError("could not connect to server: Testman")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
    for topic in topics.ALL:
        assert post(topic, key=key).status_code == 401
    assert "Testman" not in caplog.text


def test_valid_message_is_accepted_during_a_flood(post, monkeypatch):
    monkeypatch.setattr(refusals, "MAX_COUNTERS_AN_HOUR", 5)
    for number in range(30):
        assert post("order", key=f"guess {number}", REMOTE_ADDR=f"192.0.2.{number}").status_code == 401
        if number % 10 == 0:
            assert post("order", sample("order", increment_id=str(number))).status_code == 200
    assert Message.objects.count() == 3
