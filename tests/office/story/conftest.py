"""Short ways to post messages about a purchase."""

import pytest

from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story
from tests.samples import contract, sample


def line(sku="A", size="L", *, number=1, name="qty", **more):
    base = contract("order")["items"][0]
    base.pop("qty_ordered")
    prices = {"item_price_inc_tax": 10, "row_total_inc_tax": 10 * (number or 0)}
    return base | prices | {"sku": sku, "size": size, name: number} | more


def return_item(sku="A", size="L", *, number=1, **more):
    return contract("rma")["items"][0] | {"sku": sku, "size": size, "qty_requested": number} | more


class Teller:
    """Sender of messages about one purchase; `items` are (SKU, size, quantity)."""

    def __init__(self, post):
        self.post = post
        self.number = 0

    def __call__(self, topic, items, **changes):
        self.number += 1
        own = {} if topic == "order" else {"increment_id": f"{self.number:09d}", "order_increment_id": "000000701"}
        body = sample(topic, **{"items": items} | own | changes)
        assert self.post(topic, body).status_code == 200

    def order(self, *lines, **changes):
        items = [line(*key, number=number, name="qty_ordered") for *key, number in lines]
        total = sum(item["row_total_inc_tax"] for item in items)
        amounts = {"subtotal": total, "shipping_price": 0, "grand_total": total}
        self("order", items, **amounts | changes)

    def shipment(self, *lines, **changes):
        self("shipment", [line(*key, number=number) for *key, number in lines], **changes)

    def delivered(self, *lines, **changes):
        self.shipment(*lines, **{"status": "DELIVERED"} | changes)

    def credit(self, *lines, reversal="NONE", **changes):
        items = [line(*key, number=number, reversal=reversal, return_item_fee=0) for *key, number in lines]
        self("creditmemo", items, **changes)

    def rma(self, *items, **changes):
        self("rma", [item | {"id": 100 * self.number + turn} for turn, item in enumerate(items)], **changes)


@pytest.fixture
def tell(post):
    """Return a sender of messages about one purchase."""
    return Teller(post)


@pytest.fixture
def purchase(db):
    """Return a function that reads the purchase."""
    return lambda number="000000701", **options: story.read(Order.objects.get(increment_id=number), **options)


@pytest.fixture
def lines(purchase):
    """Return a function that reads the lines of the purchase."""
    return lambda: story.lines_of(purchase())


@pytest.fixture
def steps(purchase):
    """Return a function that reads the steps of the purchase by name."""

    def now():
        found = purchase()
        return {step.name: step for step in story.steps_of(found, story.lines_of(found))}

    return now
