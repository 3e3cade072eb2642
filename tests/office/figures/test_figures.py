"""The figures of a period: what counts, and on which day."""

import csv
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from stockhub_webhooks.models import RMA, CreditMemo, Order, RMAItem, Shipment
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures import counts, days, rates, sheet_rows
from stockhub_webhooks.office.figures.buckets import Buckets
from stockhub_webhooks.testing.factories import (
    CreditMemoFactory,
    OrderFactory,
    OrderItemFactory,
    RMAFactory,
    ShipmentFactory,
)

pytestmark = pytest.mark.django_db(databases="__all__")

HERE = ZoneInfo("Europe/Amsterdam")
MARCH = Period(date(2024, 3, 1), date(2024, 3, 31))  # the clocks go forward on the last day


@pytest.fixture(autouse=True)
def _zone(settings):
    settings.TIME_ZONE = "Europe/Amsterdam"


def at(day, time="12:00"):
    return datetime.fromisoformat(f"2024-{day}T{time}").replace(tzinfo=HERE)


def kinds(period=MARCH):
    return {name: kind.total for name, kind in counts.counts_of(period).kinds.items()}


# ---------------------------------------------------------------- numbers and amounts


def test_documents_count_on_their_own_day_in_the_time_zone_of_the_shop():
    for day, time in (("02-29", "23:59"), ("03-01", "00:00"), ("03-31", "23:59"), ("04-01", "00:00")):
        order = OrderFactory(created_at=at(day, time))
        ShipmentFactory(order=order, created_at=at(day, time))
        RMAFactory(order=order, date_requested=at(day, time))
        CreditMemoFactory(order=order, created_at=at(day, time))
    assert kinds() == {"orders": 2, "parcels": 2, "returns": 2, "refunds": 2}
    orders = counts.counts_of(MARCH).kinds["orders"].by_part
    assert (orders[0], orders[-1], len(orders)) == (1, 1, 31)


def test_tests_stubs_and_cancelled_orders_do_not_count():
    OrderFactory(created_at=at("03-05"), account="test")
    OrderFactory(created_at=at("03-05"), status="canceled")
    OrderFactory(stub=True)
    assert kinds()["orders"] == 0
    assert counts.counts_of(MARCH).cancelled_orders == 1
    assert rates.rates_of(MARCH).total.ordered == 0


def test_amounts_are_added_by_currency():
    for currency, amount in (("EUR", "10.10"), ("eur ", "20.20"), ("USD", "5")):
        order = OrderFactory(created_at=at("03-05"))
        Order.objects.filter(pk=order.pk).update(currency=currency, grand_total=Decimal(amount))
        memo = CreditMemoFactory(order=order, created_at=at("03-06"))
        CreditMemo.objects.filter(pk=memo.pk).update(currency=currency, grand_total=Decimal(amount))
    found = counts.counts_of(MARCH).kinds
    assert found["orders"].amounts == found["refunds"].amounts == {"EUR": Decimal("30.30"), "USD": Decimal(5)}


def test_the_hour_that_comes_twice_belongs_to_its_day():
    for fold in (0, 1):
        OrderFactory(created_at=datetime(2024, 10, 27, 2, 30, tzinfo=HERE, fold=fold))
    OrderFactory(created_at=at("10-27", "23:59"))
    OrderFactory(created_at=at("10-28", "00:00"))
    found = counts.counts_of(Period(date(2024, 10, 27), date(2024, 10, 28)))
    assert found.kinds["orders"].by_part == [3, 1]


@pytest.mark.parametrize(
    ("first", "last", "unit", "number"),
    [
        ((2024, 3, 1), (2024, 3, 1), "day", 1),
        ((2024, 3, 1), (2024, 5, 1), "day", 62),
        ((2024, 3, 1), (2024, 5, 2), "month", 3),
        ((2024, 1, 15), (2024, 12, 31), "month", 12),
        ((2000, 6, 1), (2024, 12, 31), "year", 25),
    ],
)
def test_period_is_divided_without_a_gap(first, last, unit, number):
    period = Period(date(*first), date(*last))
    buckets = Buckets.of(period)
    assert (buckets.unit, len(buckets.parts)) == (unit, number)
    assert (buckets.parts[0].first, buckets.parts[-1].last) == (period.first, period.last)
    ends = [part.bounds()[1] for part in buckets.parts[:-1]]
    assert ends == [part.bounds()[0] for part in buckets.parts[1:]]


