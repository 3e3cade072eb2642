"""Refused bodies: bounded in number and size, muted, and not deleted before somebody was told."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.test import override_settings
from django.utils import timezone

from stockhub_webhooks.models import Message, MutedSender, Refusal, RefusedBody
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving import refusals, refused_bodies
from stockhub_webhooks.receiving.authentication import fingerprint
from stockhub_webhooks.testing.factories import RefusedBodyFactory
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db


def order(number, **values):
    return sample("order", increment_id=f"{number:09d}", **values)


def codes():
    return [problem.code for problem in find_problems(collect_report())]


# ---------------------------------------------------------------- limits


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "KEEP_REFUSED": 3})
def test_topic_key_and_network_have_their_own_limit(post):
    for number in range(5):
        post("order", order(number), key="wrong", REMOTE_ADDR=f"192.0.2.{number}")
        post("order", order(number), key="another", REMOTE_ADDR="192.0.2.1")
        post("order", order(number), key="wrong", REMOTE_ADDR="198.51.100.1")
    post("shipment", key="wrong", REMOTE_ADDR="192.0.2.1")
    assert RefusedBody.objects.count() == 3 + 3 + 3 + 1
    assert sum(Refusal.objects.values_list("pushed_out", flat=True)) == 6


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "KEEP_REFUSED": 3})
def test_flood_with_a_new_key_each_time_keeps_its_hands_off_others(post):
    for number in range(3):
        post("order", order(number), key="mistyped", REMOTE_ADDR="192.0.2.1")
    for number in range(60):
        post("order", order(number), key=f"guess {number}", REMOTE_ADDR="198.51.100.1")
    post("shipment", key="mistyped", REMOTE_ADDR="192.0.2.1")
    assert RefusedBody.objects.count() == 30
    assert RefusedBody.objects.filter(key_fingerprint=fingerprint("mistyped")).count() == 4
    report = collect_report()
    assert report.refusals.pushed_out == 3 + 60 + 1 - 30
    assert "refusals_pushed_out" in [problem.code for problem in find_problems(report)]


def test_size_of_all_bodies_is_limited(post, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "KEEP_REFUSED_BYTES": 50_000}
    for number in range(9):
        post("order", order(number, remark="x" * 9000), key="wrong")
    sizes = list(RefusedBody.objects.values_list("size", flat=True))
    assert 30_000 < sum(sizes) <= 50_000
    assert all(size == len(row.body) for size, row in zip(sizes, RefusedBody.objects.all(), strict=True))


def test_settled_bodies_make_room_first(settings, post):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "KEEP_REFUSED": 1}
    for number in range(10):
        post("order", order(number), key=f"key {number}", REMOTE_ADDR=f"10.0.{number}.1")
    settled = RefusedBody.objects.order_by("pk")[5]
    refused_bodies.dismiss([settled.pk], by="office", reason="a stranger's")
    post("order", order(99), key="key 99", REMOTE_ADDR="10.0.99.1")
    assert not RefusedBody.objects.filter(pk=settled.pk).exists()
    assert not any(Refusal.objects.values_list("pushed_out", flat=True))


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "KEEP_REFUSED": 3})
def test_settled_bodies_of_the_same_sender_make_room_first(post):
    for number in range(3):
        post("order", order(number), key="mistyped")
    undecided, *settled = RefusedBody.objects.order_by("pk").values_list("pk", flat=True)
    refused_bodies.dismiss(settled[:1], by="office", reason="a test of ours")
    refusals.release(settled[1:], by="office")
    for number in (3, 4):
        post("order", order(number), key="mistyped")
    assert RefusedBody.objects.filter(pk=undecided).exists()
    assert RefusedBody.objects.waiting().count() == RefusedBody.objects.count() == 3
    assert not any(Refusal.objects.values_list("pushed_out", flat=True))


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
def test_limits_hold_if_many_are_kept_at_once(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "KEEP_REFUSED": 4}
    start = threading.Barrier(6)

    def keep(thread):
        start.wait()
        for number in range(15):
            attempt = refusals.RefusedRequest(
                "wrong_key", "order", "198.51.100.1", f"{thread} {number}"[:12], body=json_body(number)
            )
            refusals.record(attempt)
        connections.close_all()

    threads = [threading.Thread(target=keep, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    number = RefusedBody.objects.count()
    assert 30 <= number <= 40
    assert sum(Refusal.objects.values_list("count", flat=True)) == 90
    assert number + sum(Refusal.objects.values_list("pushed_out", flat=True)) == 90


def json_body(number):
    return b'{"increment_id": "%09d", "po_number": "P", "items": []}' % number


# ---------------------------------------------------------------- muted


@pytest.mark.parametrize("sender", [{"key_fingerprint": fingerprint("wrong")}, {"network": "192.0.2.0/24"}])
def test_muted_sender_is_counted_and_neither_kept_nor_reported(post, sender):
    refused_bodies.mute(**sender, by="office", reason="a stranger")
    answer = post("order", key="wrong", REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 401
    assert not RefusedBody.objects.exists()
    assert codes() == []
    assert collect_report().refusals.by_reason == {"wrong_key": 1}
    muted = MutedSender.objects.get()
    assert (muted.count, muted.muted_by) == (1, "office")
    post("order", key="another", REMOTE_ADDR="198.51.100.7")
    assert RefusedBody.objects.count() == 1
    assert "refusals" in codes()


def test_unmuted_sender_is_kept_again(post):
    refused_bodies.mute(key_fingerprint=fingerprint("wrong"), by="office", reason="a stranger")
    refused_bodies.mute(key_fingerprint=fingerprint("wrong"), by="boss", reason="said again")
    assert MutedSender.objects.get().muted_by == "boss"
    assert refused_bodies.unmute([MutedSender.objects.get().pk]) == 1
    post("order", key="wrong")
    assert RefusedBody.objects.count() == 1


def test_right_key_from_a_muted_network_is_accepted(post):
    refused_bodies.mute(network="192.0.2.0/24", by="office", reason="strangers")
    assert post("order", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert Message.objects.get().status == "applied"


@pytest.mark.parametrize("sender", [{}, {"key_fingerprint": "x", "network": "192.0.2.0/24"}])
def test_neither_all_nor_two_senders_are_muted(sender):
    with pytest.raises(ValueError, match="a key or a network"):
        refused_bodies.mute(**sender, by="office", reason="")


# ---------------------------------------------------------------- deleted only if announced


@pytest.mark.parametrize(
    ("announced_days_ago", "values", "is_left"),
    [
        (None, {}, True),
        (0.5, {}, True),
        (2, {}, False),
        (None, {"dismissed_at": timezone.now()}, False),
    ],
    ids=["nobody was told", "told today", "told before", "dismissed"],
)
def test_expired_body_is_deleted_only_if_it_was_announced(announced_days_ago, values, is_left):
    now = timezone.now()
    told = None if announced_days_ago is None else now - timedelta(days=announced_days_ago)
    expires_at = now - refused_bodies.kept_for()
    RefusedBodyFactory(refused_at=expires_at - timedelta(days=1), announced_at=told, **values)
    RefusedBodyFactory(refused_at=expires_at + timedelta(days=1), announced_at=told, **values)
    refusals.delete_expired()
    assert RefusedBody.objects.count() == 1 + is_left


def test_only_what_was_refused_before_the_mail_is_announced():
    early, late = (RefusedBodyFactory(refused_at=timezone.now() - timedelta(hours=hours)) for hours in (2, 0))
    assert refused_bodies.announce(timezone.now() - timedelta(hours=1)) == 1
    early.refresh_from_db()
    late.refresh_from_db()
    assert early.announced_at
    assert late.announced_at is None


def test_dismissed_body_is_not_let_in(post):
    post("order", key="wrong")
    kept = RefusedBody.objects.get()
    assert refused_bodies.dismiss([kept.pk], by="office", reason="a stranger's") == 1
    assert refused_bodies.dismiss([kept.pk], by="office", reason="again") == 0
    assert refusals.release([kept.pk], by="clerk") == 0
    assert codes() == ["refusals"]  # the delivery was refused, and none was accepted


@pytest.mark.django_db(transaction=True)
def test_refusing_does_not_need_the_database(post, monkeypatch):
    def away(*arguments, **options):
        raise OperationalError("away")

    monkeypatch.setattr(refused_bodies, "count_muted", away)
    assert post("order", key="wrong").status_code == 401
    assert not RefusedBody.objects.exists()
