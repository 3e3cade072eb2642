"""The lines of a purchase: what its documents add up to, in whatever sequence their messages come."""

import itertools
import random
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockhub_webhooks.purchases import purchase_of
from stockhub_webhooks.testing import LIVES, life
from stockhub_webhooks.testing.factories import OrderFactory, OrderItemFactory, ShipmentFactory, ShipmentItemFactory
from stockhub_webhooks.testing.samples.story import Step
from tests.office.story.conftest import line, return_item
from tests.samples import sample

pytestmark = pytest.mark.django_db
NUMBER = "SHOP-1"
COUNTED = ("ordered", "sent", "delivered", "cancelled", "returned", "refunded")
SEEDS = itertools.count(1)


def pieces(purchase):
    """The pieces of each line that has any, by key."""
    counted = {each.key: {name: getattr(each, name) for name in COUNTED} for each in purchase.lines}
    return {key: {name: number for name, number in line.items() if number} for key, line in counted.items()}


@pytest.fixture
def tell(post):
    """Post a document of the purchase with one line: (SKU, pieces) pairs."""

    def send(topic, number, *lines, order="000000700", **changes):
        name = "qty_ordered" if topic == "order" else "qty"
        items = [line(sku, "L", number=pieces, name=name) for sku, pieces in lines]
        if topic == "creditmemo":
            items = [item | {"reversal": changes.get("reversal", "NONE"), "return_item_fee": 0} for item in items]
        if topic == "rma":
            items = [
                return_item(sku, "L", number=pieces, id=n, qty_returned=pieces) for n, (sku, pieces) in enumerate(lines)
            ]
        changes.pop("reversal", None)
        own = {} if topic == "order" else {"order_increment_id": order}
        body = sample(topic, items=items, increment_id=number, po_number=NUMBER, **own | changes)
        assert post(topic, body).status_code == 200

    return send


# ---------------------------------------------------------------- any life, in any sequence


def added_up(steps):
    """What the newest documents of these messages add up to, by SKU and size."""
    documents = {}
    for step in sorted(steps, key=lambda step: step.at):
        documents[step.topic, step.number] = step.payload
    lines = {}
    sent_of, ordered_of, credited = Counter(), Counter(), Counter()
    by_topic = [(topic, body, item) for (topic, _), body in documents.items() for item in body["items"]]
    for topic, body, item in by_topic:
        key = f"{item['sku']}|{item['size']}"
        line = lines.setdefault(key, Counter())
        if topic == "order":
            line["ordered"] += item["qty_ordered"]
            ordered_of[body["increment_id"], key] += item["qty_ordered"]
        elif topic == "shipment" and body["status"] in ("IN_TRANSIT", "DELIVERED", "EXCEPTION"):
            line["sent"] += item["qty"]
            sent_of[body["order_increment_id"], key] += item["qty"]
            line["delivered"] += item["qty"] if body["status"] == "DELIVERED" else 0
        elif topic == "rma":
            line["returned"] += item["qty_returned"] or 0
        elif topic == "creditmemo":
            line["refunded"] += item["qty"]
            credited[body["order_increment_id"], key] += item["qty"] if item["reversal"] == "CANCELLED" else 0
    cancelled = {body["increment_id"] for (topic, _), body in documents.items() if body.get("status") == "canceled"}
    for order, key in ordered_of:
        left = ordered_of[order, key] - sent_of[order, key] if order in cancelled else 0
        lines[key]["cancelled"] += max(left, credited[order, key])
    return {key: {name: number for name, number in line.items() if number} for key, line in lines.items()}


def edited(steps):
    """The order is cancelled once it was received, and all that follows is said of its next edition."""
    first = steps[0]
    number = first.payload["increment_id"]

    def moved(step):
        names = [name for name in ("increment_id", "order_increment_id") if step.payload.get(name) == number]
        return step._replace(payload=step.payload | dict.fromkeys(names, f"{number}-1"))

    at = first.at.replace(minute=59)
    cancelled = first.payload | {"status": "canceled", "updated_at": at.isoformat()}
    return [first, Step("order", cancelled, at), *(moved(step) for step in steps)]


@given(
    st.lists(st.sampled_from(sorted(LIVES)), min_size=1, max_size=3), st.booleans(), st.randoms(use_true_random=False)
)
@settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_sequence_of_messages_gives_what_the_documents_add_up_to(post, names, is_edited, chance):
    number = f"SHOP-{next(SEEDS)}"
    lives = [list(life(name, next(SEEDS), po_number=number)) for name in names]
    expected = added_up([step for steps in lives for step in steps])
    told = [step for steps in lives for step in (edited(steps) if is_edited else steps)]
    if chance.random() < 0.5:
        chance.shuffle(told)
    for step in told:
        assert post(step.topic, step.payload).status_code == 200
        if chance.random() < 0.2:
            post(step.topic, step.payload)
    assert pieces(purchase_of(number)) == expected


