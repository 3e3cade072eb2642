"""The list of orders that the shop does not have, and the delivery of missed events."""

from datetime import datetime, timezone

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import host_link
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import HostLink, Order, ReceiverCall, Replay
from stockhub_webhooks.testing.factories import HostLinkFactory, OrderFactory
from tests.admin.conftest import message_levels
from tests.conftest import KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
SHOP = {}


def find(po_number, order):
    """Resolver of the shop."""
    return SHOP.get(po_number)


@pytest.fixture(autouse=True)
def shop(settings):
    """Set up a shop without orders."""
    SHOP.clear()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "HOST_ORDER_RESOLVER": f"{__name__}.find"}
    return SHOP


@pytest.fixture
def rows():
    """Make one row of each status."""
    return {
        "missing": HostLinkFactory(order__po_number="WEB-1", since=PAST),
        "no_number": HostLinkFactory(order__po_number=None, status="no_number", since=PAST),
        "failed": HostLinkFactory(status="failed", cause="ValueError at shop.find:3", since=PAST),
        "later": HostLinkFactory(status="found", since=PAST),
        "at once": HostLinkFactory(status="found", since=None),
        "new": HostLinkFactory(status="new", since=None),
        "test": HostLinkFactory(account="test", since=PAST),
    }


@pytest.fixture
def listed(staff, list_url):
    """Return the rows that a list shows."""

    def kinds(rows, **query):
        shown = set(staff.get(list_url("hostlink"), query).context["cl"].queryset.values_list("pk", flat=True))
        return {name for name, row in rows.items() if row.pk in shown}

    return kinds


@pytest.fixture
def act(staff, list_url):
    """Return a function that runs an action on rows of the list, and returns the page that follows."""

    def run(action, *rows, http=staff, query="?found=all"):
        data = {"action": action, "_selected_action": [row.pk for row in rows]}
        return http.post(list_url("hostlink") + query, data, follow=True)

    return run


# ---------------------------------------------------------------- the list


def test_list_shows_orders_not_found_unless_filtered_otherwise(rows, listed):
    assert listed(rows) == {"missing", "no_number", "failed"}
    assert listed(rows, found="later") == {"later"}
    assert listed(rows, found="all") == set(rows)
    assert listed(rows, status__exact="failed") == {"failed"}
    assert listed(rows, since_from="2020-01-02") == set()


def test_row_shows_cause_and_time_in_both_languages(rows, staff, list_url):
    page = staff.get(list_url("hostlink")).text
    for said in (
        rows["missing"].order.increment_id,
        "WEB-1",
        "unknown number",
        "no order number",
        "looking it up failed",
        "01-01-2020",
        reverse("admin:stockhub_webhooks_order_story", args=[rows["missing"].order.pk]),
    ):
        assert said in page, said
    dutch = staff.get(list_url("hostlink"), headers={"accept-language": "nl"}).text
    for said in ("later gevonden", "onbekend nummer", "geen ordernummer", "opzoeken mislukt"):
        assert said in dutch, said


def test_search_finds_rows_by_number(rows, listed):
    assert listed(rows, q="web-1") == {"missing"}
    assert listed(rows, q=rows["failed"].order.increment_id) == {"failed"}


def test_number_of_queries_does_not_depend_on_the_number_of_rows(staff, list_url):
    HostLinkFactory.create_batch(30)
    staff.get(list_url("hostlink"))
    with CaptureQueriesContext(connection) as captured:
        staff.get(list_url("hostlink"))
    ours = [query["sql"] for query in captured if "stockhub_webhooks" in query["sql"]]
    assert len(ours) <= 3, ours
    assert len(captured) <= 8, captured.captured_queries


@pytest.mark.parametrize("resolver", ["", f"{__name__}.find"])
def test_menu_has_the_list_only_if_a_resolver_is_set(staff, settings, resolver):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "HOST_ORDER_RESOLVER": resolver}
    assert ("Orders not found in our shop" in staff.get("/admin/").text) is bool(resolver)


def test_page_links_to_the_order_and_its_story(rows, staff, page_url):
    page = staff.get(page_url(rows["missing"])).text
    order = rows["missing"].order
    assert "ValueError in shop.find:3" in staff.get(page_url(rows["failed"])).text
    assert reverse("admin:stockhub_webhooks_order_change", args=[order.pk]) in page
    assert reverse("admin:stockhub_webhooks_order_story", args=[order.pk]) in page


def test_payment_request_without_an_order_is_named_as_such(post, staff, list_url, page_url):
    post("order-payment-request", contract("order-payment-request") | {"order_increment_id": None})
    HostLink.objects.update(status="missing", since=PAST)
    row = HostLink.objects.get()
    assert f"payment request {row.payment_request}" in staff.get(list_url("hostlink")).text
    page = staff.get(page_url(row)).text
    assert reverse("admin:stockhub_webhooks_paymentrequest_change", args=[row.payment_request.pk]) in page


