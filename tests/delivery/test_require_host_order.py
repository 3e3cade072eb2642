"""A receiver that needs the shop's own order asks less and less often for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import calls
from stockhub_webhooks.exceptions import RetryLater
from stockhub_webhooks.models import Message, ReceiverCall

pytestmark = pytest.mark.django_db
HOUR = 3600


def call_of_age(post, hear, seconds, **arguments):
    """Call a receiver that needs the order of a message that came in so long ago; its call, and the pause."""
    hear(signals.order_created, lambda event, **rest: event.require_host_order(**arguments))
    post("order")
    Message.objects.update(received_at=timezone.now() - timedelta(seconds=seconds))
    ReceiverCall.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    calls.deliver_due(until=float("inf"))
    call = ReceiverCall.objects.get()
    return call, call.due_at and (call.due_at - timezone.now()).total_seconds()


@pytest.mark.parametrize(
    ("age", "pause"), [(0, 60), (50, 60), (120, 120), (HOUR, HOUR), (6 * HOUR, 6 * HOUR), (90 * HOUR, 6 * HOUR)]
)
def test_pause_is_as_long_as_the_event_is_old_up_to_six_hours(post, hear, age, pause):
    call, until_next = call_of_age(post, hear, age)
    assert (call.status, call.attempts) == ("pending", 0)
    assert until_next == pytest.approx(pause, abs=15)


def test_pause_is_never_shorter_than_the_one_that_was_asked_for(post, hear):
    _call, until_next = call_of_age(post, hear, HOUR, retry_seconds=8 * HOUR)
    assert until_next == pytest.approx(8 * HOUR, abs=15)


@pytest.mark.parametrize("limit", [HOUR, timedelta(hours=1)])
@pytest.mark.parametrize(("age", "status"), [(HOUR - 60, "pending"), (HOUR, "given_up")])
def test_call_is_given_up_after_the_age_that_the_receiver_names(post, hear, limit, age, status):
    call, _until_next = call_of_age(post, hear, age, give_up_after=limit)
    assert (call.status, call.attempts) == (status, 0 if status == "pending" else 1)


def test_retry_later_takes_a_timedelta():
    assert RetryLater(timedelta(minutes=2)).seconds == 120
    assert str(RetryLater(timedelta(minutes=2))) == str(RetryLater(120))
