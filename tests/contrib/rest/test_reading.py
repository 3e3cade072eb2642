"""The shop reads what is kept, over HTTP."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client, override_settings
from django.utils.dateparse import parse_datetime

from stockhub_webhooks.contrib.rest.pages import NewestFirst
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Track
from stockhub_webhooks.office.worklists.deadlines import event_of
from stockhub_webhooks.testing import factories as make
from stockhub_webhooks.testing import samples
from stockhub_webhooks.testing.samples.world import CUSTOMERS, WAREHOUSE
from tests.conftest import KEY, TEST_KEY

pytestmark = pytest.mark.django_db(databases="__all__")
ORDERS, EVENTS = "/api/stockhub/orders/", "/api/stockhub/events/"
BOTH = pytest.mark.parametrize("address", [ORDERS, EVENTS])
CHILDREN = ("shipments", "invoices", "rmas", "credit_memos", "payment_requests")


@pytest.fixture
def play(post):
    """The life of an order, as it comes in."""

    def play(name="returned", seed=0, **options):
        life = samples.life(name, seed)
        for topic, payload, _ in life:
            assert post(topic, payload, **options).status_code == 200
        assert post("order-payment-request", samples.payload("order-payment-request", seed=seed), **options)
        return life

    return play


@pytest.fixture
def reader(django_user_model):
    """A client of somebody with permissions of ours, and no member of the staff."""

    def reader(*permissions):
        user = django_user_model.objects.create_user(f"reader{len(permissions)}", password="secret")
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return reader


def rows(client, address, **query):
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def numbers(client, **query):
    return [row["increment_id"] for row in rows(client, ORDERS, **query)]


def test_an_order_is_shown_with_everything_that_belongs_to_it(play, staff):
    life = play()
    (order,) = rows(staff, ORDERS)
    assert (order["increment_id"], order["po_number"]) == (life.increment_id, life.po_number)
    assert (order["is_stub"], order["is_test"]) == (False, False)
    assert order["items"]
    assert order["shipping_address"]["city"]
    for name in CHILDREN:
        assert order[name], name
        assert order[name][0]["items"][0]["sku"]
    assert order["shipments"][0]["tracks"][0]["tracking_number"]
    assert order["rmas"][0]["tracks"][0]["tracking_number"]
    assert order["rmas"][0]["items"][0]["item_id"]
    assert order["payment_requests"][0]["pay_by_link"].startswith("https://")
    assert staff.get(f"{ORDERS}{order['id']}/").json() == order


def test_an_event_is_shown_with_its_changes(play, staff):
    life = play()
    shown = rows(staff, EVENTS, type="shipment.delivered")
    assert len(shown) == 1
    assert (shown[0]["order_increment_id"], shown[0]["po_number"]) == (life.increment_id, life.po_number)
    changed = rows(staff, EVENTS, type="order.status_changed")
    assert {tuple(row["changes"]) for row in changed} <= {("status",)}
    assert len(rows(staff, EVENTS, page_size=100)) == Event.objects.count()


def test_amounts_are_text_and_times_are_in_utc(play, staff):
    play()
    (order,) = rows(staff, ORDERS)
    stored = Order.objects.get()
    assert order["grand_total"] == str(stored.grand_total)
    assert order["items"][0]["row_total_inc_tax"].count(".") == 1
    for name in ("created_at", "updated_at", "received_at"):
        assert order[name].endswith("Z")
        assert parse_datetime(order[name]) == getattr(stored, name)
    (event,) = rows(staff, EVENTS, type="order.created")
    assert all(event[name].endswith("Z") for name in ("occurred_at", "received_at"))


def test_an_order_known_from_its_children_is_marked(post, staff):
    post("shipment", samples.payload("shipment"))
    (order,) = rows(staff, ORDERS)
    assert (order["is_stub"], order["received_at"], order["status"]) == (True, None, None)
    assert len(order["shipments"]) == 1


def test_a_link_that_is_none_is_not_shown(post, staff):
    post("shipment", samples.payload("shipment", track__tracking_url="javascript:alert(1)"))
    assert rows(staff, ORDERS)[0]["shipments"][0]["tracks"][0]["tracking_url"] == ""
    assert Track.objects.get().tracking_url.startswith("javascript")


# ---------------------------------------------------------------- pages


@BOTH
def test_pages_follow_one_another_and_hold_all(play, staff, address):
    for seed in range(5):
        play("happy", seed)
    found, following = [], f"{address}?page_size=3"
    while following:
        page = staff.get(following).json()
        assert len(page["results"]) <= 3
        found += [row["id"] for row in page["results"]]
        following = page["next"]
    model = Order if address == ORDERS else Event
    assert found == list(model.objects.order_by("-pk").values_list("pk", flat=True))


@BOTH
def test_a_page_has_its_bounds(play, staff, address, monkeypatch):
    assert (NewestFirst.page_size, NewestFirst.max_page_size) == (25, 100)
    monkeypatch.setattr(NewestFirst, "max_page_size", 2)
    for seed in range(3):
        play("happy", seed)
    assert len(rows(staff, address, page_size=50)) == 2


@BOTH
def test_a_page_costs_the_same_whatever_is_on_it(play, staff, address, django_assert_num_queries):
    play("returned", 0)
    # the session, the user (a superuser's permissions cost none), and the host's ATOMIC_REQUESTS
    queries = 4 + (14 if address == ORDERS else 1)
    for seed in range(1, 4):
        with django_assert_num_queries(queries):
            staff.get(address)
        play("parcels" if seed % 2 else "returned", seed)


# ---------------------------------------------------------------- which


def test_orders_are_found_by_what_the_shop_knows(play, staff):
    first, second = play("happy", 1), play("happy", 2)
    assert numbers(staff) == [second.increment_id, first.increment_id]
    assert numbers(staff, po_number=first.po_number) == [first.increment_id]
    assert numbers(staff, increment_id=second.increment_id) == [second.increment_id]
    status = Order.objects.get(increment_id=first.increment_id).status
    assert len(numbers(staff, status=status)) == Order.objects.filter(status=status).count()
    assert numbers(staff, status="unheard_of") == numbers(staff, account="nobody") == []
    assert len(numbers(staff, account="default")) == 2


def test_orders_are_found_by_when_they_changed(play, staff):
    play("happy", 1)
    order = Order.objects.get()
    for name, column in (("updated_since", "updated_at"), ("received_since", "received_at")):
        moment = getattr(order, column)
        assert numbers(staff, **{name: moment.isoformat()}) == [order.increment_id]
        assert numbers(staff, **{name: moment.replace(year=moment.year + 1).isoformat()}) == []


def test_events_are_found_by_order_and_time(play, staff):
    first, _ = play("happy", 1), play("happy", 2)
    found = rows(staff, EVENTS, order=first.increment_id)
    assert {row["order_increment_id"] for row in found} == {first.increment_id}
    latest = Message.objects.latest("received_at").received_at
    assert rows(staff, EVENTS, received_since=latest.isoformat())
    assert not rows(staff, EVENTS, received_since=latest.replace(year=latest.year + 1).isoformat())
    assert not rows(staff, EVENTS, occurred_since="2999-01-01T00:00:00Z")


def test_deadlines_are_found_by_when_they_were_found_to_have_passed(staff):
    row = make.WorklistRowFactory()  # its deadline passed two days ago, and a sweep found that now
    event = event_of(row)
    event.save()
    for hours, found in ((-1, [event.pk]), (1, [])):
        since = (row.opened_at + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        assert [each["id"] for each in rows(staff, EVENTS, received_since=since)] == found


@pytest.mark.parametrize("query", ["updated_since=yesterday", "test=perhaps", "po_number=%00"])
def test_a_value_that_cannot_be_read_is_said(staff, query):
    answer = staff.get(f"{ORDERS}?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {query.partition("=")[0]}


def handle_own_errors(error, context):
    """The handler of a host that knows its own views."""
    return context["view"].answer_of_the_host(error)


def test_exception_handler_of_the_host_is_for_its_own_views(staff):
    with override_settings(REST_FRAMEWORK={"EXCEPTION_HANDLER": f"{__name__}.handle_own_errors"}):
        assert staff.get(f"{ORDERS}?test=perhaps").status_code == 400


@BOTH
def test_what_came_in_as_a_test_is_left_out_unless_it_is_asked_for(play, staff, settings, address):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    play("happy", 1, key=TEST_KEY)
    assert rows(staff, address) == []
    for query in ({"test": "1"}, {"account": "test"}):
        shown = rows(staff, address, **query)
        assert shown
        assert all(row["is_test"] for row in shown)
    assert rows(staff, address, test="1", account="default") == []


# ---------------------------------------------------------------- who


@BOTH
def test_a_stranger_reads_nothing(play, client, address):
    play()
    assert client.get(address).status_code in (401, 403)


@BOTH
def test_users_without_the_permission_read_nothing(play, reader, address):
    play()
    client = reader("view_personal_data")
    assert client.get(address).status_code == 403
    assert client.get(f"{address}{Order.objects.get().pk}/").status_code == 403


@BOTH
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_user_may_write(play, staff, address, method):
    play()
    pk = (Order if address == ORDERS else Event).objects.latest("pk").pk
    for where in (address, f"{address}{pk}/"):
        assert getattr(staff, method)(where).status_code == 405


def test_customers_are_shown_to_those_with_the_permission_only(play, post, reader):
    play("returned")
    moved = samples.life("returned").steps[0].payload
    moved |= {"updated_at": "2027-01-01T00:00:00Z", "shipping_address": {**CUSTOMERS[0], "city": "Verhuisstad"}}
    moved |= {"gift_message": "for Verhuisstad"}
    assert post("order", moved).json()["outcome"] == "updated"
    plain = reader("view_order", "view_event")
    text = json.dumps([rows(plain, ORDERS), rows(plain, EVENTS, page_size=100)], ensure_ascii=False)
    persons = {str(value) for who in (*CUSTOMERS, WAREHOUSE) for name, value in who.items() if value and len(value) > 4}
    assert not [value for value in persons | {"Verhuisstad", "pay.example.com"} if value in text]
    order = rows(plain, ORDERS)[0]
    assert order["shipping_address"] is order["extra"] is None
    assert order["payment_requests"][0]["pay_by_link"] is None
    changes = {
        name: values for row in rows(plain, EVENTS, type="order.updated") for name, values in row["changes"].items()
    }
    assert changes["shipping_address.city"] == [None, None]
    office = reader("view_order", "view_event", "view_personal_data")
    assert rows(office, ORDERS)[0]["shipping_address"]["city"] == "Verhuisstad"
    assert rows(office, ORDERS)[0]["extra"] == {"gift_message": "for Verhuisstad"}
    text = json.dumps(rows(office, EVENTS, page_size=100))
    assert "Verhuisstad" in text


@BOTH
def test_bodies_keys_and_errors_are_never_shown(play, staff, address):
    play()
    text = json.dumps(rows(staff, address, page_size=100))
    assert "fingerprint" not in text
    assert "reading_digest" not in text
    assert not ReceiverCall.objects.exists()
