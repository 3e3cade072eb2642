"""Causes of failures: the type of the error and its place in the shop's code."""

import json
import urllib.request
import uuid

import pytest

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.delivery import ledger, manual
from stockhub_webhooks.exceptions import (
    CAUSE_LIMIT,
    DIED,
    PermanentFailure,
    RetryLater,
    Unreadable,
    error_fingerprint,
    error_location,
)
from stockhub_webhooks.models import Message, ReceiverCall
from tests.claims import claim_due
from tests.samples import sample

HERE = __name__


def error_of(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("it raises")


def unknown_order(number="123"):
    raise ValueError(f"order {number} not found")


def test_errors_that_differ_in_ids_have_one_cause():
    first, second = (error_fingerprint(error_of(unknown_order, number)) for number in ("123", "456"))
    assert first == second
    assert first.startswith(f"ValueError at {HERE}.unknown_order:")


def test_errors_at_two_places_are_two_causes():
    def elsewhere():
        raise ValueError("order 123 not found")

    assert error_fingerprint(error_of(unknown_order)) != error_fingerprint(error_of(elsewhere))


def test_place_of_an_error_is_in_the_shops_code():
    assert error_fingerprint(error_of(json.loads, "{")).startswith(f"JSONDecodeError at {HERE}.error_of:")
    error = error_of(urllib.request.urlopen, "nonsense:")
    assert error_fingerprint(error).startswith(f"URLError at {HERE}.error_of:")
    assert error_location(error).startswith(f"URLError at {__file__}:")


def test_place_of_an_error_in_library_code_is_the_innermost_frame():
    error = error_of(json.loads, "{")
    error.__traceback__ = error.__traceback__.tb_next
    assert error_fingerprint(error).startswith("JSONDecodeError at json.decoder.")


def test_error_without_a_traceback_has_its_type_as_cause():
    assert error_fingerprint(KeyError("Testman")) == "KeyError"


def test_cause_fits_its_column():
    assert len(error_fingerprint(type("E" * 500, (Exception,), {})())) == CAUSE_LIMIT


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((b'{"a" 1}', b'{"something": 1,\n"a" 1}'), "not_json: Expecting ':' delimiter at line … column …"),
        ((b'{"a": "\xc3', b'{"long": "\xc3'), "not_json: byte … is the start of a character that is cut off"),
        ((b"[]", b" [] "), "not_an_object: the body is a list"),
    ],
)
def test_bodies_unreadable_for_the_same_reason_have_one_cause(bodies, expected):
    for body in bodies:
        with pytest.raises(Unreadable) as caught:
            serializers.read(body, "order")
        assert error_fingerprint(caught.value) == expected


# ---------------------------------------------------------------- as it is stored


def raises(error):
    def raise_it(**arguments):
        raise error

    return raise_it


@pytest.fixture
def call_after(db, post, hear):
    """Return a function that returns the receiver call after its receiver raised an error."""

    def after(error):
        hear(signals.order_created, raises(error))
        post("order")
        return ReceiverCall.objects.get()

    return after


def test_failing_receiver_leaves_a_cause(call_after):
    call = call_after(ValueError("Testman"))
    assert (call.status, call.cause.partition(":")[0]) == ("pending", f"ValueError at {HERE}.raise_it")
    assert list(ReceiverCall.objects.failing()) == [call]


def test_receiver_that_gives_up_leaves_a_cause(call_after):
    call = call_after(PermanentFailure("Testman is unknown"))
    assert (call.status, call.cause.partition(":")[0]) == ("given_up", f"PermanentFailure at {HERE}.raise_it")


def test_receiver_that_raises_retry_later_has_not_failed(call_after):
    call = call_after(RetryLater())
    assert (call.status, call.cause) == ("pending", "")
    assert not ReceiverCall.objects.failing().exists()


@pytest.mark.parametrize("again", [manual.requeue, lambda pks: manual.give_up_by_hand(pks, "paid by telephone")])
def test_retried_calls_and_calls_given_up_by_hand_are_not_failing(call_after, again):
    call = call_after(ValueError("x"))
    assert again([call.pk]) == 1
    assert not ReceiverCall.objects.failing().exists()


def test_giving_up_by_hand_keeps_the_reason_and_the_last_error(call_after):
    call = call_after(ValueError("no stock"))
    manual.give_up_by_hand([call.pk], "paid by telephone")
    call.refresh_from_db()
    assert (call.status, call.due_at, call.cause) == ("given_up", None, ReceiverCall.BY_HAND)
    assert call.last_error.startswith("paid by telephone\n\nValueError: no stock\n")


@pytest.mark.parametrize("status", ["running", "done"])
def test_running_and_done_calls_are_not_given_up(call_after, status):
    call = call_after(ValueError("x"))
    ReceiverCall.objects.update(status=status)
    assert manual.give_up_by_hand([call.pk], "enough") == 0
    call.refresh_from_db()
    assert call.status == status


def test_successful_call_has_no_cause(call_after, post):
    call = call_after(ValueError("x"))
    ReceiverCall.objects.update(status="running", due_at="2020-01-01T00:00Z")
    call.refresh_from_db()
    ledger.mark_done(call)
    call.refresh_from_db()
    assert (call.status, call.cause) == ("done", "")


def test_quarantined_message_has_a_cause_until_it_is_requeued(db, post):
    post("order", b"{")
    message = Message.objects.get()
    assert message.cause.startswith("not_json: ")
    assert list(Message.objects.failing()) == [message]


def test_message_that_could_not_be_applied_has_a_cause(db, post, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.processing.pipeline._apply", lambda *arguments: unknown_order())
    post("order", sample("order"))
    message = Message.objects.get()
    assert (message.status, message.cause.partition(":")[0]) == ("received", f"ValueError at {HERE}.unknown_order")
    assert list(Message.objects.failing()) == [message]


def test_work_that_killed_its_process_has_a_cause_of_its_own(db, post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "worker"}
    post("order")
    Message.objects.update(attempts=100, claim=uuid.uuid4(), is_suspect=True)
    assert list(claim_due()) == []
    message = Message.objects.get()
    assert (message.status, message.cause) == ("failed", DIED)
