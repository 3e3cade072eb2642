"""Whether the shop has the orders: who is asked, when, and what is kept of it."""

import json
import logging
import uuid
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.exceptions import WorkerStopped
from stockhub_webhooks.models import HostLink, Lock, Message, Order, PaymentRequest
from stockhub_webhooks.models.lock import acquire, owners, release
from stockhub_webhooks.operations import prune, worker
from stockhub_webhooks.runners import inline
from stockhub_webhooks.testing.factories import HostLinkFactory, MessageFactory, OrderFactory
from tests.claims import lose_answer
from tests.conftest import KEY, PREFIX, TEST_KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
SECRET = "jan@example.com"

ASKED = []  # our order numbers, in the order in which they were asked for
SHOP = {}  # number to the shop's order, or to a function that finds it


def find(po_number, order):
    """The shop's resolver."""
    ASKED.append(po_number)
    found = SHOP.get(po_number)
    return found(order) if callable(found) else found


@pytest.fixture(autouse=True)
def shop(settings):
    """A shop that has no orders at first, with a worker."""
    ASKED.clear()
    SHOP.clear()
    name = f"{find.__module__}.find"
    settings.STOCKHUB_WEBHOOKS = {
        "API_KEYS": {"default": KEY, "test": TEST_KEY},
        "HOST_ORDER_RESOLVER": name,
        "RUNNER": "worker",
    }
    return SHOP


@pytest.fixture
def look():
    """Look for all that is not found, as if the time for it had come; how many were looked for."""

    def work():
        host_orders.look_up_due()  # enlists
        HostLink.objects.exclude(status="found").update(due_at=PAST)
        done = 0
        while looked := host_orders.look_up_due():
            done += looked
        return done

    return work


def fail(order):
    raise ValueError(SECRET)


# ---------------------------------------------------------------- what is found out


@EACH_TOPIC
def test_an_order_that_the_shop_does_not_have_is_recorded_whatever_message_named_it(post, look, topic):
    post(topic, contract(topic))
    call_command("stockhub_worker", "--once")
    assert (look(), look()) == (1, 1)
    link = HostLink.objects.get()
    assert (link.status, link.attempts, link.account) == ("missing", 2, "default")
    assert link.document in (Order.objects.first(), PaymentRequest.objects.first())
    assert link.since < link.looked_at < link.due_at
    assert set(ASKED) == {contract(topic).get("po_number") or contract(topic)["payment"]["po_number"]}


@EACH_TOPIC
def test_an_order_that_the_shop_has_is_looked_for_once(post, look, topic, shop):
    shop.update(dict.fromkeys(("RESELLER_REF", contract(topic).get("po_number")), "the shop's order"))
    post(topic)
    worker.drain()
    assert (look(), look()) == (1, 0)
    link = HostLink.objects.get()
    assert (link.status, link.since, link.due_at, link.cause) == ("found", None, None, "")
    assert not HostLink.objects.found_later().exists()


def test_a_fresh_order_is_left_in_peace_for_the_message_may_beat_the_shops_own_commit():
    OrderFactory()
    worker.drain()
    assert ASKED == []
    assert HostLink.objects.get().status == "new"
    assert not HostLink.objects.due(NOW).exists()


def test_it_is_found_later(look, shop):
    order = OrderFactory()
    look()
    since = HostLink.objects.get().since
    shop[order.po_number] = "the shop's order"
    look()
    link = HostLink.objects.found_later().get()
    assert (link.since, link.due_at) == (since, None)
    assert link.looked_at > since


@pytest.mark.parametrize("number", [None, ""])
def test_an_order_without_a_number_is_shown_to_the_resolver_all_the_same(look, shop, number):
    order = OrderFactory(po_number=number)
    look()
    assert HostLink.objects.get().status == "no_number"
    shop[number] = lambda found: "by its other number" if found == order else None
    look()
    assert HostLink.objects.get().status == "found"


