"""What receivers book of a purchase adds up to what its documents say, whatever comes late, fails or is left out."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockhub_webhooks.purchases import purchase_of
from stockhub_webhooks.signals import purchase_changed
from stockhub_webhooks.testing import LIVES, life, run_pending
from tests.purchases.test_lines import SEEDS, added_up, edited

pytestmark = pytest.mark.django_db
KEYS = ("sent", "cancelled", "returned")


def without_some_numbers(steps, chance):
    """Leave out the shop's number in all documents of some orders, but for the newest message of one of them."""
    newest = {(step.topic, step.number): step for step in steps}
    by_order = {}
    for step in newest.values():
        by_order.setdefault(order_of(step), []).append(step)
    kept = {id(chance.choice(each)) for each in by_order.values() if chance.random() < 0.7}
    hidden = {number for number, each in by_order.items() if any(id(step) in kept for step in each)}
    return [
        step._replace(payload=step.payload | {"po_number": None})
        if order_of(step) in hidden and id(step) not in kept
        else step
        for step in steps
    ]


def order_of(step):
    return step.payload["increment_id" if step.topic == "order" else "order_increment_id"]


def without_some_sizes(steps, chance):
    """Leave out the sizes of the articles of some documents that are no orders."""
    left_out = {step.number for step in steps if step.topic != "order" and chance.random() < 0.3}
    return [
        step._replace(payload=step.payload | {"items": [item | {"size": None} for item in step.payload["items"]]})
        if step.number in left_out and step.topic != "order"
        else step
        for step in steps
    ]


@given(
    st.lists(st.sampled_from(sorted(LIVES)), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.integers(0, 10**6).map(random.Random),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_differences_that_are_booked_add_up_to_the_pieces_of_now(post, names, is_edited, has_sizes, chance):
    number = f"SHOP-{next(SEEDS)}"
    lives = [list(life(name, next(SEEDS), po_number=number)) for name in names]
    expected = added_up([step for steps in lives for step in steps])
    told = [step for steps in lives for step in (edited(steps) if is_edited else steps)]
    told = without_some_numbers(told, chance)
    if not has_sizes:
        told = without_some_sizes(told, chance)
    booked, failures = {key: Counter() for key in KEYS}, [ConnectionError("the warehouse is away")] * 3

    def book(*, purchase, event, **kwargs):
        new = {key: event.book(key, {line.key: getattr(line, key) for line in purchase.lines}) for key in KEYS}
        if failures and chance.random() < 0.2:
            raise failures.pop()
        for line in purchase.lines:
            for key in KEYS:
                booked[key][line.sku] += new[key][line.key]

    purchase_changed.connect(book, dispatch_uid="shop.book")
    chance.shuffle(told)
    for step in told:
        assert post(step.topic, step.payload).status_code == 200
        if chance.random() < 0.3:
            run_pending(raise_errors=False)
    for _ in range(5):
        run_pending(raise_errors=False)
    purchase_changed.disconnect(book, dispatch_uid="shop.book")
    of_now = {key: Counter() for key in KEYS}
    for line, pieces in expected.items():
        for key in KEYS:
            of_now[key][line.partition("|")[0]] += pieces.get(key, 0)
    assert {key: +counted for key, counted in booked.items()} == {key: +counted for key, counted in of_now.items()}
    assert all(number >= 0 for counted in booked.values() for number in counted.values())
    assert purchase_of(number)
