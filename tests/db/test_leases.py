"""Claims that lapse while their work goes on, with real connections: nothing is done twice."""

import threading
import time
import uuid
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.db import leases
from stockhub_webhooks.delivery import calls, claimed_calls, due_calls, ledger
from stockhub_webhooks.models import Event, Message, ReceiverCall, Replay
from stockhub_webhooks.operations.replay import run
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.operations.work_requests import ClaimLost
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming, journal, spool_import
from tests.claims import claim_due
from tests.conftest import KEY
from tests.samples import sample
from tests.threads import close_connections

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = 1
SETTINGS = {"API_KEYS": KEY, "RUNNER": "worker", "LEASE_SECONDS": LEASE}
IS_SQLITE = connection.vendor == "sqlite"
WORK = 2 if IS_SQLITE else 5  # on SQLite nothing is asked while the work goes on


@pytest.fixture(autouse=True)
def _short_leases():
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS):
        yield


@contextmanager
def in_thread(work):
    """Run the work in a thread with a connection of its own, and wait for its end."""

    def run():
        try:
            work()
        finally:
            close_connections()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(WORK + 20)
    assert not thread.is_alive()


def lapse(model):
    """Let all leases of the model end now."""
    model.objects.filter(due_at__isnull=False).update(due_at="2020-01-01T00:00:00Z")


def apply_all():
    for message in claim_due():
        pipeline.process(message)


def test_receiver_that_outlives_its_lease_is_called_once(post, hear):
    began, effects = threading.Event(), []

    def receive(**arguments):
        effects.append(arguments["event"].id)
        began.set()
        time.sleep(WORK)

    hear(signals.order_created, receive)
    post("order")
    apply_all()
    with in_thread(lambda: calls.deliver_due(until=float("inf"))):
        assert began.wait(10)
        if not IS_SQLITE:  # there the receiver's transaction is the only one that may write
            time.sleep(LEASE + 0.5)
            asked_at = time.monotonic()
            assert list(claimed_calls.claim_due()) == []
            assert time.monotonic() - asked_at < 1  # the locked row is not waited for
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, len(effects)) == ("done", 1, 1)


@pytest.mark.postgresql
@pytest.mark.mariadb  # SQLite has no row locks
def test_receiver_at_its_last_attempt_does_not_stop_other_calls(post, hear):
    began, heard = threading.Event(), []

    def receive(order, **arguments):
        if not began.is_set():
            began.set()
            time.sleep(WORK)
        heard.append(order.increment_id)

    hear(signals.order_created, receive)
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS | {"MAX_ATTEMPTS": 1}):
        post("order")
        apply_all()
        with in_thread(
            lambda: calls.deliver_due(until=float("-inf")) or calls.call_receiver(next(claimed_calls.claim_due()))
        ):
            assert began.wait(10)
            post("order", sample("order", increment_id="000000777", entity_id=777))
            apply_all()
            time.sleep(LEASE + 0.5)
            assert calls.deliver_due(until=time.monotonic() + 2) == 1
    assert len(heard) == 2
    assert list(ReceiverCall.objects.values_list("status", flat=True)) == ["done", "done"]


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_long_receivers_do_not_hide_other_calls(post, hear, monkeypatch):
    monkeypatch.setattr(due_calls, "BATCH", 2)
    release, began = threading.Event(), threading.Barrier(3)

    def receive(order, **arguments):
        if order.increment_id.startswith("00000077"):
            began.wait(20)
            assert release.wait(20)

    hear(signals.order_created, receive)
    for number in range(2):
        post("order", sample("order", increment_id=f"00000077{number}", entity_id=770 + number))
    apply_all()

    lease = 5  # on a busy machine a call may begin more than a second after it was claimed
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS | {"LEASE_SECONDS": lease}):
        first, second = (partial(calls.call_receiver, next(claimed_calls.claim_due())) for _call in range(2))
        with in_thread(first), in_thread(second):
            began.wait(20)
            time.sleep(lease + 0.5)
            post("order")
            apply_all()
            try:
                assert calls.deliver_due(until=time.monotonic() + 2) == 1
            finally:
                release.set()
    assert set(ReceiverCall.objects.values_list("status", "attempts")) == {("done", 1)}


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("can_skip", [True, False])
def test_locked_message_does_not_stop_the_rest_of_its_batch(post, monkeypatch, can_skip):
    features = connection.features
    monkeypatch.setattr(type(features), "has_select_for_update_skip_locked", can_skip)
    for number in range(3):
        post("order", sample("order", increment_id=f"00000077{number}", entity_id=770 + number))
    locked, release = threading.Event(), threading.Event()
    first = Message.objects.earliest("pk").pk

    def lock():
        with transaction.atomic():
            Message.objects.select_for_update().get(pk=first)
            locked.set()
            assert release.wait(20)

    with in_thread(lock):
        assert locked.wait(10)
        try:
            assert [message.pk for message in claim_due()] == [first + 1, first + 2]
        finally:
            release.set()