def test_the_number_may_stand_in_what_belongs_to_the_order_alone(post, look, shop):
    shop["RESELLER_REF"] = "the shop's order"
    post("order", sample("order", po_number=None, increment_id="7"))
    post("shipment", sample("shipment", po_number="RESELLER_REF", order_increment_id="7"))
    worker.drain()
    look()
    assert Order.objects.get().po_number == "RESELLER_REF"
    assert HostLink.objects.get().status == "found"


def test_a_payment_request_that_names_no_order_is_looked_for_by_itself(look, shop):
    request = PaymentRequest.objects.create(account="default", increment_id="1", po_number="SHOP-9")
    look()
    assert HostLink.objects.get().payment_request == request
    assert HostLink.objects.get().status == "missing"
    shop["SHOP-9"] = lambda order: "found" if order is None else None
    look()
    assert HostLink.objects.get().status == "found"


def test_a_payment_request_before_its_order_is_left_to_the_order(look):
    request = PaymentRequest.objects.create(account="default", increment_id="1")
    look()
    request.order = OrderFactory()
    request.save()
    look()
    assert HostLink.objects.get().order == request.order


# ---------------------------------------------------------------- a resolver that misbehaves


def test_one_that_raises_counts_as_none_and_is_noted_without_its_text(look, shop, caplog):
    shop[OrderFactory().po_number] = fail
    with caplog.at_level(logging.DEBUG):
        look()
    link = HostLink.objects.get()
    assert link.status == "failed"
    assert link.cause.startswith(f"ValueError at {__name__}.fail:")
    assert "HOST_ORDER_RESOLVER failed" in caplog.text
    assert SECRET not in caplog.text


def test_one_that_spoils_a_transaction_or_cannot_be_imported_is_noted_too(look, shop, settings):
    shop[OrderFactory().po_number] = lambda order: Order.objects.raw("SELECT nonsense")[0]
    look()
    assert HostLink.objects.get().status == "failed"
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": "shop.nowhere"}
    look()
    assert HostLink.objects.get().cause.startswith("ModuleNotFoundError")


def test_slow_resolver_is_logged_and_its_answer_kept(look, shop, monkeypatch, caplog):
    monkeypatch.setattr(host_orders, "SLOW_SECONDS", 0)
    shop[OrderFactory().po_number] = "the shop's order"
    look()
    assert HostLink.objects.get().status == "found"
    assert [record.levelname for record in caplog.records if "HOST_ORDER_RESOLVER" in record.msg] == ["WARNING"]


def die(order):
    raise WorkerStopped


def begin_and_hang(order):
    """Look up an order as a process that is killed with -9, or whose resolver never returns: nothing is released."""
    (link,) = HostLink.objects.due(NOW)
    token = uuid.uuid4()
    assert acquire(host_orders.SLOTS[0], host_orders.SLOT_SECONDS, token)
    with pytest.raises(WorkerStopped):
        host_orders._look_up(link, token)


def test_look_up_that_died_is_shown_when_its_slot_is_free(shop, look):
    order = OrderFactory()
    shop[order.po_number] = die
    host_orders.look_up_due()  # registers
    HostLink.objects.update(due_at=PAST)
    begin_and_hang(order)
    link = HostLink.objects.get()
    assert (link.status, link.cause, link.attempts) == ("new", "", 1)
    assert host_orders.look_up_due() == 0  # not due
    del shop[order.po_number]
    assert look() == 0  # due, but for all that is known the resolver is still at work
    assert HostLink.objects.get().status == "new"
    Lock.objects.update(acquired_at=datetime.now(tz=timezone.utc) - timedelta(hours=1, seconds=1))
    shop[order.po_number] = die
    HostLink.objects.update(due_at=PAST)
    with pytest.raises(WorkerStopped):
        host_orders.look_up_due()
    link = HostLink.objects.get()
    assert (link.status, link.cause, link.attempts) == ("failed", "died", 2)
    assert link.since < link.looked_at < link.due_at


