"""The topic of a body: its own, or set aside; one foreign field never decides."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.recognition import BILLING_FIELDS, ITEM_MARKERS, MARKERS, recognise
from tests.samples import contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
IDENTITY = {
    topics.ORDER: ("increment_id",),
    topics.PAYMENT_REQUEST: ("purchase_order_increment_id",),
}
SET_ASIDE = ""


def identity(topic):
    return IDENTITY.get(topic, ("increment_id", "order_increment_id"))


def marker_names(topic):
    return [*MARKERS[topic], *ITEM_MARKERS[topic]]


@st.composite
def bodies(draw, topic, needed_points=0):
    """A subset of the documented body of a topic, with identity, and one marker of another topic."""
    whole = contract(topic)
    optional = sorted(whole.keys() - set(identity(topic)))
    kept = {*identity(topic), *draw(st.lists(st.sampled_from(optional), unique=True))}
    body = {name: value for name, value in whole.items() if name in kept}
    if topic == topics.CREDIT_MEMO and needed_points == 0 and not any(name in body for name in MARKERS[topic]):
        marker = draw(st.sampled_from([name for name in MARKERS[topic] if name in whole]))
        body[marker] = whole[marker]
    if topic == topics.INVOICE and needed_points:
        names = draw(st.lists(st.sampled_from(BILLING_FIELDS), min_size=2, max_size=3, unique=True))
        body |= {name: whole[name] for name in names}
    elif needed_points and "items" not in body and draw(st.booleans()):
        body["items"] = whole["items"]
    foreign = draw(st.sampled_from([other for other in topics.ALL if other != topic and marker_names(other)]))
    name = draw(st.sampled_from([n for n in marker_names(foreign) if n not in marker_names(topic)]))
    if name in ITEM_MARKERS[foreign]:
        items = [dict(item) for item in whole["items"]]
        body["items"] = [*items, dict(items[0])] if len(items) < 2 else items
        body["items"][draw(st.integers(0, len(body["items"]) - 1))][name] = "1"
    else:
        body[name] = draw(st.sampled_from([None, 1, "x"]))
    return body


def own_points(body, topic):
    """The points of the contract's rule, computed independently."""
    items = body.get("items") or []
    points = sum(name in body for name in MARKERS[topic])
    return points + 2 * sum(bool(items) and all(name in item for item in items) for name in ITEM_MARKERS[topic])


@EACH_TOPIC
@settings(max_examples=4 * settings.default.max_examples)
@given(data=st.data())
def test_one_foreign_marker_at_the_own_url_never_makes_another_topic(topic, data):
    body = data.draw(bodies(topic))
    assert recognise(body, topic) in (topic, SET_ASIDE)


@EACH_TOPIC
@settings(max_examples=4 * settings.default.max_examples)
@given(data=st.data())
def test_a_body_with_two_points_at_any_other_url_is_its_own_topic_or_set_aside(topic, data):
    body = data.draw(bodies(topic, needed_points=2))
    has_shape = topic == topics.INVOICE or own_points(body, topic) >= 2
    url_topic = data.draw(st.sampled_from(["", *(other for other in topics.ALL if other != topic)]))
    is_credit_memo_url = topic == topics.INVOICE and url_topic == topics.CREDIT_MEMO
    if has_shape and not (is_credit_memo_url and own_points(body, topics.CREDIT_MEMO)):  # these can't be told apart
        assert recognise(body, url_topic) in (topic, SET_ASIDE)


@EACH_TOPIC
@pytest.mark.parametrize("url_topic", ["", *topics.ALL])
def test_each_documented_body_is_its_own_topic_at_every_url(topic, url_topic):
    assert recognise(contract(topic), url_topic) == topic


@EACH_TOPIC
def test_each_documented_body_keeps_its_topic_with_any_marker_of_another_in_one_item(topic):
    for other in topics.ALL:
        for name in ITEM_MARKERS[other]:
            body = contract(topic)
            body["items"] = [dict(body["items"][0], **{name: 1}), dict(body["items"][0])]
            if other != topic:
                assert recognise(body, topic) == topic


@EACH_TOPIC
def test_a_short_body_at_its_own_url_is_never_overruled(topic):
    body = dict.fromkeys(identity(topic), "000000001") | {"status": "closed", "grand_total": 5}
    assert recognise(body, topic) == topic


def test_an_order_with_the_number_of_another_order_is_set_aside():
    assert recognise({"increment_id": "1", "order_increment_id": "2", "status": "closed"}, "order") == SET_ASIDE


def test_a_payment_request_with_a_number_of_its_own_is_set_aside():
    body = {"increment_id": "1", "pay_by_link": None, "tax_amount": 1, "discount_amount": 0}
    assert recognise(body, topics.PAYMENT_REQUEST) == SET_ASIDE


def test_an_invoice_with_a_payment_stays_an_invoice():
    body = sample("invoice", payment={"method": "ideal", "po_number": "1"})
    assert recognise(body, "invoice") == "invoice"


def test_an_order_without_items_and_with_a_payment_stays_an_order():
    assert recognise(sample("order", items=[], payment={"method": "ideal"}), "order") == "order"


def test_a_shipment_without_its_markers_and_with_one_foreign_item_field_stays_a_shipment():
    body = sample("shipment")
    for name in MARKERS["shipment"]:
        body.pop(name, None)
    body["items"] = [dict(body["items"][0], qty_ordered=1), dict(body["items"][0])]
    assert recognise(body, "shipment") == "shipment"


def test_a_credit_memo_is_recognised_by_its_items_alone_at_the_invoice_url():
    body = sample("creditmemo")
    for name in MARKERS["creditmemo"]:
        body.pop(name, None)
    body["items"] = [{k: v for k, v in item.items() if k != "reversal"} for item in body["items"]]
    assert recognise(body, "invoice") == "creditmemo"


@pytest.mark.parametrize("number", ["", "  ", None])
def test_a_blank_number_is_no_identity(number):
    assert recognise({"increment_id": number, "status": "closed"}, "order") == SET_ASIDE


@pytest.mark.parametrize(
    "body", [{}, {"increment_id": "1"}, {"items": "x"}, {"items": [1, None, {}]}, {"items": ["qty_ordered"]}]
)
def test_a_body_without_shape_has_no_topic_at_the_shared_url(body):
    assert recognise(body, "") == SET_ASIDE
