"""Several documents in one body: each becomes a message of its own."""

import gzip
import json
import time
import uuid

import pytest

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Event, Message, Order, OrderItem, ReceiverCall, RefusedBody, Shipment
from stockhub_webhooks.operations import prune, worker
from stockhub_webhooks.operations.replay import run
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.processing import split as split_module
from stockhub_webhooks.receiving import records, refusals
from tests.conftest import KEY, PREFIX, TEST_KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _with_a_worker(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}, "RUNNER": "worker"}


def orders(count):
    return [sample("order", increment_id=f"{880000 + number:09}") for number in range(count)]


def body_of(*documents):
    return json.dumps(documents).encode()


def parts_of(parent):
    return list(parent.parts.order_by("position"))


@pytest.mark.parametrize("topic", topics.ALL)
def test_each_document_of_each_topic_is_applied_by_itself(post, topic):
    numbers = ("purchase_order_increment_id",) if topic == topics.PAYMENT_REQUEST else ("increment_id",)
    documents = [sample(topic, **dict.fromkeys(numbers, f"00000{number}")) for number in (7001, 7002)]
    body = body_of(*documents)
    assert post(topic, body).status_code == 202
    worker.drain()
    parent, *parts = Message.objects.order_by("pk")
    assert (parent.status, parent.outcome, bytes(parent.body)) == ("applied", "split", body)
    assert [(part.status, part.outcome, part.increment_id) for part in parts] == [
        ("applied", "created", "000007001"),
        ("applied", "created", "000007002"),
    ]
    assert [(part.parent, part.position, json.loads(bytes(part.body))) for part in parts] == [
        (parent, position, document) for position, document in enumerate(documents)
    ]
    for part in parts:
        for name in ("account", "key_fingerprint", "remote_address", "received_at", "url_topic", "source"):
            assert getattr(part, name) == getattr(parent, name)


def test_inline_the_answer_is_split_and_the_parts_are_applied_after_it(post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "inline", "INLINE_BUDGET_SECONDS": 60}
    response = post("order", body_of(*orders(3)))
    assert (response.status_code, response.json()["outcome"]) == (200, "split")
    response.close()
    assert set(Message.objects.exclude(parent=None).values_list("status", "outcome")) == {("applied", "created")}
    assert Order.objects.count() == 3


def test_documents_of_several_topics_may_share_one_body(post):
    post("any", body_of(contract("order"), contract("rma"), contract("shipment")))
    worker.drain()
    assert list(Message.objects.exclude(parent=None).values_list("topic", "status").order_by("position")) == [
        ("order", "applied"),
        ("rma", "applied"),
        ("shipment", "applied"),
    ]
    assert RMA.objects.count() == Shipment.objects.count() == 1


