"""Refused requests are counted, and bodies that may be messages of Stock Hub are kept for a while."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Event, Message, Order, Refusal, RefusedBody
from stockhub_webhooks.receiving import refusals
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY
from tests.processing.test_locked_orders import in_other_transaction
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def count(**values):
    return Refusal.objects.get(**values).count


# ---------------------------------------------------------------- counted


def test_refusals_are_counted_by_the_hour_by_reason_address_and_key(post):
    for _ in range(3):
        post("order", key="wrong")
    post("order", key="wrong", REMOTE_ADDR="192.0.2.7")
    post("shipment", key="other")
    post("order", key=None)
    assert count(reason="wrong_key", remote_address="127.0.0.1", key_fingerprint=fingerprint("wrong")) == 3
    assert count(remote_address="192.0.2.7") == 1
    assert count(key_fingerprint=fingerprint("other")) == 1
    assert count(reason="no_key", key_fingerprint="") == 1
    assert Refusal.objects.first().hour.minute == 0


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_too_large_is_counted_with_the_size(post):
    post("order", b"x" * 101)
    post("order", b"x" * 5000)
    post("order", b"x" * 200)
    row = Refusal.objects.get(reason="too_large")
    assert (row.count, row.largest_body) == (3, 5000)


def test_under_attack_the_rows_of_an_hour_are_bounded(post, monkeypatch):
    monkeypatch.setattr(refusals, "MAX_COUNTERS_AN_HOUR", 5)
    for number in range(20):
        post("order", {}, key=f"guess {number}")
    assert Refusal.objects.count() == 6
    assert count(key_fingerprint="") == 15


def test_the_log_has_a_line_a_minute_for_each_address(post, caplog):
    for _ in range(5):
        post("order", key="wrong")
        post("order", key=None)
        post("order", key="wrong", REMOTE_ADDR="192.0.2.7")
    lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 2
    assert "127.0.0.1" in lines[0]
    assert "192.0.2.7" in lines[1]


# ---------------------------------------------------------------- kept


@EACH_TOPIC
def test_a_refused_message_is_kept_byte_for_byte(post, topic):
    post(topic, key="mistyped")
    kept = RefusedBody.objects.get()
    assert bytes(kept.body) == json.dumps(contract(topic)).encode()
    assert (kept.url_topic, kept.topic, kept.reason) == (topic, topic, "wrong_key")
    assert kept.headers["x-version"] == "V1"
    assert "mistyped" not in json.dumps(kept.headers)


@pytest.mark.postgresql
def test_refused_message_is_kept_although_another_transaction_holds_its_counter(post, transactional_db, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DATABASE_TIMEOUT_SECONDS": 1}
    post("order", b"x", key="mistyped")
    with in_other_transaction(lambda: list(Refusal.objects.select_for_update())):
        assert post("order", key="mistyped").status_code == 401
    connection.close()  # the time-out has cut it
    assert RefusedBody.objects.get().increment_id == contract("order")["increment_id"]


@pytest.mark.parametrize("body", [b"", b"x", b"{}", b"[]", b"[1, 2]"])
def test_refused_body_that_names_no_document_is_not_kept(post, body):
    post("order", body, key="wrong")
    assert not RefusedBody.objects.exists()
    assert Refusal.objects.exists()


def test_a_long_body_is_not_kept(post):
    body = json.dumps(sample("order", filler="x" * refusals.KEPT_BODY_BYTES)).encode()
    assert post("order", body, key="wrong").status_code == 401
    assert not RefusedBody.objects.exists()
    assert Refusal.objects.get().largest_body == len(body)


def test_newest_refused_bodies_are_kept(post, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "KEEP_REFUSED": 3}
    for number in range(6):
        post("order", sample("order", increment_id=str(number)), key="wrong")
    assert list(RefusedBody.objects.order_by("pk").values_list("increment_id", flat=True)) == ["3", "4", "5"]


def test_refused_bodies_are_deleted_after_their_term_at_the_next_refusal(post):
    post("order", key="wrong")
    month_ago = timezone.now() - timedelta(days=31)
    RefusedBody.objects.update(refused_at=month_ago, announced_at=month_ago)
    post("shipment", key="another")
    assert RefusedBody.objects.get().topic == "shipment"


def test_refused_bodies_are_deleted_after_their_term_without_further_refusals(post):
    post("order", key="wrong")
    post("shipment", key="wrong")
    month_ago = timezone.now() - timedelta(days=31)
    RefusedBody.objects.filter(topic="order").update(refused_at=month_ago, announced_at=month_ago)
    Refusal.objects.update(hour=timezone.now() - timedelta(days=91))
    call_command("stockhub_worker", "--once")
    assert RefusedBody.objects.get().topic == "shipment"
    assert not Refusal.objects.exists()


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "KEEP_REFUSED": 0})
def test_keeping_can_be_turned_off(post):
    post("order", key="wrong")
    assert not RefusedBody.objects.exists()


# ---------------------------------------------------------------- let in after all


@EACH_TOPIC
def test_released_message_is_journaled_and_applied(post, topic):
    post(topic, key="mistyped")
    kept = RefusedBody.objects.get()
    assert refusals.release([kept.pk], by="clerk") == 1
    assert refusals.release([kept.pk], by="clerk") == 0
    call_command("stockhub_worker", "--once")
    message = Message.objects.get()
    assert (message.status, message.outcome, message.topic) == ("applied", "created", topic)
    assert message.received_at == kept.refused_at
    assert (message.source, message.entered_by) == ("released", "clerk")
    assert Event.objects.exists()
    kept.refresh_from_db()
    assert kept.message == message


def test_the_command_releases_all_that_came_with_a_key(post, capsys):
    post("order", key="mistyped")
    post("shipment", key="mistyped")
    post("invoice", key="an attacker's")
    call_command("stockhub_release", key=fingerprint("mistyped"))
    assert "2 of 2" in capsys.readouterr().out
    assert set(Message.objects.values_list("topic", "status")) == {("order", "applied"), ("shipment", "applied")}


def test_command_shows_first_what_would_change(post, capsys):
    post("order", headers={"user-agent": "Magento"}, REMOTE_ADDR="192.0.2.1")
    body = contract("order") | {"status": "canceled", "updated_at": "2030-01-01T00:00:00Z"}
    post("order", body, key="mistyped", headers={"user-agent": "curl"}, REMOTE_ADDR="198.51.100.7")
    before = list(Order.objects.values()), list(Message.objects.values_list("pk", flat=True))
    call_command("stockhub_release", key=fingerprint("mistyped"), dry_run=True)
    shown = capsys.readouterr().out
    assert "updated: " in shown
    assert "status" in shown
    for warning in ("came with a key", "from this address", "by this program"):
        assert warning in shown
    assert (list(Order.objects.values()), list(Message.objects.values_list("pk", flat=True))) == before
    assert not RefusedBody.objects.exclude(message=None).exists()


def test_command_refuses_missing_arguments(post):
    with pytest.raises(CommandError, match="nothing to let in"):
        call_command("stockhub_release")
    post("order", key="wrong")
    pk = RefusedBody.objects.get().pk
    with pytest.raises(CommandError, match="no account"):
        call_command("stockhub_release", pk, account="nobody")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": "key-one", "two": "key-two"}}):
        with pytest.raises(CommandError, match="one of one, two"):
            call_command("stockhub_release", pk)
        call_command("stockhub_release", pk, account="two")
    assert Message.objects.get().account == "two"