# ---------------------------------------------------------------- return rates


def sold(sku, brand, pieces, back=0, **returned):
    order = OrderFactory(created_at=at("03-05"))
    order.items.all().delete()
    OrderItemFactory(order=order, sku=sku, parent_sku=None, manufacturer=brand, qty_ordered=pieces)
    if back:
        rma = RMAFactory(order=order, date_requested=at("05-01"))
        values = {"qty_requested": back, "qty_approved": None, "qty_returned": None, "status": "authorized"}
        RMAItem.objects.filter(rma=rma).update(sku=sku, parent_sku=None, manufacturer=brand, **(values | returned))
    return order


def test_return_rate_is_the_share_of_the_ordered_pieces_that_came_back():
    sold("A-1", "Acme", 8, 1)
    sold("A-2", "acme ", 2, 1)
    sold("B-1", "Bolt", 4)
    assert [(rate.name, rate.ordered, rate.returned) for rate in rates.rates_of(MARCH, 1).by_brand] == [
        ("Acme", 10, 2),
        ("Bolt", 4, 0),
    ]
    assert rates.rates_of(MARCH).by_brand[0].percent == 20
    assert {rate.name: rate.percent for rate in rates.rates_of(MARCH, 9).by_sku} == {"A-1": 12.5, "A-2": 50}
    assert [rate.name for rate in rates.all_skus(MARCH)] == ["A-1", "A-2", "B-1"]
    assert rates.rates_of(MARCH).total[1:] == (14, 2)


@pytest.mark.parametrize(
    ("returned", "pieces"),
    [
        ({"status": "rejected"}, 0),
        ({"status": "Rejected"}, 0),
        ({"qty_approved": 2}, 2),
        ({"qty_approved": 2, "qty_returned": 1}, 1),
        ({"qty_approved": 0, "qty_returned": 0}, 3),
    ],
)
def test_pieces_of_a_return_are_those_that_are_known_best(returned, pieces):
    sold("A-1", "Acme", 5, 3, **returned)
    assert rates.rates_of(MARCH).total.returned == pieces


@pytest.mark.parametrize("status", [None, ""])
def test_item_without_a_status_has_that_of_its_return(status):
    order = sold("A-1", "Acme", 5, 3, status=status)
    order.rmas.update(status="denied")
    assert rates.rates_of(MARCH).total.returned == 0


def test_cancelled_order_counts_in_no_spelling():
    Order.objects.filter(pk=sold("A-1", "Acme", 5, 3).pk).update(status="Canceled")
    assert rates.rates_of(MARCH).total[1:] == (0, 0)


def test_line_that_repeats_the_pieces_of_another_one_does_not_count():
    order = sold("A-1", "Acme", 3)
    OrderItemFactory(order=order, sku="A-1", parent_sku="A", manufacturer="Acme", qty_ordered=3)
    assert rates.rates_of(MARCH).total.ordered == 3


def test_order_of_another_period_does_not_count_though_its_return_is_in_this_one():
    order = sold("A-1", "Acme", 5, 3)
    Order.objects.filter(pk=order.pk).update(created_at=at("02-05"))
    RMA.objects.update(date_requested=at("03-05"))
    assert rates.rates_of(MARCH).total[1:] == (0, 0)


@pytest.mark.parametrize("chunk", [1, 2, 500])
def test_each_sku_is_listed_once_with_any_chunk_size(monkeypatch, chunk):
    monkeypatch.setattr(rates, "CHUNK_SIZE", chunk)
    for number in range(5):
        sold(f"A-{number}", "Acme", 2, number % 2)
    assert [(rate.name, rate.returned) for rate in rates.all_skus(MARCH)] == [
        (f"A-{number}", number % 2) for number in range(5)
    ]


