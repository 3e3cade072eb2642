"""Odd messages, posted: a table for each kind. What is right is in the last column.

Their reading alone, and more of it, is tested in tests/serializers; lines in tests/processing/test_line_matching.py.
"""

import copy
import json
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection

import pytest
from django.db.models import Max
from django.utils import timezone

from stockhub_webhooks import models
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Event, Message, Order, Shipment, Track
from tests.conftest import KEY, PREFIX
from tests.samples import contract, sample
from tests.serializers.test_body import WRAPPINGS

pytestmark = pytest.mark.django_db(databases="__all__")
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
MODELS = {
    topics.ORDER: (models.Order, models.OrderItem),
    topics.SHIPMENT: (models.Shipment, models.ShipmentItem),
    topics.INVOICE: (models.Invoice, models.InvoiceItem),
    topics.RMA: (models.RMA, models.RMAItem),
    topics.CREDIT_MEMO: (models.CreditMemo, models.CreditMemoItem),
    topics.PAYMENT_REQUEST: (models.PaymentRequest, models.PaymentRequestItem),
}
NUMBER, ORDER_NUMBER, OTHER_ORDER = "000000555", "000000998", "000000999"
IDENTITY = ("increment_id", "order_increment_id", "purchase_order_increment_id")


def numbered(topic, order_number=ORDER_NUMBER, **changes):
    """Return the body of a topic with NUMBER as its own number."""
    own = "purchase_order_increment_id" if topic == topics.PAYMENT_REQUEST else "increment_id"
    parent = {"order_increment_id": order_number} if "order_increment_id" in contract(topic) else {}
    return contract(topic) | {own: NUMBER} | parent | changes


def rows(until=None):
    """Return all rows of documents and lines by model; with `until`, those that were there then."""
    until = until or {}
    return {
        model: list(model.objects.filter(pk__lte=until.get(model, 10**9)).order_by("pk").values())
        for model in (*(model for pair in MODELS.values() for model in pair), models.Address, models.Track)
    }


def foreign(topic, place):
    """Return the fields that other topics have, at the top or in the items."""
    own = place(contract(topic))
    found = {name: value for other in topics.ALL for name, value in place(contract(other)).items() if name not in own}
    return {name: value for name, value in found.items() if name not in IDENTITY}


# ---------------------------------------------------------------- A: the kind of a document


@EACH_TOPIC
def test_one_foreign_field_changes_no_document_of_another_topic(post, topic):
    for other in topics.ALL:
        if other != topic:
            assert post(other, numbered(other, OTHER_ORDER)).status_code == 200
    highest = {model: model.objects.aggregate(pk=Max("pk"))["pk"] or 0 for model in rows()}
    before = rows(highest)
    item = contract(topic)["items"][0]
    items = [item | {"sku": "a"}, item | {"sku": "b"}]
    odd = [{"items": items, name: value} for name, value in foreign(topic, dict).items()]
    odd += [
        {"items": [items[0] | {name: value}, items[1]]}
        for name, value in foreign(topic, lambda body: body["items"][0]).items()
    ]
    assert len(odd) > 15
    for changes in odd:
        answer = post(topic, numbered(topic, **changes))
        assert (answer.status_code, Message.objects.latest("pk").topic) == (200, topic), changes
    assert rows(highest) == before


# ---------------------------------------------------------------- B: a key that cannot be read

UNREADABLE = [None, "absent", {}, [], {"x": 1}, ["L"], True, False, "x" * 256, "x" * 5000, "", [[]]]


KEYS = [(topic, name) for topic in topics.ALL for name in ("sku", "size", "id") if name in contract(topic)["items"][0]]


@pytest.mark.parametrize(("topic", "name"), KEYS)
def test_a_key_that_cannot_be_read_keeps_its_row(post, topic, name):
    item = contract(topic)["items"][0]
    items = [
        item | {"sku": f"sku-{index}", "size": f"size-{index}"} | ({"id": 60 + index} if "id" in item else {})
        for index in range(3)
    ]
    post(topic, numbered(topic, items=items))
    lines = MODELS[topic][1].objects.order_by("pk")
    before = list(lines.values_list("pk", "sku", "size"))
    for day, odd in enumerate(UNREADABLE, start=1):
        changed = copy.deepcopy(items)
        changed[1][name] = odd
        if odd == "absent":
            del changed[1][name]
        assert post(topic, numbered(topic, items=changed, updated_at=f"2025-01-{day:02} 00:00:00")).status_code == 200
        assert list(lines.values_list("pk", "sku", "size")) == before, odd


# ---------------------------------------------------------------- C, D: times that cannot be true