# ---------------------------------------------------------------- what each word means


def test_split_purchase_has_one_line_for_each_article(tell):
    tell("order", "000000700", ("A", 2), ("B", 1))
    tell("order", "000000701", ("A", 1))
    tell("shipment", "1", ("A", 1), order="000000701")
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 3, "sent": 1}, "B|L": {"ordered": 1}}
    assert not purchase_of(NUMBER).all_sent


def test_goods_are_sent_once_the_carrier_has_them(tell):
    tell("order", "000000700", ("A", 2))
    waiting = {"collected_at": None, "delivered_at": None}
    tell("shipment", "1", ("A", 2), status="READY_FOR_PICKUP", **waiting)
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 2}}
    tell("shipment", "1", ("A", 2), status="EXCEPTION", updated_at="2027-01-01 10:00:00", **waiting)
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 2, "sent": 2}}
    assert purchase_of(NUMBER).all_sent


def test_closed_order_cancels_nothing(tell):
    tell("order", "000000700", ("A", 2), status="closed")
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 2}}
    assert not purchase_of(NUMBER).is_cancelled


def test_cancelled_order_cancels_what_has_not_left(tell):
    tell("order", "000000700", ("A", 3), status="canceled")
    tell("shipment", "1", ("A", 1))
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 3, "sent": 1, "cancelled": 2}}
    assert purchase_of(NUMBER).all_sent


def test_pieces_credited_as_cancelled_are_cancelled_and_refunded(tell):
    tell("order", "000000700", ("A", 3))
    tell("creditmemo", "1", ("A", 2), reversal="CANCELLED")
    tell("creditmemo", "2", ("A", 1))
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 3, "cancelled": 2, "refunded": 3}}


def test_purchase_of_which_nothing_was_sent_is_not_all_sent(tell):
    tell("order", "000000700", ("A", 1), status="canceled")
    assert not purchase_of(NUMBER).all_sent


def test_purchase_with_an_order_that_was_not_received_is_not_all_sent(tell):
    tell("shipment", "1", ("A", 1), order="000000799")
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"sent": 1}}
    assert not purchase_of(NUMBER).all_sent


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (2, {"ordered": 2}),
        (1, {"ordered": 2, "cancelled": 1}),
        (3, {"ordered": 3}),
        (0, {"ordered": 2, "cancelled": 2}),
    ],
)
def test_edited_order_cancels_only_what_its_next_edition_has_not(tell, again, expected):
    tell("order", "000000123", ("A", 2), status="canceled")
    tell("order", "000000123-1", ("A", again), ("B", 1))
    assert pieces(purchase_of(NUMBER)) == {"A|L": expected, "B|L": {"ordered": 1}}


def test_order_that_was_edited_twice_and_then_cancelled_is_cancelled_once(tell):
    for number in ("000000123", "000000123-1", "000000123-2"):
        tell("order", number, ("A", 2), status="canceled")
    assert pieces(purchase_of(NUMBER)) == {"A|L": {"ordered": 2, "cancelled": 2}}
    assert purchase_of(NUMBER).is_cancelled


def test_key_of_a_line_is_the_same_before_its_order_comes(tell):
    tell("shipment", "1", ("A", 1))
    before = [each.key for each in purchase_of(NUMBER).lines]
    tell("order", "000000700", ("B", 1), ("A", 2))
    assert before == ["A|L"]
    assert [each.key for each in purchase_of(NUMBER).lines] == ["B|L", "A|L"]


def test_repeated_lines_of_an_order_have_keys_of_their_own(tell):
    tell("order", "000000700", ("A", 2), ("A", 1), ("a|b", 1))
    assert [each.key for each in purchase_of(NUMBER).lines] == ["A|L", "A|L|2", "a%7Cb|L"]


def test_keys_of_long_articles_fit_and_differ():
    order = OrderFactory(po_number=NUMBER, items=None)
    for end in "ab":
        OrderItemFactory(order=order, sku="s" * 254 + end, size="z" * 200)
    keys = {each.key for each in purchase_of(NUMBER).lines}
    assert len(keys) == 2
    assert max(map(len, keys)) <= 255


@pytest.mark.parametrize("size", [1, 40])
def test_purchase_costs_four_statements_whatever_its_size(size):
    for _ in range(size):
        order = OrderFactory(po_number=NUMBER)
        ShipmentFactory(order=order, po_number=NUMBER)
    shipment = ShipmentFactory(order=order, po_number=NUMBER, items=None)
    for _ in range(size):
        ShipmentItemFactory(shipment=shipment, sku=random.choice("ABC"))
    with CaptureQueriesContext(connection) as captured:
        purchase = purchase_of(NUMBER)
        assert purchase.lines
        assert (purchase.all_sent, purchase.is_cancelled) is not None
        assert [item.shipment.order_id for each in purchase.shipments for item in each.items.all()]
    assert len(captured) <= 4, captured.captured_queries
