"""What is past its term is removed in batches; what is not settled stays; addresses go with their documents."""

import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import DateTimeField, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.models import (
    Address,
    AskedNumber,
    Attempt,
    Event,
    Message,
    Order,
    ReceiverCall,
    Refusal,
    RefusedBody,
    Replay,
    Shipment,
    WorklistRow,
)
from stockhub_webhooks.models.lock import Lock
from stockhub_webhooks.models.personal import ADDRESSES, ATTEMPTS, BODIES, KEPT, RETENTION
from stockhub_webhooks.operations import search_index
from stockhub_webhooks.operations.checks.retention import unknown_terms, unset_terms
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.privacy import held, old_purchases, retention, sweep
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.testing import factories
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db

NUMBER = contract("order")["increment_id"]
LONG_AGO = timezone.now() - timedelta(days=5000)


@pytest.fixture
def terms(settings):
    """Take the default terms, and let documents go after ten years."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RETENTION_DAYS": {"documents": 3650}}


@pytest.fixture
def old_shop(post, hear):
    """Receive one purchase with all its documents, a failure and a refusal; all of it long ago."""
    heard = hear(signals.order_created)
    for topic in ALPHABETICAL:
        body = sample(topic, **({} if topic == "order" else {"order_increment_id": NUMBER}))
        assert post(topic, body).status_code == 200
        post(topic, body, key="mistyped")
    assert heard
    call = ReceiverCall.objects.get()
    Attempt.objects.create(call=call, number=1, failed_at=LONG_AGO, error="x")
    Replay.objects.create(requested_by="x", reason="x", created_at=LONG_AGO, status="done")
    make_old()


def make_old():
    for model, column in (
        (Message, "received_at"),
        (Event, "occurred_at"),
        (Refusal, "hour"),
        (RefusedBody, "refused_at"),
    ):
        model.objects.update(**{column: LONG_AGO})
    for each in old_purchases.BY_TOPIC.values():
        each.model.objects.update(received_at=LONG_AGO)
    RefusedBody.objects.update(announced_at=LONG_AGO)


def prune():
    return [batch for batch in retention.prune(pauses=False) if batch.rows]


def test_all_kinds_are_removed_and_nothing_is_left_past_its_term(terms, old_shop):
    assert all(retention.past_term().values())
    assert {batch.kind for batch in prune()} == {"bodies", "refused", "attempts", "events", "addresses", "documents"}
    for model in (RefusedBody, Refusal, Attempt, Replay, Event, ReceiverCall, Address, Order, Shipment, Message):
        assert not model.objects.exists(), model
    assert not any(retention.past_term().values())


def age(*models):
    """Make all rows old, whatever their columns with times are."""
    for model in models:
        columns = [column.name for column in model._meta.concrete_fields if isinstance(column, DateTimeField)]
        for column in columns:
            model._default_manager.exclude(**{column: None}).update(**{column: LONG_AGO})


PRUNED = [name for name, rule in RETENTION.items() if rule.kind != KEPT]
FINISHED = {
    "BookedPurchase": {"purchase": "po_number:SHOP-1"},
    "Booking": {"booked_purchase__purchase": "po_number:SHOP-2"},
    "HostLink": {"status": "found"},
    "MentionedNumber": {"message": None, "refused_body_id": 404},
    "ReceiverCall": {"status": "done", "due_at": None},
    "RefusedBody": {"announced_at": LONG_AGO},
    "WorklistRow": {"status": "ended", "ended_at": LONG_AGO},
}


@pytest.mark.parametrize("name", PRUNED)
def test_the_rows_of_each_table_go_at_their_term(terms, name):
    for number in ("SHOP-1", "SHOP-2"):
        order = factories.OrderFactory(po_number=number)
    row = (
        getattr(factories, f"{name}Factory")(**FINISHED.get(name, {})) if name != "Address" else order.shipping_address
    )
    model = type(row)
    ReceiverCall.objects.update(status="done", due_at=None)
    age(*apps.get_app_config("stockhub_webhooks").get_models())
    prune()
    search_index.throttle.reset()
    search_index.index_due()
    left = model._default_manager.filter(pk=row.pk)
    assert not left.exists() or (name == "Message" and bytes(left.get().body) == b"" and left.get().body_removed_at)
    assert not any(retention.past_term().values())


def test_a_number_on_a_worklist_stays_and_a_settled_one_goes(terms):
    values = {"account": "default", "kind": "number", "rule": "never_mentioned", "order": None, "subject_id": None}
    for number, status in (("A-1", "open"), ("A-2", "dismissed"), ("A-3", "ended")):
        factories.AskedNumberFactory(po_number=number)
        at = {"dismissed": "dismissed_at", "ended": "ended_at"}.get(status)
        factories.WorklistRowFactory(
            number=number, po_number=number, status=status, **values, **({at: LONG_AGO} if at else {})
        )
    age(AskedNumber, WorklistRow)
    prune()
    assert list(AskedNumber.objects.values_list("po_number", flat=True)) == ["A-1"]
    assert list(WorklistRow.objects.values_list("number", flat=True)) == ["A-1"]


def test_a_number_that_is_asked_for_each_night_stays(terms):
    factories.AskedNumberFactory(first_asked_at=LONG_AGO, asked_at=timezone.now())
    prune()
    assert AskedNumber.objects.exists()


@pytest.mark.parametrize("model", ["BulkRequest", "ExportRequest", "Pull", "Replay"])
def test_a_request_that_is_not_done_stays(terms, model):
    row = getattr(factories, f"{model}Factory")(status="open", due_at=LONG_AGO, created_at=LONG_AGO)
    prune()
    assert type(row)._default_manager.exists()


def test_without_terms_only_refused_messages_and_attempts_are_removed(old_shop):
    assert {batch.kind for batch in prune()} == {"refused", "attempts"}
    assert Message.objects.exclude(body=b"").count() == Message.objects.count() == len(ALPHABETICAL)
    assert Address.objects.exists()


def test_bodies_go_and_the_rows_of_messages_stay(settings, old_shop):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "RETENTION_DAYS": {"documents": None, "events": None, "addresses": None}
    }
    prune()
    assert Message.objects.filter(body=b"", body_removed_at__isnull=False).count() == len(ALPHABETICAL)
    assert all(message.headers == {} for message in Message.objects.all())
    assert Order.objects.exists()
    assert Event.objects.exists()


@pytest.mark.parametrize("status", ["received", "quarantined", "failed"])
def test_message_that_is_not_settled_keeps_its_body_and_its_purchase(terms, old_shop, status):
    Message.objects.filter(topic="shipment").update(status=status)
    prune()
    assert Message.objects.exclude(body=b"").get().topic == "shipment"
    assert Order.objects.get().shipping_address
    assert not any(retention.past_term().values())


@pytest.mark.parametrize(
    ("status", "cause", "stays"),
    [
        ("pending", "", True),
        ("running", "", True),
        ("given_up", "X", True),
        ("given_up", "by_hand", False),
        ("done", "", False),
    ],
)
def test_call_that_is_not_settled_keeps_its_event_and_message(terms, old_shop, status, cause, stays):
    ReceiverCall.objects.update(status=status, cause=cause)
    prune()
    assert ReceiverCall.objects.exists() is stays
    assert Event.objects.exists() is stays
    assert Attempt.objects.exists() is stays
    assert Message.objects.exclude(body=b"").exists() is stays
    assert Address.objects.exists() is stays


def test_term_of_addresses_counts_from_the_last_message_about_the_purchase(terms, old_shop, post):
    order = Order.objects.get()
    other = factories.OrderFactory(account=order.account, po_number=order.po_number, received_at=timezone.now())
    prune()
    assert Order.objects.get(pk=order.pk).shipping_address, "another order of the purchase is young"
    Order.objects.filter(pk=other.pk).update(received_at=LONG_AGO)
    post("shipment", sample("shipment", order_increment_id=NUMBER, updated_at="2001-01-01T00:00:00+00:00"))
    assert Message.objects.latest("pk").outcome == "stale"
    prune()
    assert Order.objects.get(pk=order.pk).shipping_address, "even an outdated message counts"
    Message.objects.update(received_at=LONG_AGO)
    prune()
    assert not Address.objects.exists()


@pytest.mark.parametrize("young", ["request", "return of the order"])
def test_a_purchase_has_one_term_for_its_orders_and_for_requests_without_an_order(terms, young):
    order = factories.OrderFactory(po_number="WEB-1", received_at=LONG_AGO)
    rma = factories.RMAFactory(order=order, received_at=LONG_AGO)
    none = {"order": None, "order_increment_id": None}
    request = factories.PaymentRequestFactory(
        account=order.account, increment_id="PR-1", po_number="WEB-1", received_at=LONG_AGO, **none
    )
    row = request if young == "request" else rma
    type(row).objects.update(received_at=timezone.now())
    prune()
    assert Order.objects.get().shipping_address
    assert type(request).objects.get().shipping_address
    type(row).objects.update(received_at=LONG_AGO)
    prune()
    assert not Address.objects.exists()


def test_what_is_held_stays(terms, old_shop, monkeypatch):
    monkeypatch.setitem(held.HELD, "Order", lambda: Q(pk__gt=0))
    prune()
    assert Order.objects.get().shipping_address


def test_address_that_comes_back_after_its_term_is_stored_again(settings, old_shop, post):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RETENTION_DAYS": {}}
    prune()
    assert Order.objects.get().shipping_address is None
    assert post("order").json()["outcome"] == "updated"
    assert Order.objects.get().shipping_address.last_name


def test_dry_run_shows_what_the_terms_would_remove_and_removes_nothing(old_shop):
    out = StringIO()
    call_command("stockhub_prune", dry_run=True, stdout=out)
    assert f"{BODIES}: {len(ALPHABETICAL)} " in out.getvalue()
    assert f"{ADDRESSES}: {Address.objects.count()} " in out.getvalue()
    assert Message.objects.exclude(body=b"").count() == len(ALPHABETICAL)


def test_run_removes_what_the_dry_run_said(terms, old_shop):
    said, removed = io_of(dry_run=True), io_of()
    assert said.replace(" past the term", "").splitlines() == removed.splitlines()[:-1]


def io_of(**options):
    out = StringIO()
    call_command("stockhub_prune", stdout=out, **options)
    return out.getvalue()


def test_command_removes(terms, old_shop):
    out = StringIO()
    call_command("stockhub_prune", stdout=out)
    assert f"{BODIES}: {len(ALPHABETICAL)}" in out.getvalue()
    assert not Order.objects.exists()


def test_worker_removes_once_an_hour_in_batches(terms, old_shop, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    Worker().once()
    assert not any(retention.past_term().values())
    Message.objects.all().delete()
    factories.MessageFactory(received_at=LONG_AGO)
    Worker().once()
    assert any(retention.past_term().values()), "the next time is in an hour"
    Lock.objects.filter(name=sweep.LOCK).update(acquired_at=LONG_AGO)
    Worker().once()
    assert not any(retention.past_term().values())


def test_worker_that_must_end_lets_another_one_continue(terms, old_shop, monkeypatch):
    stop = threading.Event()
    worker = Worker(stop=stop)
    assert worker.sweep.step(stop)
    stop.set()
    worker.once()
    assert any(retention.past_term().values())
    Worker().once()
    assert not any(retention.past_term().values())


def test_report_names_what_is_past_its_term_and_still_here(terms, old_shop):
    report = collect_report(with_writes=False)
    assert report.past_term[BODIES] == len(ALPHABETICAL)
    assert report.past_term[ADDRESSES]
    assert "past_term" in {problem.code for problem in find_problems(report)}
    quick = collect_report(with_keys=False, with_writes=False).past_term
    assert ADDRESSES not in quick
    assert 0 < quick[ATTEMPTS] < report.past_term[ATTEMPTS], "without the requests, whose tables have no index of it"
    prune()
    assert "past_term" not in {problem.code for problem in find_problems(collect_report(with_writes=False))}


def test_report_counts_no_further_than_needed_if_millions_are_past_their_term(terms, old_shop, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.operations.health.collect.MAX_PAST_TERM", 2)
    monkeypatch.setattr("stockhub_webhooks.operations.health.rules.messages.MAX_PAST_TERM", 2)
    with CaptureQueriesContext(connection) as queries:
        report = collect_report(with_keys=False, with_writes=False)
    assert report.past_term[BODIES] == 2
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "body_removed_at" in query["sql"]]
    assert counts
    assert all("LIMIT 2" in sql for sql in counts)
    capped = past_term_text(report)
    monkeypatch.undo()
    assert capped != past_term_text(report), "the number is the least, and the sentence says so"


def past_term_text(report):
    (problem,) = (problem for problem in find_problems(report) if problem.code == "past_term")
    return problem.text


def test_check_says_what_would_go_until_the_terms_are_set(old_shop, settings):
    (warning,) = unset_terms()
    assert (warning.id, f"{len(ALPHABETICAL)} bodies" in warning.msg) == ("stockhub_webhooks.W045", True)
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RETENTION_DAYS": {}}
    assert not list(unset_terms())


def test_check_names_kinds_and_terms_that_do_not_exist(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "RETENTION_DAYS": {"bodies": 1, "adresses": 3, "events": "year", "documents": None}
    }
    found = list(unknown_terms())
    assert len(found) == 2
    assert {"adresses", "events"} == {message.msg.split("'")[3] for message in found}


@pytest.mark.parametrize("in_bulk", [False, True])
@pytest.mark.parametrize("model", [each.model for each in old_purchases.BY_TOPIC.values()])
def test_document_that_is_deleted_takes_its_addresses_with_it(model, in_bulk):
    factory = getattr(factories, f"{model.__name__}Factory")
    kept, gone = factory(), factory()
    columns = old_purchases.address_columns(model)
    own = {getattr(gone, f"{name}_id") for name in columns} - {None}
    others = set(Address.objects.values_list("pk", flat=True)) - own
    model.objects.filter(pk=gone.pk).only("pk").delete() if in_bulk else gone.delete()
    left = set(Address.objects.values_list("pk", flat=True))
    assert not left & own
    assert {getattr(kept, f"{name}_id") for name in columns} - {None} <= left
    assert model is Order or left == others


def test_order_that_is_deleted_takes_the_addresses_of_its_documents_with_it():
    shipment = factories.ShipmentFactory()
    assert shipment.shipping_address
    shipment.order.delete()
    assert not Address.objects.exists()