def test_replay_step_that_outlives_its_lease_is_done_once(post, monkeypatch):
    post("order")
    apply_all()
    began, real, effects = threading.Event(), pipeline.apply, []

    def slow(parsed, message):
        effects.append(message.pk)
        began.set()
        time.sleep(WORK)
        return real(parsed, message)

    monkeypatch.setattr(pipeline, "apply", slow)
    replay = run.begin(MessageChoice(), who="test", reason="test")
    with in_thread(run.continue_due):
        assert began.wait(10)
        if not IS_SQLITE:
            time.sleep(LEASE + 0.5)
            assert run.continue_due() == 0
    replay.refresh_from_db()
    assert (replay.status, replay.done, len(effects)) == ("done", 1, 1)


def test_replay_step_that_lost_its_claim_keeps_nothing(post, monkeypatch):
    """The process was stopped before its first statement, and another process took the replay over."""
    post("order")
    apply_all()
    replay = run.begin(MessageChoice(), who="test", reason="test", claimed=True)
    Replay.objects.update(claim=uuid.uuid4())
    before = Message.objects.values().get()
    with pytest.raises(ClaimLost):
        list(run.steps(replay))
    assert Message.objects.values().get() == before
    replay.refresh_from_db()
    assert replay.done == 0


@pytest.mark.parametrize("count", [1, 3])
def test_messages_that_outlive_their_lease_are_applied_once(post, monkeypatch, count):
    began, real, effects = threading.Event(), pipeline.apply, []

    def slow(reading, message):
        effects.append(message.pk)
        if not began.is_set():
            began.set()
            time.sleep(WORK)
        return real(reading, message)

    monkeypatch.setattr(pipeline, "apply", slow)
    for number in range(count):
        post("order", sample("order", increment_id=f"00000077{number}", entity_id=770 + number))

    def work():
        for claim in claiming.claim_due():
            pipeline.process_together(claim)
            for message in claim:
                pipeline.process(message)

    with in_thread(work):
        assert began.wait(10)
        if not IS_SQLITE:
            time.sleep(LEASE + 0.5)
            assert list(claim_due()) == []
    assert sorted(effects) == sorted(Message.objects.values_list("pk", flat=True))
    assert set(Message.objects.values_list("status", "attempts")) == {("applied", 1)}
    assert Event.objects.filter(type="order.created").count() == count


def test_process_that_lost_its_claim_before_the_work_changes_nothing(post, monkeypatch):
    post("order")
    applied = []
    (late,) = claim_due_and_die()
    lapse(Message)
    (second,) = claim_due_and_die()
    monkeypatch.setattr(pipeline, "apply", lambda *args: applied.append(args))
    pipeline.process(late)
    assert applied == []
    message = Message.objects.get()
    assert (message.status, message.claim, message.attempts) == ("received", second.claim, 1)


def claim_due_and_die():
    """Claim messages as a process that is killed before it releases any."""
    return list(claim_due())