def test_json_lines_in_a_compressed_body_keep_their_bytes(client):
    lines = [json.dumps(order, separators=(",", ":")).encode().replace(b"}", b" }", 1) for order in orders(2)]
    body = gzip.compress(b"\n".join(lines))
    headers = {"x-api-key": KEY, "content-encoding": "gzip"}
    answer = client.post(PREFIX + "order", body, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    worker.drain()
    parent, *parts = Message.objects.order_by("pk")
    assert bytes(parent.body) == body
    assert [bytes(part.body) for part in parts] == lines
    assert {part.outcome for part in parts} == {"created"}
    assert {note["code"] for note in parent.notes} == {"compressed"}


def test_part_that_cannot_be_read_is_quarantined_by_itself(post):
    post("order", body_of(*orders(1), {"status": "complete", "items": []}))
    worker.drain()
    assert list(Message.objects.order_by("pk").values_list("status", "outcome")) == [
        ("applied", "split"),
        ("applied", "created"),
        ("quarantined", ""),
    ]


@pytest.mark.parametrize("other", [7, "text", [1], None, True])
def test_parent_is_quarantined_if_a_part_is_no_document(post, other):
    post("order", body_of(*orders(1), other))
    worker.drain()
    message = Message.objects.get()
    assert (message.status, message.outcome) == ("quarantined", "")
    assert not Order.objects.exists()


def test_parent_is_quarantined_if_no_part_can_be_read(post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "inline"}
    assert post("order", body_of({"a": 1}, {"b": 2})).status_code == 406
    assert Message.objects.get().status == "quarantined"


def test_more_than_a_thousand_documents_are_quarantined_as_they_are(post):
    document = {"increment_id": "1", "items": [{"qty_ordered": 1, "sku": "A"}]}
    post("order", body_of(*[document] * 1001))
    worker.drain()
    message = Message.objects.get()
    assert (message.status, message.error.partition(":")[0]) == ("quarantined", "too_many_documents")


def test_thousand_documents_are_split(post):
    post("order", body_of(*[{"increment_id": "1", "items": [{"qty_ordered": 1, "sku": "A"}]}] * 1000))
    pipeline.process(Message.objects.get())
    assert Message.objects.exclude(parent=None).count() == 1000


def test_same_body_again_has_no_effect(post, hear):
    heard = hear(signals.event_recorded)
    body = body_of(*orders(2))
    post("order", body)
    worker.drain()
    before, count = list(OrderItem.objects.order_by("pk").values()), len(heard)
    post("order", body)
    worker.drain()
    second = Message.objects.filter(outcome="split").latest("pk")
    assert {part.outcome for part in parts_of(second)} == {"unchanged"}
    assert list(OrderItem.objects.order_by("pk").values()) == before
    assert len(heard) == count


def test_sequence_in_the_body_decides_if_the_times_do_not(post):
    first, second = (sample("order", status=status, updated_at=None) for status in ("processing", "complete"))
    post("order", body_of(first, second))
    worker.drain()
    assert Order.objects.get().status == "complete"


def test_each_part_is_replayed_alone(post):
    post("order", body_of(*orders(2)))
    worker.drain()
    part = Message.objects.get(position=1)
    run.begin(MessageChoice(ids=(part.pk,)), who="test", reason="test")
    worker.drain()
    assert list(Message.objects.filter(is_replay=True)) == [part]


def test_replay_of_the_parent_inserts_only_deleted_parts(post, hear):
    heard = hear(signals.event_recorded)
    post("order", body_of(*orders(2)))
    worker.drain()
    parent = Message.objects.get(outcome="split")
    kept = Message.objects.get(position=0)
    Event.objects.filter(message__position=1).delete()
    Message.objects.get(position=1).delete()
    count = len(heard)
    for _ in range(2):
        run.begin(MessageChoice(ids=(parent.pk,)), who="test", reason="test")
        worker.drain()
    parent.refresh_from_db()
    assert (parent.status, parent.outcome) == ("applied", "split")
    first, second = parts_of(parent)
    assert (first.pk, first.is_replay) == (kept.pk, False)
    assert second.outcome == "unchanged"
    assert len(heard) == count


def test_nothing_is_kept_if_the_process_is_stopped_before_the_commit(post, monkeypatch):
    post("order", body_of(*orders(2)))

    def killed(*_arguments):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(split_module.transitions, "settle", killed)
        with pytest.raises(SystemExit):
            worker.drain()
    assert Message.objects.count() == 1
    Message.objects.update(due_at="2020-01-01T00:00:00Z")
    worker.drain()
    assert Message.objects.filter(outcome="created").count() == 2


def test_parts_outlive_their_parent(post):
    post("order", body_of(*orders(2)))
    worker.drain()
    Message.objects.get(outcome="split").delete()
    assert list(Message.objects.values_list("parent", flat=True)) == [None, None]


def test_parts_of_a_test_are_tests_and_are_pruned_with_it(post):
    post("order", body_of(*orders(2)), key=TEST_KEY)
    worker.drain()
    assert set(Message.objects.values_list("account", flat=True)) == {"test"}
    assert list(prune.remove("test"))
    assert not Message.objects.exists()


def test_part_dumped_and_ingested_elsewhere_stays_one_message(post):
    post("order", body_of(*orders(2)))
    worker.drain()
    parent, *parts = Message.objects.order_by("pk")
    lines = [records.to_line(message) for message in (parent, parts[0])]
    ReceiverCall.objects.all().delete()
    Event.objects.all().delete()
    Message.objects.all().delete()
    Order.objects.all().delete()
    for line in lines:
        message = records.to_message(json.loads(line))
        message.due_at = message.received_at
        message.save()
    worker.drain()
    assert sorted(Message.objects.values_list("uid", flat=True)) == sorted(m.uid for m in (parent, *parts))
    assert Order.objects.count() == 2


def test_refused_body_with_several_documents_is_kept(post):
    post("order", body_of(*orders(2)), key="wrong").close()
    kept = RefusedBody.objects.get()
    assert (kept.topic, kept.increment_id) == ("order", "000880000")
    refusals.release([kept.pk], by="clerk", account="default")
    worker.drain()
    assert Order.objects.count() == 2


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_parent_and_parts_are_linked_in_the_admin(post, admin_client):
    post("order", body_of(*orders(2)))
    worker.drain()
    parent, *parts = Message.objects.order_by("pk")
    address = "/admin/stockhub_webhooks/message/{}/change/"
    page = admin_client.get(address.format(parent.pk)).content.decode()
    assert all(address.format(part.pk) in page for part in parts)
    assert address.format(parent.pk) in admin_client.get(address.format(parts[0].pk)).content.decode()


def test_uid_of_a_part_depends_on_the_parent_and_the_position_alone(post):
    post("order", body_of(*orders(2)))
    worker.drain()
    parent, *parts = Message.objects.order_by("pk")
    assert [part.uid for part in parts] == [uuid.uuid5(parent.uid, str(position)) for position in range(2)]


def test_part_that_holds_several_documents_is_not_split_again(post):
    inner = [sample("order", increment_id=f"00000{number}") for number in (7001, 7002)]
    post("order", body_of(*orders(1), {"orders": inner}))
    worker.drain()
    _, first, second = Message.objects.order_by("pk")
    assert (first.outcome, second.status) == ("created", "quarantined")
    assert second.error.startswith("too_many_documents")


def test_part_that_was_ingested_by_itself_is_linked(post):
    post("order", body_of(*orders(2)))
    worker.drain()
    parent, first, second = Message.objects.order_by("pk")
    Message.objects.filter(pk=first.pk).update(parent=None, position=None)
    run.begin(MessageChoice(ids=(parent.pk,)), who="test", reason="test")
    worker.drain()
    assert parts_of(parent) == [first, second]


@pytest.mark.server
@pytest.mark.parametrize("moment", ["before", "after"])
def test_process_killed_while_it_splits_leaves_the_parent_to_another_one(shop, moment):
    shop.environment |= {"SHOP_RUNNER": "worker", "SHOP_LEASE_SECONDS": "0.3"}
    text = body_of(*orders(2)).decode()
    assert shop.query(f"Message.objects.create(url_topic='order', account='default', body={text!r}.encode()).pk") == 1
    assert shop.query("Message.objects.update(due_at='2020-01-01T00:00Z')") == 1
    shop.run("-m", "tests.processing.killed_split", moment, code=9)
    assert shop.query("list(Message.objects.values_list('status', 'outcome'))") == [("received", "")]
    time.sleep(0.4)
    shop.worker("--once")
    assert shop.query("sorted(Message.objects.values_list('outcome', 'position'), key=str)") == [
        ("created", 0),
        ("created", 1),
        ("split", None),
    ]


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_page_of_a_split_test_shows_its_state_and_its_parts(post, admin_client):
    post("order", body_of(*orders(2)), key=TEST_KEY)
    worker.drain()
    parent = Message.objects.get(outcome="split")
    page = admin_client.get(f"/admin/stockhub_webhooks/message/{parent.pk}/change/")
    form = page.context["adminform"]
    names = {name for fieldset in form for line in fieldset for name in line.fields}
    assert {"status", "outcome", "parts"} <= names
    assert not names & {"events", "receiver_calls", "part_of", "dismissed_because"}
