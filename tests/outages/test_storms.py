"""Many messages about one order at once, and messages in any sequence."""

import json
import random
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from itertools import pairwise

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.load import post
from benchmarks.story import any_story
from tests.samples import sample

pytestmark = pytest.mark.timeout(400)  # a machine may be busy
STATUSES = ("pending", "processing", "holded", "complete", "closed")
PART = re.compile(r"items\[[^\]]*\]|(shipping|billing)_address")


def versions(count):
    """Return an order in versions of a minute each, with other status, amounts, lines and addresses."""
    for number in range(count):
        body = sample(
            "order",
            updated_at=f"2024-06-01T10:{number:02d}:00.000+00:00",
            status=STATUSES[number % 5],
            grand_total=100 + number % 7,
            po_number=f"PO-{number % 3}",
        )
        line = body["items"][0]
        body["items"] = [dict(line, sku=f"sku-{n}", size=None, qty_ordered=number % 4) for n in range(1 + number % 3)]
        body["shipping_address"]["city"] = f"Stad {number % 4}"
        yield body


def by_field(changes):
    """Return the changes with new and removed lines and addresses as single fields."""
    for name, (old, new) in changes.items():
        if PART.fullmatch(name):
            for field in sorted((old or {}).keys() | (new or {}).keys()):
                yield f"{name}.{field}", (old or {}).get(field), (new or {}).get(field)
        else:
            yield name, old, new


def plain(value):
    """Return amounts as numbers, because their digits differ."""
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return value


def chains(events):
    """Return the (old, new) values of each field in the sequence of the events, without the summaries in *.updated."""
    found = defaultdict(list)
    for kind, changes in events:
        if kind in ("order.created", "order.updated"):
            for name, old, new in by_field(changes):
                found[name].append((plain(old), plain(new)))
    return found


@pytest.mark.server
def test_order_posted_200_times_from_16_connections_ends_in_the_newest_state(shop):
    bodies = list(versions(40))
    # three of each version nearly in their sequence, for there is much to tell then; of the older ones two at any time
    nearly = sorted(range(120), key=lambda number: number + random.uniform(0, 30))
    storm = [bodies[number // 3] for number in nearly] + bodies[30:] * 2
    for body in bodies[:30] * 2:
        storm.insert(random.randrange(len(storm)), body)
    with shop.serve("--preload", "-w", "2", "-k", "gthread", "--threads", "8") as address:
        with ThreadPoolExecutor(16) as connections:
            statuses = list(connections.map(lambda body: post(address, "order", json.dumps(body).encode()), storm))
        assert set(statuses) <= {200, 202}  # 202 if the order was locked for too long: it is applied later
    shop.worker("--once")
    newest = bodies[-1]
    assert shop.query(
        "[(o.status, str(o.updated_at), o.po_number, int(o.grand_total), o.shipping_address.city, "
        "[(i.sku, i.qty_ordered) for i in o.items.all()]) for o in Order.objects.all()]"
    ) == [
        (
            newest["status"],
            "2024-06-01 10:39:00+00:00",
            newest["po_number"],
            newest["grand_total"],
            newest["shipping_address"]["city"],
            [(item["sku"], item["qty_ordered"]) for item in newest["items"]],
        )
    ]
    assert shop.query("[m.objects.count() for m in (Message, Order, OrderItem, Address)]") == [200, 1, 1 + 39 % 3, 2]
    assert shop.query("Message.objects.exclude(status='applied').count()") == 0
    events = shop.query("list(Event.objects.order_by('pk').values_list('type', 'changes'))")
    assert [kind for kind, _ in events].count("order.created") == 1
    told = chains(events)
    assert {"status", "grand_total", "po_number", "shipping_address.city", "items[sku-0].qty_ordered"} <= told.keys()
    for field, changes in told.items():
        for former, later in pairwise(changes):
            assert former[1] == later[0], (field, changes)
    assert told["status"][-1][1] == newest["status"]
    assert told["shipping_address.city"][-1][1] == newest["shipping_address"]["city"]


@pytest.mark.django_db
def test_any_sequence_ends_in_the_state_of_a_simple_model(tmp_path):
    # a story that fails is printed as it is: making it shorter takes minutes
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    run_state_machine_as_test(
        any_story(tmp_path), settings=settings(max_examples=25, stateful_step_count=25, deadline=None, phases=phases)
    )
