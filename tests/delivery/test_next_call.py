"""Which call is made next, and by which thread."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import calls, claimed_calls, due_calls, ledger
from stockhub_webhooks.delivery.hanging import HANGING
from stockhub_webhooks.delivery.shares import SHARES, Shares
from stockhub_webhooks.models import Message, Order, ReceiverCall
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.processing import pipeline
from tests.claims import claim_due
from tests.conftest import KEY
from tests.db.test_leases import in_thread, lapse
from tests.processing.test_apply import later
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = {"API_KEYS": KEY, "RUNNER": "worker"}
FOREVER = float("inf")
Status = ReceiverCall.Status


@pytest.fixture(autouse=True)
def _worker():
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS):
        yield


@pytest.fixture
def orders(post):
    """Post and apply so many new orders."""
    numbers = iter(range(100, 1000))

    def enter(count):
        for number in [next(numbers) for _ in range(count)]:
            post("order", sample("order", increment_id=f"000000{number}", entity_id=number))
        apply_all()

    return enter


@pytest.fixture
def fast(hear):
    """Connect a receiver that is known to be fast."""

    def connect(signal, receive=None, uid="fast"):
        for _ in range(10):
            SHARES.add(uid, 0.0001)
        return hear(signal, receive, uid=uid) if receive else hear(signal, uid=uid)

    return connect


def apply_all():
    for message in claim_due():
        pipeline.process(message)


def states():
    return sorted(ReceiverCall.objects.values_list("status", "attempts"))


# ---------------------------------------------------------------- together


def test_new_calls_of_a_fast_receiver_are_claimed_together(orders, fast):
    heard = fast(signals.order_created)
    orders(5)
    claimed = claimed_calls.claim_due()
    next(claimed)
    assert states() == [("running", 1)] * 5
    assert len(set(ReceiverCall.objects.values_list("claim", flat=True))) == 1
    claimed.close()
    assert states() == [("pending", 0)] * 4 + [("running", 1)]
    assert calls.deliver_due(until=FOREVER) == 4
    assert len(heard) == 4


def test_calls_of_a_slow_or_unknown_receiver_are_claimed_one_by_one(orders, hear):
    hear(signals.order_created, uid="never called before")
    orders(3)
    claimed = claimed_calls.claim_due()
    next(claimed)
    assert [status for status, _ in states()].count("running") == 1
    claimed.close()


def test_rest_of_a_batch_is_released_once_its_receiver_turns_slow(orders, fast):
    during = []

    def receive(**arguments):
        during.append(ReceiverCall.objects.filter(status=Status.RUNNING).count())
        if len(during) == 1:
            time.sleep(0.3)

    fast(signals.order_created, receive)
    orders(4)
    calls.deliver_due(until=FOREVER)
    assert during[0] == 3  # claimed with the first one, which is marked as done in its own transaction
    assert during[1:] == [0, 0, 0]
    assert states() == [("done", 1)] * 4


def test_lapsed_rest_of_a_batch_counts_no_attempt_and_waits_for_nothing(orders, fast):
    heard = fast(signals.order_created)
    orders(3)
    assert len(list(claimed_calls.claim_due())) == 3  # and the process is killed
    lapse(ReceiverCall)
    assert calls.deliver_due(until=FOREVER) == 3
    assert states() == [("done", 1)] * 3
    assert [arguments["event"].attempt for arguments in heard] == [1, 1, 1]


def test_call_that_was_begun_before_is_claimed_alone(orders, fast):
    fast(signals.order_created)
    orders(3)
    list(claimed_calls.claim_due())
    lapse(ReceiverCall)
    claimed = claimed_calls.claim_due()
    next(claimed)
    assert ReceiverCall.objects.filter(is_suspect=True).count() == 1
    claimed.close()


def test_sequence_of_an_order_is_kept_in_batches(post, orders, fast):
    heard = fast(signals.event_recorded)
    orders(3)
    for order in Order.objects.all():
        for days in (1, 2):
            post("order", later(sample("order", increment_id=order.increment_id, status=f"s{days}"), days=days))
    apply_all()
    assert calls.deliver_due(until=FOREVER) == len(heard)
    by_order = {}
    for arguments in heard:
        by_order.setdefault(arguments["order"].pk, []).append(arguments["event"].id)
    assert len(by_order) == 3
    assert all(events == sorted(events) for events in by_order.values())


def test_two_processes_that_want_the_same_calls_share_them(orders, fast, monkeypatch):
    fast(signals.order_created)
    orders(4)
    real, taken = claimed_calls.due_calls, []

    def look(*arguments):
        due = real(*arguments)
        if not taken:  # meanwhile another process claims two of them
            taken.append(ReceiverCall.objects.filter(pk__in=[call.pk for call in due["fast"][:2]]).update(claim=None))
            ReceiverCall.objects.filter(pk__in=[call.pk for call in due["fast"][:2]]).update(
                status=Status.RUNNING, attempts=1, due_at=timezone.now() + timedelta(seconds=15)
            )
        return due

    monkeypatch.setattr(claimed_calls, "due_calls", look)
    claimed = list(claimed_calls.claim_due())
    assert len(claimed) == 2
    assert all(ledger.mark_done(call) for call in claimed)


# ---------------------------------------------------------------- fairness


def test_receiver_that_has_used_the_least_time_comes_next():
    shares = Shares()
    shares.add("slow", 2.0)
    shares.add("fast", 0.1)
    assert shares.least_used(["slow", "fast"]) == "fast"
    assert shares.least_used(["slow", "fast", "new"]) == "new"
    for _ in range(30):
        shares.add("fast", 0.1)
    assert shares.least_used(["slow", "fast"]) == "slow"


def test_fast_receiver_waits_for_one_call_of_slow_ones(post, orders, hear, monkeypatch):
    monkeypatch.setattr(due_calls, "BATCH", 5)  # so the slow calls hide the fast ones
    heard = []

    def slow(event, **arguments):
        time.sleep(0.15)
        heard.append("slow")

    for name in range(3):
        hear(signals.order_created, slow, uid=f"slow {name}")
    orders(8)

    def fast(**arguments):
        heard.append("fast")

    calls.deliver_due(until=time.monotonic() + 0.5)
    began = len(heard)
    hear(signals.invoice_created, fast, uid="fast")
    post("invoice")
    worker.drain(until=time.monotonic() + 3)
    assert "fast" in heard[began : began + 2 + int(worker.CALLS_SECONDS / 0.15)]


def test_call_of_a_fast_receiver_is_next_once_it_is_due(post, orders, hear, monkeypatch):
    monkeypatch.setattr(due_calls, "BATCH", 5)
    heard = []

    def slow(event, **arguments):
        time.sleep(0.15)
        heard.append("slow")
        due_calls.hidden_throttle.reset()

    hear(signals.order_created, slow, uid="slow")
    hear(signals.invoice_created, lambda **arguments: heard.append("fast"), uid="fast")
    orders(8)
    post("invoice")
    apply_all()
    calls.deliver_due(until=time.monotonic() + 10)
    assert heard.index("fast") <= 1


# ---------------------------------------------------------------- the order of a message


def test_thread_makes_the_calls_of_its_messages_order(post, hear):
    heard = hear(signals.event_recorded)
    post("order")
    post("order", later(sample("order", status="closed")))
    post("order", sample("order", increment_id="000000777", entity_id=777))
    apply_all()
    first, second, _other = Message.objects.order_by("pk")
    calls.deliver_due(until=FOREVER, message=second)
    assert {arguments["event"].message_id for arguments in heard} == {first.pk, second.pk}
    assert ReceiverCall.objects.filter(status=Status.PENDING).count() == 2


def test_payment_request_without_an_order_has_its_calls_made(post, hear):
    heard = hear(signals.payment_requested)
    body = sample("order-payment-request")
    post("order-payment-request", body | {"order_increment_id": None})
    apply_all()
    assert ReceiverCall.objects.get().order is None
    calls.deliver_due(until=FOREVER, message=Message.objects.get())
    assert len(heard) == 1


# ---------------------------------------------------------------- slots of the web threads


@pytest.mark.postgresql
@pytest.mark.mariadb  # on SQLite one receiver runs at a time anyway
def test_one_call_of_a_receiver_runs_at_a_time_in_the_web_threads_and_none_is_left(post, orders, hear):
    began, release, heard = threading.Event(), threading.Event(), []

    def receive(event, **arguments):
        began.set()
        assert release.wait(20)
        heard.append(event.message_id)

    hear(signals.order_created, receive, uid="hangs")
    orders(3)
    first, *others = Message.objects.order_by("pk")
    with in_thread(lambda: calls.deliver_due(until=FOREVER, message=first, in_web=True)):
        assert began.wait(10)
        for message in others:
            assert calls.deliver_due(until=FOREVER, message=message, in_web=True) == 0
        release.set()
    assert heard == [first.pk, *(message.pk for message in others)]


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_two_calls_in_all_run_at_a_time_in_the_web_threads(orders, hear):
    began, release, heard = threading.Barrier(3), threading.Event(), []

    def receive(event, **arguments):
        if not release.is_set():
            began.wait(10)
            assert release.wait(20)
        heard.append(event.id)

    for name in ("one", "two", "three"):
        hear(signals.order_created, receive, uid=name)
    orders(1)
    message = Message.objects.get()

    def deliver():
        calls.deliver_due(until=FOREVER, message=message, in_web=True)

    with in_thread(deliver), in_thread(deliver):
        began.wait(10)
        assert calls.deliver_due(until=FOREVER, message=message, in_web=True) == 0
        release.set()
    assert len(heard) == 3


# ---------------------------------------------------------------- receivers that hang in other processes


def hang(pks, locked, release):
    with transaction.atomic():
        list(ReceiverCall.objects.select_for_update().filter(pk__in=pks))
        locked.set()
        assert release.wait(30)


def claimed_ago(seconds, pks):
    end = timezone.now() - timedelta(seconds=seconds) + timedelta(seconds=15)
    ReceiverCall.objects.filter(pk__in=pks).update(status=Status.RUNNING, attempts=1, due_at=end, is_suspect=True)


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("scoped", [True, False])
def test_no_further_call_begins_while_two_have_been_running_for_long(orders, hear, scoped):
    heard, others = hear(signals.order_created, uid="hangs"), hear(signals.order_created, uid="works")
    orders(3)
    pks = list(ReceiverCall.objects.filter(receiver="hangs").order_by("pk").values_list("pk", flat=True))
    message = Message.objects.latest("pk") if scoped else None
    claimed_ago(11, pks[:2])
    locked, release = threading.Event(), threading.Event()
    with in_thread(lambda: hang(pks[:2], locked, release)):
        assert locked.wait(10)
        calls.deliver_due(until=FOREVER, message=message)
        release.set()
    assert len(heard) == 0
    assert len(others) == (1 if scoped else 3)
    HANGING.reset()
    calls.deliver_due(until=FOREVER, message=message)
    assert len(heard) == 1


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize(("age", "is_locked"), [(9, True), (11, False)])
def test_short_calls_and_claims_that_were_not_begun_do_not_count_as_hanging(orders, hear, age, is_locked):
    heard = hear(signals.order_created, uid="hangs")
    orders(3)
    pks = list(ReceiverCall.objects.order_by("pk").values_list("pk", flat=True))
    claimed_ago(age, pks[:2])
    locked, release = threading.Event(), threading.Event()
    with in_thread(lambda: hang(pks[:2] if is_locked else [], locked, release)):
        assert locked.wait(10)
        assert calls.deliver_due(until=FOREVER) == 1
        release.set()
    assert len(heard) == 1


# ---------------------------------------------------------------- documents of calls that are claimed together


def test_documents_of_a_batch_are_loaded_with_one_statement(orders, fast):
    heard = fast(signals.order_created)
    orders(5)
    with CaptureQueriesContext(connection) as captured:
        calls.deliver_due(until=FOREVER)
    loads = [
        query
        for query in captured.captured_queries
        if query["sql"].startswith("SELECT") and "po_number" in query["sql"] and "shipping_price" in query["sql"]
    ]
    assert len(heard) == 5
    assert len(loads) == 1


@pytest.mark.parametrize("is_raw", [False, True])
def test_receiver_gets_what_an_earlier_receiver_of_the_batch_wrote(orders, fast, is_raw):
    seen = []

    def receive(order, **arguments):
        seen.append(order.status)
        if is_raw:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE stockhub_webhooks_order SET status = %s", ["changed"])
        else:
            Order.objects.update(status="changed")

    fast(signals.order_created, receive)
    orders(3)
    calls.deliver_due(until=FOREVER)
    assert seen == ["complete", "changed", "changed"]


def test_two_events_of_one_document_get_objects_of_their_own(post, fast):
    seen = []

    def receive(payment_request, **arguments):
        seen.append(payment_request)

    fast(signals.event_recorded, receive)
    body = sample("order-payment-request") | {"order_increment_id": None}
    post("order-payment-request", body)
    post("order-payment-request", body | {"grand_total": 1})
    apply_all()
    calls.deliver_due(until=FOREVER)
    assert len(seen) == len(set(map(id, seen)))


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize(("age", "codes"), [(61, ["receiver_hangs"]), (59, [])])
def test_receiver_that_runs_for_longer_than_a_minute_is_a_critical_problem(orders, hear, admin_client, age, codes):
    hear(signals.order_created, uid="shop.hangs")
    orders(1)
    pks = list(ReceiverCall.objects.values_list("pk", flat=True))
    claimed_ago(age, pks)
    locked, release = threading.Event(), threading.Event()
    with in_thread(lambda: hang(pks, locked, release)):
        assert locked.wait(10)
        problems = [problem for problem in find_problems(collect_report()) if problem.code == "receiver_hangs"]
        release.set()
    assert [problem.code for problem in problems] == codes
    for problem in problems:
        assert problem.level == Level.CRITICAL
        assert "shop.hangs" in problem.text
        assert admin_client.get(problem.link).context["cl"].result_count == 1


@pytest.mark.postgresql
@pytest.mark.mariadb  # SQLite has no row locks
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_receiver_that_runs_for_an_hour_is_not_late(orders, hear, admin_client):
    hear(signals.order_created, uid="shop.works")
    orders(2)
    with CaptureQueriesContext(connection) as captured:
        collect_report(with_writes=False)
    assert not [query["sql"] for query in captured if "UPDATE" in query["sql"]]  # nothing runs, so no lock is tried
    pks = list(ReceiverCall.objects.order_by("pk").values_list("pk", flat=True))
    claimed_ago(3600, pks)
    locked, release = threading.Event(), threading.Event()
    with in_thread(lambda: hang(pks[:1], locked, release)):
        assert locked.wait(10)
        try:
            report = collect_report()
            page = admin_client.get("/admin/stockhub_webhooks/receivercall/?needs=late")
        finally:
            release.set()
    dead = ReceiverCall.objects.get(pk=pks[1])  # its process was killed
    assert (report.late.count, report.late.oldest) == (1, dead.due_at)
    assert (report.due_calls.count, report.due_calls.oldest) == (1, dead.due_at)
    assert list(page.context["cl"].queryset) == [dead]