# ---------------------------------------------------------------- look again


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_look_again_finds_the_order_reports_the_number_and_is_logged(rows, act, listed, shop, confirm):
    shop["WEB-1"] = "the shop's order"
    page = confirm(act("look_again", *rows.values()))
    results = {line["name"]: line for line in page.context["progress"]["counts"]}
    assert (results["acted"]["count"], results["left_alone"]["count"]) == (4, 0)
    assert listed(rows) == {"no_number", "failed"}
    assert listed(rows, found="later") == {"missing", "later"}
    assert LogEntry.objects.get().change_message == "look again: 4"


def test_actions_need_permissions_of_their_own(rows, clerk, act, list_url):
    http = clerk("view_hostlink", "view_order", "process_again")
    page = http.get(list_url("hostlink"))
    assert page.status_code == 200
    assert 'value="look_again"' not in page.text
    assert 'value="tell_missed"' not in page.text
    for action in ("look_again", "tell_missed"):
        act(action, rows["missing"], http=http)
    assert not LogEntry.objects.exists()


# ---------------------------------------------------------------- delivery of missed events


TOPICS = ("shipment", "invoice", "rma", "creditmemo")


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize("topic", ["order", *TOPICS, "order-payment-request"])
def test_missed_events_are_delivered_after_confirmation(post, hear, act, staff, shop, topic):
    def require(event, **arguments):
        if event.host_order is None:
            raise PermanentFailure("this shop has no such order")

    hear(signals.event_recorded, require, uid="shop.follow")
    post(topic, contract(topic) | {"order_increment_id": "7"} if topic != "order" else None)
    told_later = hear(signals.event_recorded, uid="shop.new")
    given_up = ReceiverCall.objects.filter(status="given_up").count()
    assert given_up
    number = Order.objects.get().po_number or contract(topic)["payment"]["po_number"]
    shop[number] = "the shop's order"
    page = act("tell_missed", HostLink.objects.get())
    assert "shop.follow" in page.text
    assert f"shop.new ({given_up}×)" in page.text
    assert told_later == []
    assert ReceiverCall.objects.filter(status="given_up").count() == ReceiverCall.objects.count() == given_up
    (address, _status) = page.redirect_chain[-1]
    staff.post(address, {"reason": "the order is there now"})
    assert Replay.objects.get().tries_again
    assert set(ReceiverCall.objects.values_list("receiver", "status")) == {
        ("shop.follow", "done"),
        ("shop.new", "done"),
    }
    assert len(told_later) == given_up
    assert all(heard["event"].is_replay for heard in told_later)


def test_without_the_retry_permission_events_are_only_added(post, hear, clerk, act):
    def never(**arguments):
        raise PermanentFailure("no")

    hear(signals.order_created, never, uid="shop.never")
    post("order")
    http = clerk("view_hostlink", "view_message", "process_again")
    page = act("tell_missed", HostLink.objects.get(), http=http).text
    assert "shop.never" in page  # as a choice
    assert "shop.never (1×)" not in page
    assert 'name="try_again"' not in page


def test_calls_given_up_by_hand_are_not_retried(post, hear, act):
    def never(**arguments):
        raise PermanentFailure("no")

    hear(signals.order_created, never, uid="shop.never")
    post("order")
    ReceiverCall.objects.update(cause=ReceiverCall.BY_HAND)
    assert "shop.never (1×)" not in act("tell_missed", HostLink.objects.get()).text


def test_action_without_events_shows_a_warning(act):
    assert message_levels(act("tell_missed", HostLinkFactory())) == ["warning"]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_missed_events_of_many_orders_are_delivered_by_a_request(post, hear, act, confirm, shop, monkeypatch):
    monkeypatch.setattr(host_link, "MAX_IDS", 1)

    def require(event, **arguments):
        if event.host_order is None:
            raise PermanentFailure("this shop has no such order")

    hear(signals.order_created, require, uid="shop.follow")
    for number in ("1", "2"):
        post("order", sample("order", increment_id=number, po_number=f"WEB-{number}"))
    host_orders.look_up_due()
    heard = hear(signals.order_created, uid="shop.new")
    shop["WEB-1"] = "the shop's order"
    page = confirm(act("tell_missed", *HostLink.objects.filter(order__increment_id__in="12")))
    assert {each["event"].po_number for each in heard} == {"WEB-1", "WEB-2"}
    results = {line["name"]: line["count"] for line in page.context["progress"]["counts"]}
    assert (results["acted"], results["succeeded"], results["failed"]) == (2, 3, 1)


def test_waiting_task_is_retried_at_once(post, hear, act, staff):
    def fails(**arguments):
        raise ValueError("not yet")

    hear(signals.order_created, fails, uid="shop.fails")
    post("order")
    assert ReceiverCall.objects.get().status == "pending"
    assert "shop.fails (1×)" in act("tell_missed", HostLink.objects.get()).text


def test_row_has_no_personal_data(post):
    order = OrderFactory(shipping_address__last_name="Testman")
    assert "Testman" not in str(HostLinkFactory(order=order))
