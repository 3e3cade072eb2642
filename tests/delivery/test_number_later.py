"""A message names the shop's order number that former messages lacked: what waited for it goes on at once."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Event, HostLink, Order, PaymentRequest, ReceiverCall
from stockhub_webhooks.testing.factories import HostLinkFactory
from tests.conftest import KEY
from tests.processing.test_apply import later
from tests.samples import sample

pytestmark = pytest.mark.django_db
NUMBER = "RESELLER_REF"
ORDER = sample("order")["increment_id"]
HOUR = timedelta(hours=1)


def find(po_number, order):
    """The shop's resolver."""
    return "the shop's order" if po_number == NUMBER else None


@pytest.fixture(autouse=True)
def _shop(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "HOST_ORDER_RESOLVER": f"{__name__}.find"}


@pytest.fixture
def orders(hear):
    """Connect a receiver that needs the shop's order to each event; the types of the events that it has worked on."""
    done = []

    def work(event, **rest):
        event.require_host_order()
        done.append(event.type)

    hear(signals.event_recorded, work)
    return done


def body(topic, number=None, **changes):
    changes |= {} if topic == "order" else {"order_increment_id": ORDER}
    return sample(topic, po_number=number, **changes)


def missing_link(**document):
    """A link of an order that was looked up in vain, and is looked up again in an hour."""
    HostLink.objects.all().delete()
    link = HostLinkFactory(**document, account="default", status="no_number", due_at=timezone.now() + HOUR, attempts=4)
    return HostLink.objects.filter(pk=link.pk)


LATER = pytest.mark.parametrize(
    ("first", "second"),
    [
        (("shipment", None), ("order", NUMBER)),  # the order itself is received at last
        (("shipment", None), ("rma", NUMBER)),  # the order is still a stub
        (("order", None), ("order", NUMBER)),
        (("order", None), ("shipment", NUMBER)),
    ],
)


@LATER
def test_waiting_calls_are_made_at_once(post, orders, first, second):
    post(first[0], body(*first))
    assert orders == []
    assert not ReceiverCall.objects.exclude(status="pending").exists()
    post(second[0], later(body(*second)))
    assert Order.objects.get().po_number == NUMBER
    assert orders == list(Event.objects.order_by("pk").values_list("type", flat=True))


@LATER
def test_order_is_looked_up_at_once(post, first, second):
    post(first[0], body(*first))
    link = missing_link(order=Order.objects.get())
    post(second[0], later(body(*second)))
    call_command("stockhub_worker", "--once")
    assert link.get().status == "found"


def test_number_of_a_document_is_an_update_of_an_order_without_one(post, hear):
    post("order", body("order"))
    heard = hear(signals.order_updated)
    post("shipment", body("shipment", NUMBER))
    post("order", later(body("order")))
    assert [(call["order"].increment_id, call["event"].changes) for call in heard] == [
        (ORDER, {"po_number": (None, NUMBER)})
    ]
    assert Order.objects.get().po_number == NUMBER  # whichever came first


@pytest.mark.parametrize("has_receiver", [True, False])
def test_number_of_a_payment_request_that_names_no_order(post, request, has_receiver):
    done = request.getfixturevalue("orders") if has_receiver else []
    first = sample(topics.PAYMENT_REQUEST, order_increment_id=None)
    post(topics.PAYMENT_REQUEST, first | {"payment": None})
    link = missing_link(payment_request=PaymentRequest.objects.get(), order=None)
    assert done == []
    post(topics.PAYMENT_REQUEST, first | {"payment": {"method": "paybylink", "po_number": NUMBER}})
    call_command("stockhub_worker", "--once")
    assert link.get().status == "found"
    assert done == ["payment_request.created"] * has_receiver


def test_older_message_brings_no_number(post, orders):
    post("order", later(body("order")))
    link = missing_link(order=Order.objects.get())
    assert post("order", body("order", NUMBER)).json()["outcome"] == "stale"
    assert Order.objects.get().po_number is None
    assert not link.filter(due_at__lte=timezone.now()).exists()
    call_command("stockhub_worker", "--once")
    assert orders == []


def test_calls_of_others_and_those_given_up_stay_as_they_are(post, hear):
    def fail(event, **rest):
        raise RetryLater(HOUR) if event.type == "order.created" else PermanentFailure("never")

    hear(signals.event_recorded, fail)
    post("order", body("order"))
    other = sample("order", increment_id="000000999", po_number=None)
    post("order", other)
    before = set(ReceiverCall.objects.exclude(order__increment_id=ORDER).values_list("pk", "due_at"))
    ReceiverCall.objects.filter(event__type="purchase.changed", order__increment_id=ORDER).update(
        status="given_up", due_at=None
    )
    with CaptureQueriesContext(connection) as captured:
        post("shipment", body("shipment", NUMBER))
    assert any("UPDATE" in query["sql"] and "hostlink" in query["sql"] for query in captured)
    assert set(ReceiverCall.objects.exclude(order__increment_id=ORDER).values_list("pk", "due_at")) == before
    of_order = ReceiverCall.objects.filter(order__increment_id=ORDER, event__type="purchase.changed")
    assert of_order.order_by("pk").first().status == "given_up"


def test_known_number_costs_no_statement(post, orders):
    post("order", body("order"))
    post("order", later(body("order", NUMBER)))
    with CaptureQueriesContext(connection) as captured:
        post("shipment", body("shipment", NUMBER))
        post("order", later(body("order", NUMBER, status="closed"), days=2))
    assert not any("UPDATE" in query["sql"] and "hostlink" in query["sql"] for query in captured)
    assert not any("due_at" in query["sql"] and "SKIP LOCKED" in query["sql"] for query in captured)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_number_that_arrives_while_a_receiver_asks_is_not_missed(post, hear, monkeypatch):
    """The receiver has read the order without its number; its message waits neither for the call nor a minute."""
    asked = []

    def ask(event, **rest):
        asked.append(event.po_number)
        if not event.po_number:
            thread = threading.Thread(target=bring)
            thread.start()
            thread.join(20)
            assert Order.objects.get().po_number == NUMBER
        event.require_host_order()

    def bring():
        try:
            answers.append(post("rma", body("rma", NUMBER)).status_code)
        finally:
            connection.close()

    answers = []
    monkeypatch.setattr(ledger, "SHORTEST_WAIT_SECONDS", 0)
    hear(signals.shipment_created, ask)
    post("shipment", body("shipment"))
    call_command("stockhub_worker", "--once")
    assert answers == [200]
    assert asked == [None, NUMBER]