NO_DATES = [
    *("1970-01-01 00:00:00", "1970-01-01T01:00:00+01:00", "1969-12-31 23:59:59", "0001-01-01 00:00:00"),
    *("0000-00-00 00:00:00", "1899-12-30T00:00:00Z", "1999-12-31T23:00:00Z", "1980-01-01", 0, "0", -1, -62135596800),
    *(86400, {"date": "1970-01-01 00:00:00.000000", "timezone_type": 3, "timezone": "UTC"}),
    *("Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01 00:00:00 UTC"),
]


@pytest.mark.parametrize("value", NO_DATES, ids=str)
def test_no_date_is_no_delivery(post, value):
    post("shipment", sample("shipment", status="IN_TRANSIT", delivered_at=value))
    assert Shipment.objects.get().delivered_at is None
    assert not Event.objects.filter(type="shipment.delivered").exists()


@pytest.mark.parametrize("topic", [topics.ORDER, topics.SHIPMENT, topics.INVOICE, topics.CREDIT_MEMO])
@pytest.mark.parametrize(
    "value", ["2062-01-01 00:00:00", timedelta(hours=2), timedelta(minutes=11), *NO_DATES[:5], "never", {}], ids=str
)
def test_a_change_that_is_dated_wrongly_is_compared_by_its_receipt(post, topic, value):
    value = (timezone.now() + value).isoformat() if isinstance(value, timedelta) else value
    post(topic, sample(topic, updated_at=value))
    for updated_at, currency in (("2025-01-01 00:00:00", "GBP"), (value, "USD")):
        answer = post(topic, sample(topic, updated_at=updated_at, currency=currency))
        assert answer.json()["outcome"] == "updated"


# ---------------------------------------------------------------- E: values that anybody can read

TRACK = {"tracking_number": "3SA1", "carrier": "ups"}
TRACKS = [
    ([TRACK], ["3SA1"]),
    ({"5": TRACK, "9": {"tracking_number": "3SB"}}, ["3SA1", "3SB"]),
    ({"track": TRACK}, ["3SA1"]),
    ({"tracks": [TRACK]}, ["3SA1"]),
    ("3SA1", ["3SA1"]),
    (12345, ["12345"]),
    (["3SA1", "3SB"], ["3SA1", "3SB"]),
    ({"trackNumber": "3SA1", "carrierCode": "x"}, ["3SA1"]),
    ({"Tracking Number ": {"value": "3SA1"}}, ["3SA1"]),
    ({"tracking_number": {"value": "3SA1"}}, ["3SA1"]),
]


@pytest.mark.parametrize(("value", "right"), TRACKS, ids=str)
def test_a_track_in_another_shape(post, value, right):
    post("shipment", sample("shipment") | {"track": value})
    assert sorted(Track.objects.values_list("tracking_number", flat=True)) == right


@EACH_TOPIC
@pytest.mark.parametrize("shape", ["one", "keyed", "with gaps", "named", "in one more object", "in one more list"])
def test_items_in_another_shape(post, topic, shape):
    item = contract(topic)["items"][0]
    other = item | {"sku": "other"} | ({"id": 77} if "id" in item else {})
    shapes = {
        "one": item,
        "keyed": {"0": item, "1": other},
        "with gaps": {"1": item, "3": other},
        "named": {"item_1": item, "item_2": other},
        "in one more object": {"item": [item, other]},
        "in one more list": [[item], [other]],
    }
    post(topic, contract(topic) | {"items": shapes[shape]})
    assert MODELS[topic][1].objects.count() == (1 if shape == "one" else 2)


AMOUNTS = [
    *[("24,95", "24.95"), ("1.024,95", "1024.95"), ("1,024.95", "1024.95"), (" 24.95 ", "24.95"), ("0,5", "0.5")],
    *[("€ 24,95", "24.95"), ("24.95 EUR", "24.95"), ("EUR 24.95", "24.95"), ("$1,024.95", "1024.95"), ("€-5", "-5")],
    *[("1 024,95", "1024.95"), ("1\u00a0024,95", "1024.95"), ("1'024.95", "1024.95"), ("2e1", "20")],
    *[({"amount": "24.95", "currency": "EUR"}, "24.95"), ({"value": 24.95}, "24.95")],
    *[("1,234", None), ("1.234.567", None), ("24.95.", None), ("", None), ("EUR", None), ("NaN", None), ([], None)],
]


@pytest.mark.parametrize(("value", "right"), AMOUNTS, ids=str)
def test_an_amount_in_another_notation(post, value, right):
    post("order", sample("order", grand_total=value))
    assert Order.objects.get().grand_total == (Decimal(right) if right else None)


STREETS = [
    (["Kalverstraat", "1"], "Kalverstraat 1"),
    (["Kalverstraat", 12], "Kalverstraat 12"),
    ({"0": "Kalverstraat", "1": "1"}, "Kalverstraat 1"),
    (["Kalverstraat", None, " "], "Kalverstraat"),
    ({"value": "Kalverstraat"}, "Kalverstraat"),
]


