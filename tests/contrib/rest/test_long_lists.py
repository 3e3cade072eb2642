"""Long lists within an order are cut visibly, and the rest can be read."""

import pytest

from stockhub_webhooks.contrib.rest import views
from stockhub_webhooks.models import Order
from tests.security import large

pytestmark = pytest.mark.django_db(databases="__all__")
ORDERS = "/api/stockhub/orders/"
LISTS = ("shipments", "invoices", "rmas", "credit_memos", "payment_requests")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(views, "LIMIT", 4)
    monkeypatch.setattr(views, "LIMIT_IN_LIST", 3)
    large.fill(30)


@pytest.fixture
def read(staff):
    """Return a function that returns an order of the shop's number."""

    def read(number, **query):
        pk = Order.objects.filter(po_number=number).earliest("pk").pk
        return staff.get(f"{ORDERS}{pk}/", query).json()

    return read


def test_lines_are_cut_and_all_of_them_can_be_read(read):
    seen, tracks, start = [], [], 0
    while True:
        order = read(large.LINES, lines_from=start)
        shipment = order["shipments"][0]
        assert ("items" in order["cut"]) == ("tracks" in shipment["cut"])
        seen += [item["sku"] for item in order["items"]]
        tracks += [track["tracking_number"] for track in shipment["tracks"]]
        if not order["cut"]:
            break
        start += len(order["items"])
    assert seen == [f"SKU-{number}" for number in range(30)]
    assert len(set(tracks)) == len(tracks) == 30


def test_documents_are_cut_and_all_of_them_can_be_read(read):
    first, rest = read(large.DOCUMENTS), read(large.DOCUMENTS, documents_from=4)
    assert first["cut"] == list(LISTS)
    for name in LISTS:
        assert [row["increment_id"] for row in first[name] + rest[name]] == [f"D{number}" for number in range(6)]
    assert rest["cut"] == []


def test_list_of_orders_shows_less_of_each(staff):
    orders = staff.get(ORDERS, {"po_number": large.LINES}).json()["results"]
    assert [len(order["items"]) for order in orders] == [3]
    assert orders[0]["cut"] == ["items"]


@pytest.mark.parametrize("value", ["x", "-1", "1e9", "9" * 30])
def test_invalid_place_is_answered_400(staff, value):
    assert staff.get(ORDERS, {"lines_from": value}).status_code == 400
