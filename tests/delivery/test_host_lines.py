"""The shop's own lines: `item.host_line`, and the lines that the shop does not have."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from stockhub_webhooks.delivery import host_lines, host_orders
from stockhub_webhooks.models import HostLink, MissingLine, Order, OrderItem
from stockhub_webhooks.purchases import purchase_of
from stockhub_webhooks.testing.factories import HostLinkFactory, OrderFactory, ShipmentFactory
from tests.conftest import KEY

pytestmark = pytest.mark.django_db
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
NUMBER = "SHOP-1"
LINES = {}  # SKU to the shop's line, or to a function that finds it
ASKED = []


def find_order(po_number, order):
    """The shop's resolver of orders."""
    ASKED.append(po_number)
    return SimpleNamespace(number=po_number) if po_number == NUMBER else None


def find_line(item, host_order):
    """The shop's resolver of lines."""
    found = LINES.get(item.sku)
    return found(host_order) if callable(found) else found


@pytest.fixture(autouse=True)
def shop(settings):
    """A shop with one order that has no lines at first, with a worker."""
    LINES.clear()
    ASKED.clear()
    settings.STOCKHUB_WEBHOOKS = {
        "API_KEYS": KEY,
        "HOST_ORDER_RESOLVER": f"{__name__}.find_order",
        "HOST_LINE_RESOLVER": f"{__name__}.find_line",
        "RUNNER": "worker",
    }
    return LINES


@pytest.fixture
def item():
    return OrderFactory(po_number=NUMBER).items.get()


def work():
    """Look up all that is due, as if the time for it had come."""
    host_orders.look_up_due()
    HostLink.objects.exclude(status="found").update(due_at=PAST)
    HostLink.objects.filter(lines_due_at__isnull=False).update(lines_due_at=PAST)
    host_orders.look_up_due()
    HostLink.objects.filter(lines_due_at__isnull=False).update(lines_due_at=PAST)
    return host_orders.look_up_due()


def test_line_of_any_document_has_the_line_of_the_shop(item, shop):
    shipped = ShipmentFactory(order=item.order, po_number=None).items.get()
    for each in (item, shipped):
        shop[each.sku] = lambda host_order: f"line of {host_order.number}"
        assert each.host_line == f"line of {NUMBER}"


def test_lines_of_a_purchase_ask_for_its_order_once(shop):
    order = OrderFactory(po_number=NUMBER)
    OrderFactory(po_number=NUMBER)
    shop |= dict.fromkeys(OrderItem.objects.values_list("sku", flat=True), "line")
    assert [line.host_line for line in purchase_of(NUMBER).lines] == ["line"] * len(purchase_of(NUMBER).lines)
    assert [order.po_number] == ASKED


def fail(host_order):
    raise LookupError


@pytest.mark.parametrize("number", ["SHOP-2", None])
def test_line_of_an_order_that_the_shop_does_not_have_is_none(shop, number):
    item = OrderFactory(po_number=number).items.get()
    shop[item.sku] = fail
    assert item.host_line is None


def test_resolver_that_raises_found_none(item, shop, caplog):
    shop[item.sku] = fail
    assert item.host_line is None
    assert "HOST_LINE_RESOLVER failed" in caplog.text


@pytest.mark.parametrize(("found", "status"), [(None, "missing"), (fail, "failed")])
def test_worker_keeps_the_lines_that_the_shop_does_not_have(item, shop, found, status):
    shop[item.sku] = found
    work()
    row = MissingLine.objects.get()
    assert (row.item, row.status, row.link.order) == (item, status, item.order)
    assert bool(row.cause) == (status == "failed")
    first = row.since
    work()
    row.refresh_from_db()
    assert row.since == first
    shop[item.sku] = "line"
    work()
    assert not MissingLine.objects.exists()
    assert HostLink.objects.get().lines_due_at is None


def test_lines_of_an_order_that_the_shop_does_not_have_are_not_looked_up(shop):
    OrderFactory(po_number="SHOP-2")
    work()
    assert not MissingLine.objects.exists()


def test_without_the_setting_no_line_is_looked_up(item, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_LINE_RESOLVER": ""}
    work()
    assert not MissingLine.objects.exists()
    assert item.host_line is None


def test_after_a_month_only_a_person_has_lines_looked_up(item):
    work()
    MissingLine.objects.update(since=MissingLine.objects.get().since - timedelta(days=31))
    work()
    assert HostLink.objects.get().lines_due_at is None
    assert host_lines.requeue([MissingLine.objects.get().pk]) == 1
    assert HostLink.objects.get().lines_due_at is not None


def test_order_whose_lines_another_process_looks_up_is_left_alone(item):
    link = HostLinkFactory(order=Order.objects.get(), status="found", lines_due_at=PAST)
    stale = HostLink.objects.get(pk=link.pk)
    HostLink.objects.update(lines_due_at=datetime.now(timezone.utc))
    assert not host_lines.look_up(stale)
