"""Failed attempts are kept, in the transaction that postpones or gives up the call."""

import pytest
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import attempts, claimed_calls, ledger, manual
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Attempt, ReceiverCall
from stockhub_webhooks.operations import worker
from tests.conftest import KEY

pytestmark = pytest.mark.django_db
PAST = "2020-01-01T00:00:00Z"


def fail(**arguments):
    raise ValueError(f"no, for the time {arguments['event'].attempt}")


def work_again():
    ReceiverCall.objects.filter(due_at__isnull=False).update(due_at=PAST)
    worker.drain()


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 3})
def test_each_failed_attempt_is_kept_with_its_error_time_and_duration(post, hear):
    hear(signals.order_created, fail)
    post("order")
    work_again()
    work_again()
    call = ReceiverCall.objects.get()
    kept = list(call.failed_attempts.order_by("pk"))
    assert call.status == "given_up"
    assert [attempt.number for attempt in kept] == [1, 2, 3]
    assert [attempt.error.partition("\n")[0] for attempt in kept] == [
        f"ValueError: no, for the time {number}" for number in (1, 2, 3)
    ]
    assert {attempt.cause for attempt in kept} == {call.cause}
    assert all(0 <= attempt.seconds < 10 for attempt in kept)
    assert kept[0].failed_at < kept[1].failed_at < kept[2].failed_at


@pytest.mark.parametrize(("error", "kept"), [(PermanentFailure("never"), 1), (RetryLater(5), 0), (None, 0)])
def test_only_failures_are_kept(post, hear, error, kept):
    def receive(**arguments):
        if error:
            raise error

    hear(signals.order_created, receive)
    post("order")
    assert Attempt.objects.count() == kept


def test_attempts_stay_when_the_call_succeeds_and_go_with_the_call(post, hear):
    failing = [True]
    hear(signals.order_created, lambda **arguments: fail(**arguments) if failing else None)
    post("order")
    failing.clear()
    work_again()
    assert (ReceiverCall.objects.get().status, Attempt.objects.count()) == ("done", 1)
    ReceiverCall.objects.all().delete()
    assert not Attempt.objects.exists()


def test_number_of_attempts_of_a_call_is_bounded_and_the_oldest_go(post, hear, monkeypatch):
    monkeypatch.setattr(attempts, "MAX_KEPT", 3)
    hear(signals.order_created, fail)
    post("order")
    for _ in range(4):
        manual.requeue(list(ReceiverCall.objects.values_list("pk", flat=True)))
        work_again()
    kept = list(Attempt.objects.order_by("pk").values_list("number", flat=True))
    assert kept == sorted(kept)
    assert len(kept) == 3
    assert kept[-1] == ReceiverCall.objects.get().attempts


def test_attempt_is_not_kept_without_the_change_of_the_call(post, hear):
    hear(signals.order_created, fail)
    post("order")
    ReceiverCall.objects.update(due_at=PAST)
    (first,) = claimed_calls.claim_due()
    ReceiverCall.objects.update(due_at=PAST)
    (_second,) = claimed_calls.claim_due()
    assert not ledger.retry(first, ValueError("late"))
    assert Attempt.objects.count() == 1


def test_call_is_not_changed_if_the_attempt_cannot_be_kept(post, hear, monkeypatch):
    hear(signals.order_created, fail)
    post("order")
    ReceiverCall.objects.update(due_at=PAST)
    (call,) = claimed_calls.claim_due()

    def refuse(*args, **kwargs):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "save", refuse)
        with pytest.raises(RuntimeError):
            ledger.retry(call, ValueError("no"))
    assert ReceiverCall.objects.get().status == "running"