def test_last_look_up_that_died_is_shown_too(shop, look):
    order = OrderFactory()
    shop[order.po_number] = die
    host_orders.look_up_due()
    HostLink.objects.update(due_at=PAST, attempts=host_orders.MAX_LOOKUPS - 1)
    with pytest.raises(WorkerStopped):
        host_orders.look_up_due()
    assert HostLink.objects.get().status == "new"
    assert look() == 0
    link = HostLink.objects.get()
    assert (link.status, link.cause, link.due_at, link.claim) == ("failed", "died", None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", ["claim", "answer"])
def test_look_up_whose_answer_was_lost_has_not_died(look, monkeypatch, part):
    OrderFactory()
    is_claim = part == "claim"
    lost = lose_answer(monkeypatch, HostLink, lambda values: "claim" in values and bool(values["claim"]) is is_claim)
    host_orders.look_up_due()  # registers
    assert look() == 1
    link = HostLink.objects.get()
    assert (len(lost), link.status, link.attempts, link.claim) == (1, "missing", 1, None)


@pytest.mark.django_db(transaction=True)
def test_look_up_that_may_have_been_claimed_is_released(look, monkeypatch):
    OrderFactory()
    with monkeypatch.context() as patch:
        lost = lose_answer(patch, HostLink, lambda values: values.get("claim"), times=3)
        assert look() == 0
    assert (len(lost), HostLink.objects.get().attempts) == (3, 1)
    worker.drain()
    link = HostLink.objects.get()
    assert (link.status, link.attempts, link.claim) == ("missing", 1, None)


def test_third_process_does_not_look_while_two_are_under_way(look):
    OrderFactory()
    first, second = host_orders.SLOTS
    token = uuid.uuid4()
    assert acquire(first, host_orders.SLOT_SECONDS, token)
    assert acquire(second, host_orders.SLOT_SECONDS)
    assert look() == 0
    assert ASKED == []
    release(first, host_orders.SLOT_SECONDS, uuid.uuid4())  # of a process that lost its slot an hour ago
    assert look() == 0
    release(first, host_orders.SLOT_SECONDS, token)
    assert look() == 1


def test_web_threads_do_not_look_while_one_look_up_is_under_way(look):
    """A resolver that never returns holds one web thread, so that the pages of the shop go on."""
    HostLinkFactory(due_at=PAST)
    assert acquire(host_orders.SLOTS[0], host_orders.SLOT_SECONDS)
    worker.drain(in_web=True)
    assert ASKED == []
    worker.drain()
    assert len(ASKED) == 1


def test_lost_slot_is_free_after_an_hour(look):
    OrderFactory()
    for name in host_orders.SLOTS:
        assert acquire(name, host_orders.SLOT_SECONDS)
    Lock.objects.update(acquired_at=datetime.now(tz=timezone.utc) - timedelta(hours=1, seconds=1))
    assert look() == 1


def test_a_slow_one_lets_other_work_pass_between_two_orders(shop, monkeypatch):
    monkeypatch.setattr(host_orders, "SLICE_SECONDS", 0)
    seen = []

    def meanwhile_a_message_comes(order):
        seen.append(list(Message.objects.values_list("status", flat=True)))
        MessageFactory(status="received", due_at=PAST)

    for _turn in range(2):
        shop[OrderFactory().po_number] = meanwhile_a_message_comes
    worker.drain()
    HostLink.objects.update(due_at=PAST)
    worker.drain()
    assert seen == [[], ["applied"]]


def test_one_by_hand_in_the_meantime_wins(look, shop):
    """A receiver may find it while we still look."""
    order = OrderFactory()
    shop[order.po_number] = lambda order: HostLink.objects.update(status="found", due_at=None) and None
    look()
    link = HostLink.objects.get()
    assert (link.status, link.due_at) == ("found", None)


# ---------------------------------------------------------------- pauses


def test_the_pauses_grow_and_the_look_ups_end_after_weeks(look):
    OrderFactory()
    pauses = []
    for _turn in range(host_orders.MAX_LOOKUPS):
        assert look() == 1
        link = HostLink.objects.get()
        pauses.append(link.due_at and timedelta(seconds=round((link.due_at - link.looked_at).total_seconds())))
    *pauses, last = pauses
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[1], pauses[-1]) == (timedelta(minutes=5), timedelta(minutes=10), timedelta(days=1))
    assert timedelta(weeks=2) < sum(pauses, timedelta()) < timedelta(weeks=6)
    assert last is None