def test_rest_of_a_killed_batch_is_taken_over_one_by_one_without_an_attempt(post):
    for number in range(3):
        post("order", sample("order", increment_id=f"00000077{number}", entity_id=770 + number))
    assert len(claim_due_and_die()) == 3
    lapse(Message)
    claims = []
    for claim in claiming.claim_due():
        claims.append([message.attempts for message in claim])
    assert claims == [[1], [1], [1]]


def test_claim_whose_answer_was_lost_is_still_known_as_ours(post, hear, monkeypatch):
    hear(signals.order_created)
    post("order")
    apply_all()
    real, answers = leases.models.QuerySet.update, []

    def update(rows, **values):
        changed = real(rows, **values)
        if "claim" in values and not answers:
            answers.append(changed)
            raise OperationalError("the connection was cut")
        return changed

    monkeypatch.setattr(leases.models.QuerySet, "update", update)
    (call,) = claimed_calls.claim_due()
    assert answers == [1]
    assert ledger.mark_done(call)


def test_claim_that_could_not_be_known_is_given_back(post, hear, monkeypatch):
    hear(signals.order_created)
    post("order")
    apply_all()

    def cut(step, **_options):
        step()
        raise OperationalError("the connection was cut, and the database is away")

    with monkeypatch.context() as away:
        away.setattr(leases, "with_retries", cut)
        assert list(claimed_calls.claim_due()) == []
    assert ReceiverCall.objects.get().status == "running"
    (call,) = claimed_calls.claim_due()
    assert call.attempts == 1


def test_batch_that_could_not_be_known_is_given_back(post, monkeypatch):
    post("order")
    real = leases.update_unlocked

    def cut(rows, **values):
        real(rows, **values)
        raise OperationalError("the answer to COMMIT was lost")

    with monkeypatch.context() as away:
        away.setattr(leases, "update_unlocked", cut)
        assert claim_due_and_die() == []
    assert Message.objects.get().attempts == 1
    (message,) = claim_due_and_die()
    assert message.attempts == 1


def test_spooled_message_that_is_stored_already_is_released(post, settings, tmp_path, monkeypatch):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}
    real = journal.commit

    def lost(message, *, claimed=False):
        real(message, claimed=claimed)
        raise OperationalError("the answer was lost")

    with monkeypatch.context() as cut:
        cut.setattr(journal, "commit", lost)
        cut.setattr("stockhub_webhooks.runners.inline.InlineRunner.after_answer", lambda *_args: None)
        assert post("order").status_code == 202
    assert Message.objects.get().claim is not None
    spool_import.import_spool()
    (message,) = claim_due_and_die()
    assert message.attempts == 1


def test_renewal_fails_with_another_token(post):
    post("order")
    (message,) = claim_due_and_die()
    assert leases.renew(Message.objects.all(), message.claim) == 1
    assert leases.renew(Message.objects.all(), uuid.uuid4()) == 0


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("can_skip", [True, False])
def test_locked_row_does_not_stop_the_other_rows_of_a_transaction(post, monkeypatch, can_skip):
    monkeypatch.setattr(type(connection.features), "has_select_for_update_skip_locked", can_skip)
    for number in range(3):
        post("order", sample("order", increment_id=f"00000077{number}", entity_id=770 + number))
    first, *others = Message.objects.order_by("pk")
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Message.objects.select_for_update().get(pk=first.pk)
            held.set()
            assert release.wait(20)

    with in_thread(hold):
        assert held.wait(10)
        try:
            with transaction.atomic():
                assert leases.locked(Message.objects.all()) == {first.pk}
                assert leases.skip_locked(Message.objects.order_by("-pk")[:2]) == others[::-1]
                assert leases.update_unlocked(Message.objects.order_by("pk"), error="seen") == others
        finally:
            release.set()
    assert list(Message.objects.order_by("pk").values_list("error", flat=True)) == ["", "seen", "seen"]
