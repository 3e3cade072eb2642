"""A receiver that needs the shop's own order asks less and less often for it."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
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


@pytest.mark.django_db(transaction=True)
def test_locked_order_is_read_again_and_no_other_transaction_changes_it(post, hear, settings, django_user_model):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.find_user"}
    user = django_user_model.objects.create(username="RESELLER_REF", first_name="old")
    names = []

    def change(*, event, **rest):
        found = event.host_order
        django_user_model.objects.filter(pk=user.pk).update(first_name="new", last_name="kept")
        locked = event.require_host_order(lock=True)
        assert event.host_order is locked
        names.append((found.first_name, locked.first_name, connection.in_atomic_block))
        locked.email = "x@example.com"
        locked.save()

    hear(signals.order_created, change)
    with CaptureQueriesContext(connection) as captured:
        post("order")
    user.refresh_from_db()
    assert names == [("old", "new", True)]
    assert (user.last_name, user.email) == ("kept", "x@example.com")
    locks = [
        query["sql"] for query in captured.captured_queries if "auth_user" in query["sql"] and " FOR " in query["sql"]
    ]
    assert len(locks) == (0 if connection.vendor == "sqlite" else 1)


def find_user(po_number, order):
    return get_user_model().objects.filter(username=po_number).first()


@pytest.mark.parametrize("found", ["a text", 7])
def test_what_is_no_row_cannot_be_locked_and_is_returned_as_it_is(post, hear, settings, found):
    FOUND[:] = [found]
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.find_anything"}
    heard = []
    hear(signals.order_created, lambda event, **rest: heard.append(event.require_host_order(lock=True)))
    post("order")
    calls.deliver_due(until=float("inf"))
    assert heard == [found]


FOUND = []


def find_anything(po_number, order):
    return FOUND[0]