def test_a_user_may_ask_to_look_again(look):
    OrderFactory()
    look()
    HostLink.objects.update(due_at=None, attempts=host_orders.MAX_LOOKUPS)
    found = HostLinkFactory(status="found")
    assert host_orders.requeue([found.pk, HostLink.objects.earliest("pk").pk]) == 1
    assert host_orders.look_up_due() == 1
    assert HostLink.objects.earliest("pk").attempts == 1


# ---------------------------------------------------------------- who looks, and when


def answer_of(topic, body):
    """What a server does: the whole answer of the real application; closing it is what follows once it is sent."""
    address, headers = PREFIX + topic, {"x-api-key": KEY}
    request = RequestFactory().post(address, json.dumps(body), content_type="application/json", headers=headers)
    answer = WSGIHandler()(request.environ, lambda status, headers: None)
    assert json.loads(b"".join(answer))["message"]
    return answer


@pytest.mark.django_db(transaction=True)
@EACH_TOPIC
@pytest.mark.parametrize("runner", ["inline", "worker"])
def test_no_resolver_is_called_before_the_sender_has_its_answer(hear, settings, monkeypatch, topic, runner):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": runner, "INLINE_BUDGET_SECONDS": 60}
    monkeypatch.setattr(host_orders, "GRACE_SECONDS", 0)
    hear(signals.event_recorded, lambda event, **arguments: event.host_order)
    answer = answer_of(topic, contract(topic))
    assert ASKED == []
    assert not HostLink.objects.exists()
    answer.close()
    if runner == "worker":
        assert ASKED == []
        worker.drain()
    assert len(ASKED) >= 2  # the receiver, and whoever finishes left-over work
    assert HostLink.objects.get().status == "missing"


def test_without_a_resolver_nothing_is_done_at_all(settings, post):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    OrderFactory()
    with CaptureQueriesContext(connection) as captured:
        assert host_orders.look_up_due() == 0
    assert len(captured) == 0
    post("order")
    assert not HostLink.objects.exists()


def test_when_nothing_is_due_it_costs_one_statement(monkeypatch):
    monkeypatch.setattr(host_orders.registration_throttle, "is_due", lambda: False)
    with CaptureQueriesContext(connection) as captured:
        host_orders.look_up_due()
    assert len(captured) == 1


def test_tests_are_looked_for_and_go_with_the_rest_of_them(post, look):
    post("order", key=TEST_KEY)
    worker.drain()
    look()
    assert HostLink.objects.get().is_test
    assert not HostLink.objects.real().exists()
    assert list(prune.remove("test"))
    assert not HostLink.objects.exists()


# ---------------------------------------------------------------- what a receiver finds out


