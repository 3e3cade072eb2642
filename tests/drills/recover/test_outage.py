"""Every webhook of a day is dropped. From the shop's own numbers alone all comes back, and what cannot is named."""

import io
import json
import os
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Order
from stockhub_webhooks.testing import LIVES, life, play, run_pending
from tests.operations.reconcile.conftest import RECENT, magento  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = 1000 if os.environ.get("STOCKHUB_DRILL") else 40
NAMES = [name for name in LIVES if name != "payment_request"]
RULES = {topics.SHIPMENT: "missing_shipment", topics.INVOICE: "missing_invoice"}


@pytest.fixture
def stories():
    """Lives of orders that were placed in the four days before the outage, and during it."""
    first = timezone.now() - timedelta(days=20)
    step = timedelta(days=4.9) / ORDERS
    return [life(NAMES[seed % len(NAMES)], seed=seed, start=first + seed * step) for seed in range(ORDERS)]


def test_a_day_without_webhooks(stories, magento, hear):  # noqa: F811
    begin = timezone.now() - timedelta(days=16)
    end = begin + timedelta(days=1)
    for story in stories:
        magento.play(story)
    sent = sorted((step for story in stories for step in story), key=lambda step: step.at)
    arrived = [step for step in sent if not begin <= step.at < end]
    heard = hear(signals.event_recorded)
    play(arrived)
    run_pending()
    unknown = hide_some(magento, stories)
    RECENT[:] = [story.po_number for story in stories]

    report = reconcile()
    run_pending()

    back = {story.increment_id: story for story in stories if story.po_number not in unknown}
    assert {order.increment_id for order in Order.objects.all()} == set(back)
    for order in Order.objects.prefetch_related("rmas"):
        assert_is_whole(order, back[order.increment_id])
    named = {(gap["rule"], gap["number"] or gap["po_number"]) for gap in report["gaps"]}
    assert named == what_is_missing(back.values(), arrived) | {("never_mentioned", number) for number in unknown}
    assert len(report["gaps"]) == len(named)
    assert all(number in report["support_message"] for _rule, number in named)

    created = Counter((call["event"].type, call["event"].message_id) for call in heard)
    assert max(created.values()) >= 1
    keys = Counter(call["event"].idempotency_key for call in heard)
    assert set(keys.values()) == {1}
    orders = Counter(call["order"].increment_id for call in heard if call["event"].type == "order.created")
    assert orders == dict.fromkeys(back, 1)
    returns = Counter(call["rma"].increment_id for call in heard if call["event"].type == "rma.created")
    assert returns == {number: 1 for number, _ in RMA.objects.values_list("increment_id", "pk")}

    calls = len(heard)
    assert reconcile() == report
    run_pending()
    assert len(heard) == calls


def hide_some(magento, stories):  # noqa: F811
    """Let the call by the shop's number know nothing of every third order of which nothing arrived."""
    known = set(Order.objects.values_list("increment_id", flat=True))
    hidden = [story for story in stories if story.increment_id not in known][::3]
    assert hidden
    for story in hidden:
        del magento.numbers[story.po_number]
        for number in [n for n, rma in magento.rmas.items() if rma["order_increment_id"] == story.increment_id]:
            del magento.rmas[number]  # else it would lead to the order
    return {story.po_number for story in hidden}


def reconcile():
    out = io.StringIO()
    call_command("stockhub_reconcile", "--report", "--json", "--per-second", "1000", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def assert_is_whole(order, story):
    ending = story.ending
    assert order.po_number == story.po_number
    assert order.status == ending[topics.ORDER, story.increment_id]["status"]
    returns = {number: body["status"] for (topic, number), body in ending.items() if topic == topics.RMA}
    assert {rma.increment_id: rma.status for rma in order.rmas.all()} == returns


def what_is_missing(stories, arrived):
    """Return the gaps that the report must name: documents of which no message arrived."""
    here = {(step.topic, step.number) for step in arrived}
    gaps = set()
    for story in stories:
        missing = defaultdict(list)
        for (topic, number), body in story.ending.items():
            if topic not in (topics.ORDER, topics.RMA) and (topic, number) not in here:
                missing[topic].append(body)
        gaps |= {(rule, story.increment_id) for topic, rule in RULES.items() if missing[topic]}
        for memo in missing[topics.CREDIT_MEMO]:
            if memo["items"][0]["reversal"] == "CANCELLED":
                # these pieces were neither sent nor credited, as far as anybody can see here
                gaps.add(("missing_shipment", story.increment_id))
            else:
                (number,) = [number for topic, number in story.ending if topic == topics.RMA]
                gaps.add(("missing_credit_note", number))
    return gaps