@pytest.mark.parametrize(("value", "right"), STREETS, ids=str)
def test_a_street_in_another_shape(post, value, right):
    post("order", sample("order", shipping_address=contract("order")["shipping_address"] | {"street": value}))
    assert Order.objects.get().shipping_address.street == right


# ---------------------------------------------------------------- F: wrappings


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapped_message_is_applied_and_kept_as_it_came(client, name):
    wrap, headers = WRAPPINGS[name]
    for topic in topics.ALL:
        body = wrap(json.dumps(numbered(topic), ensure_ascii=False))
        content_type = headers.get("content-type", "application/json")
        sent = {"x-api-key": KEY, "content-encoding": headers.get("content-encoding", "")}
        answer = client.generic("POST", f"{PREFIX}{topic}", body, content_type, headers=sent)
        message = Message.objects.latest("pk")
        assert (answer.status_code, message.topic, bytes(message.body)) == (200, topic, body), message.error


@pytest.mark.server
def test_a_wrapped_message_reaches_a_server_as_it_was_sent(shop):
    with shop.serve() as address:
        for name, (wrap, headers) in WRAPPINGS.items():
            for topic in topics.ALL:
                body = wrap(json.dumps(numbered(topic), ensure_ascii=False))
                connection = HTTPConnection(address, timeout=30)
                sent = {"content-type": "application/json", **headers, "x-api-key": KEY}
                connection.request("POST", f"{PREFIX}{topic}", body, sent)
                answer = connection.getresponse()
                pk = json.loads(answer.read()).get("message")
                connection.close()
                assert answer.status == 200, (name, topic)
                query = f"[(bytes(m.body), m.topic) for m in Message.objects.filter(pk={pk})]"
                assert shop.query(query) == [(body, topic)], name


# ---------------------------------------------------------------- G: addresses

ADDRESSES = {
    topics.ORDER: "/order Order ORDER orders order/ order.json order%20 %20order Orders.JSON/ webhook/order order//",
    topics.CREDIT_MEMO: "credit-memo credit_memo creditMemo CreditMemos credit%20memo credit-memos/ Credit_Memo.json",
    topics.PAYMENT_REQUEST: "orderPaymentRequest order_payment_requests order%20payment%20request OrderPaymentRequest/",
    topics.RMA: "RMA rmas rma/ Rma.json",
    topics.SHIPMENT: "Shipments shipment.xml SHIPMENT/",
    topics.INVOICE: "invoices Invoice/ invoice.json",
}


@EACH_TOPIC
def test_an_address_that_is_nearly_one_of_ours(client, post, topic):
    for path in ADDRESSES[topic].split():
        answer = post(path, numbered(topic))
        assert (answer.status_code, Message.objects.latest("pk").topic) == (200, topic), path
        assert post(path, numbered(topic), key=None).status_code == 401
        assert client.get(f"{PREFIX}{path}").status_code in (404, 405)


# ---------------------------------------------------------------- H: short messages


@EACH_TOPIC
@pytest.mark.parametrize("kept", ["", "status", "items", "currency"])
def test_a_short_message_takes_nothing_away(post, topic, kept):
    post(topic, numbered(topic))
    before = rows()
    short = {name: value for name, value in numbered(topic).items() if name in (*IDENTITY, kept)}
    short |= {"items": []} if kept == "items" else {}
    assert post(topic, short | {"updated_at": "2025-02-02 00:00:00"}).json()["outcome"] == "unchanged"
    after = rows()
    for model in (MODELS[topic][1], models.Address, models.Track):
        assert after[model] == before[model]
    old, new = before[MODELS[topic][0]][0], after[MODELS[topic][0]][0]
    assert {name for name in new if new[name] != old[name]} <= {"reading_digest", "extra", "updated_at", "received_at"}


# ---------------------------------------------------------------- J: small

CODES = [" DELIVERED ", "delivered", "Delivered\n", "\u00a0Delivered\u200b"]


@pytest.mark.parametrize(("value", "right"), [*((code, "DELIVERED") for code in CODES), ("in transit", "IN_TRANSIT")])
def test_a_code_in_another_spelling(post, value, right):
    post("shipment", sample("shipment", status=value))
    assert Shipment.objects.get().status == right


PO_NUMBERS = ["  WEB-1", "WEB-1\n", "\u00a0WEB-1\u00a0", "\u200bWEB-1\ufeff", "\tWEB-1\r\n", {"value": "WEB-1"}]


@pytest.mark.parametrize("value", PO_NUMBERS, ids=str)
def test_our_order_number_is_trimmed(post, value):
    post("order", sample("order", po_number=value))
    assert Order.objects.get().po_number == "WEB-1"