@pytest.fixture
def in_request(settings, monkeypatch):
    """The request does the work, and in a second in which somebody looked for left-over work already."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "inline"}
    monkeypatch.setattr(inline.idle_throttle, "is_due", lambda: False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("found", [None, "the shop's order", fail])
def test_what_a_receiver_finds_out_is_kept(post, hear, shop, in_request, found):
    shop["RESELLER_REF"] = found
    hear(signals.order_updated, lambda event, **arguments: event.host_order)
    post("order")
    HostLink.objects.create(order=Order.objects.get(), account="default")
    post("order", sample("order", status="closed", updated_at="2030-01-01T00:00:00+00:00"))
    link = HostLink.objects.get()
    assert ASKED == ["RESELLER_REF"]
    assert link.status == {None: "missing", fail: "failed"}.get(found, "found")
    assert bool(link.since) is (found != "the shop's order")


@pytest.mark.django_db(transaction=True)
def test_of_a_receiver_that_fails_nothing_is_kept(post, hear, shop, in_request):
    shop["RESELLER_REF"] = "the shop's order"

    def use_and_fail(event, **arguments):
        assert event.host_order is None

    hear(signals.order_updated, use_and_fail)
    post("order")
    HostLink.objects.create(order=Order.objects.get(), account="default")
    post("order", sample("order", status="closed", updated_at="2030-01-01T00:00:00+00:00"))
    assert HostLink.objects.get().status == "new"


@pytest.mark.django_db(transaction=True)
def test_what_is_found_once_stays_found(post, hear, in_request):
    hear(signals.order_updated, lambda event, **arguments: event.host_order)
    post("order")
    HostLink.objects.create(order=Order.objects.get(), account="default", status="found")
    post("order", sample("order", status="closed", updated_at="2030-01-01T00:00:00+00:00"))
    assert ASKED == ["RESELLER_REF"]
    assert HostLink.objects.get().status == "found"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("resolver", ["", f"{__name__}.find"])
def test_a_receiver_that_asks_costs_one_statement_more_and_a_savepoint(post, hear, in_request, settings, resolver):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": resolver}
    counts = []
    for number, function in enumerate((None, lambda event, **arguments: event.host_order)):
        hear(signals.shipment_created, function) if number else None
        post("order", sample("order", increment_id=f"70{number}"))
        body = sample("shipment", increment_id=f"80{number}", order_increment_id=f"70{number}")
        with CaptureQueriesContext(connection) as captured:
            post("shipment", body)
        told = [query["sql"] for query in captured.captured_queries]
        counts.append(len([sql for sql in told if "hostlink" in sql]))
    assert counts == [0, 1 if resolver else 0]


# ---------------------------------------------------------------- enlisting


def test_all_orders_are_enlisted_a_batch_at_a_time_and_each_once(monkeypatch):
    monkeypatch.setattr(host_orders, "REGISTER_BATCH", 2)
    orders = OrderFactory.create_batch(5)
    for _turn in range(4):
        host_orders.look_up_due()
    assert list(HostLink.objects.order_by("pk").values_list("order", flat=True)) == [order.pk for order in orders]


def test_an_order_whose_transaction_ended_later_is_not_passed_over():
    first, second = OrderFactory.create_batch(2)
    HostLink.objects.create(order=second, account="default")
    host_orders.look_up_due()
    assert HostLink.objects.filter(order=first).exists()


def test_new_orders_are_looked_for_now_and_then(monkeypatch):
    monkeypatch.setattr(host_orders.registration_throttle, "seconds", 3600)
    OrderFactory()
    host_orders.look_up_due()
    OrderFactory()
    host_orders.look_up_due()
    assert HostLink.objects.count() == 1


# ---------------------------------------------------------------- what the shop missed


@EACH_TOPIC
def test_the_messages_about_an_order_are_those_that_changed_something(post, topic):
    for _twice in range(2):
        post(topic)
        worker.drain()
    host_orders.look_up_due()
    link = HostLink.objects.get()
    assert host_orders.messages_about([link.pk], 10) == [Message.objects.earliest("pk").pk]


def test_the_messages_about_a_payment_request_without_an_order_are_found_too(post):
    body = contract("order-payment-request") | {"order_increment_id": None}
    post("order-payment-request", body)
    post("order")
    worker.drain()
    host_orders.look_up_due()
    link = HostLink.objects.get(order=None)
    assert host_orders.messages_about([link.pk], 10) == [Message.objects.earliest("pk").pk]
    assert len(host_orders.messages_about(list(HostLink.objects.values_list("pk", flat=True)), 1)) == 1


class Away:
    """A database that is away at some statements that write to a table, before or after it has executed them."""

    def __init__(self, table, *, after, times):
        self.table, self.after, self.times = table, after, times

    def __call__(self, execute, sql, *arguments):
        if not (self.times and self.table in sql and sql.startswith(("INSERT", "UPDATE"))):
            return execute(sql, *arguments)
        self.times -= 1
        if self.after:
            execute(sql, *arguments)
        raise OperationalError("the connection is lost")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("model", [Lock, HostLink])
def test_lost_connection_keeps_no_slot(look, model, after, times):
    OrderFactory()
    look()
    HostLink.objects.update(due_at=PAST)
    with connection.execute_wrapper(Away(model._meta.db_table, after=after, times=times)), suppress(OperationalError):
        host_orders.look_up_due()
    leases.release_lost()
    assert not owners(host_orders.SLOTS, host_orders.SLOT_SECONDS)
    assert look() == 1
