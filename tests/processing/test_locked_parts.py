"""A document, a line, an address or a track that another transaction holds: only messages of that order wait."""

import pytest
from django.db import connection
from django.test import override_settings

from stockhub_webhooks import models
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import ORDER_LOCKED
from stockhub_webhooks.models import Message, ReceiverCall, Shipment
from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing import due_deliveries
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC
from stockhub_webhooks.signals import order_created
from tests.processing.test_locked_orders import BY_WORKER, in_other_transaction, make_due, order
from tests.samples import contract, sample

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.mariadb]
DOCUMENTS = [(topic, BY_TOPIC[topic].model) for topic in topics.ALL if topic != topics.ORDER]
LINES = [(topic, BY_TOPIC[topic].item_model) for topic in topics.ALL]
OTHERS = [(topics.ORDER, models.Address), (topics.SHIPMENT, models.Track), (topics.RMA, models.Track)]
EACH_ROW = pytest.mark.parametrize(("topic", "model"), [*DOCUMENTS, *LINES, *OTHERS])


def changed(topic):
    """Return the contract's body of the topic, later and with another value in each line, address and track."""
    body = contract(topic) | {"updated_at": "2030-01-01 10:00:00", "status": "changed"}
    for parts in body.values():
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict):
                values = {"row_total": "77.00", "qty": 7, "qty_ordered": 7, "qty_approved": 7, "qty_requested": 7}
                values |= {"city": "Elsewhere", "carrier": "Other", "carrier_code": "other", "title": "Other"}
                part.update((key, value) for key, value in values.items() if key in part)
    return body


def lock_all(model):
    return in_other_transaction(lambda: list(model.objects.select_for_update()))


@EACH_ROW
def test_message_waits_without_an_attempt_and_the_others_go_on(post, hear, topic, model):
    heard = hear(order_created)
    with override_settings(STOCKHUB_WEBHOOKS=BY_WORKER):
        for each in topics.ALL:
            post(each)
        worker.drain()
        heard.clear()
        for number in range(1, 6):
            post("order", order(f"{number:09d}"))
        waiting = post(topic, changed(topic)).json()["message"]
        with lock_all(model):
            worker.drain()
            left = Message.objects.exclude(status="applied").values_list("pk", "attempts", "cause")
            assert list(left) == [(waiting, 0, ORDER_LOCKED)]
            assert len(heard) == 5
        make_due()
        worker.drain()
    assert Message.objects.get(pk=waiting).outcome == "updated"
    assert not ReceiverCall.objects.exclude(status="done").exists()


@EACH_ROW
def test_sender_gets_its_answer(post, topic, model):
    for each in topics.ALL:
        post(each)
    with lock_all(model):
        assert post(topic, changed(topic)).status_code == 202
        assert post("order", order("000000555")).status_code == 200


def test_row_with_a_foreign_key_to_a_document_delays_no_message_on_postgresql(post):
    for topic in ("order", "shipment"):
        post(topic)
    shipment = Shipment.objects.get()

    def insert_child():
        models.Track.objects.create(shipment=shipment, tracking_number="of the shop")

    with in_other_transaction(insert_child):
        answer = post("shipment", changed("shipment"))
        assert answer.status_code == (200 if connection.vendor == "postgresql" else 202)


def test_delivery_of_a_locked_shipment_does_not_hold_up_others(post):
    for number in ("000000777", "000000778"):
        post("order", order(number))
        ahead = {"delivered_at": "2999-01-01 00:00:00", "status": "IN_TRANSIT"}
        post("shipment", sample("shipment", increment_id=number, order_increment_id=number, **ahead))
    Shipment.objects.update(delivered_at="2024-06-01T10:00Z", due_at="2024-06-01T10:00Z")
    first = Shipment.objects.earliest("pk")
    with in_other_transaction(lambda: Shipment.objects.select_for_update().get(pk=first.pk)):
        assert due_deliveries.record_due() == 1
    assert due_deliveries.record_due() == 1