# ---------------------------------------------------------------- durations


def test_days_from_order_to_the_first_parcel():
    first, second, _waiting = (OrderFactory(created_at=at("03-05")) for _ in range(3))
    ShipmentFactory(order=first, created_at=at("03-06"))
    ShipmentFactory(order=first, created_at=at("03-20"))
    ShipmentFactory(order=second, created_at=at("03-08"))
    measured = days.order_to_parcel(MARCH)
    assert (round(measured.average, 4), measured.count) == (2, 2)
    Shipment.objects.all().delete()
    assert days.order_to_parcel(MARCH) == days.Days(None, 0)


def test_days_from_return_to_the_first_refund_after_it():
    order = OrderFactory(created_at=at("02-05"))
    RMAFactory(order=order, date_requested=at("03-05"))
    for day in ("03-01", "03-15", "03-25"):
        CreditMemoFactory(order=order, created_at=at(day))
    measured = days.return_to_refund(MARCH)
    assert (round(measured.average, 4), measured.count) == (10, 1)


def test_days_are_whole_across_a_clock_change():
    order = OrderFactory(created_at=at("03-30"))
    ShipmentFactory(order=order, created_at=at("04-01"))
    assert days.order_to_parcel(MARCH).average == pytest.approx(2 - 1 / 24)


# ---------------------------------------------------------------- file and page


@pytest.fixture
def march():
    sold("A-1", "Acme", 8, 1)
    sold("=B-1", "Bolt", 4)


def test_file_has_each_figure(march):
    heads, *rows = sheet_rows.rows(MARCH, "en")
    assert all(len(row) == len(heads) for row in rows)
    assert ["Orders", "", 2, None, "", None, None, None, None] in rows
    assert ["Return rate by brand", "Acme", None, None, "", 8, 1, Decimal("12.5"), None] in rows
    assert ["Return rate by SKU", "A-1", None, None, "", 8, 1, Decimal("12.5"), None] in rows
    assert sum(row[0] == "Orders" and row[1] != "" for row in rows) == 31


URL = "admin:stockhub_webhooks_figures"


def test_page_shows_the_figures_and_gives_the_file(march, staff):
    page = staff.get(reverse(URL), {"first": "2024-03-01", "last": "2024-03-31"})
    assert page.context["totals"][0][1] == "2"
    assert "Acme" in page.text
    answer = staff.post(reverse(URL), {"first": "2024-03-01", "last": "2024-03-31"})
    lines = list(csv.reader(b"".join(answer).decode().lstrip("\ufeff").splitlines(), delimiter=";"))
    assert ["'=B-1", "4", "0", "0,00"] in [[line[1], *line[5:8]] for line in lines]
    book = staff.post(reverse(URL), {"first": "2024-03-01", "last": "2024-03-31", "format": "xlsx"})
    assert b"".join(book)[:2] == b"PK"


def test_page_begins_with_the_last_month(staff):
    page = staff.get(reverse(URL))
    period = page.context["period"]
    assert period.first.day == 1
    assert period.last < date.today()


@pytest.mark.parametrize(
    "query",
    [
        {"first": "x", "last": "2024-03-31"},
        {"first": "2024-03-31", "last": "2024-03-01"},
        {"first": "1900-01-01", "last": "2024-03-01"},
        {"first": "2024-03-31", "last": "9999-12-31"},
        {"first": "2024-03-31"},
    ],
)
def test_what_is_no_period_is_refused(staff, query):
    page = staff.get(reverse(URL), query)
    assert page.context["form"].errors
    assert "totals" not in page.context
    assert staff.post(reverse(URL), query).status_code == 200


def test_page_needs_its_permission(client, django_user_model):
    user = django_user_model.objects.create_user("clerk", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "export")))
    client.force_login(user)
    assert client.get(reverse(URL)).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_figures"))
    assert client.get(reverse(URL)).status_code == 200
    assert reverse(URL) in client.get(reverse("admin:app_list", args=["stockhub_webhooks"])).text
