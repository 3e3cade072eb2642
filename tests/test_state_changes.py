"""Test the declared changes of status; tests/conftest.py holds that no other ones happen."""

import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from docs import state_diagram
from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.delivery import claimed_calls, ledger, manual
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.operations.privacy import bodies
from stockhub_webhooks.operations.replay import MessageChoice
from stockhub_webhooks.receiving import claiming, dismissal, transitions
from stockhub_webhooks.signals import order_created
from stockhub_webhooks.testing.factories import MessageFactory, ReceiverCallFactory
from tests import claims, state_changes

RECEIVER = "test.state_changes"


def listed(model):
    return [(old, new, name) for (old, new), names in model.TRANSITIONS.items() for name in names]


def lose_the_answer(call):
    """Remember a claim as one whose answer did not come, and give it back."""
    leases._remember(ReceiverCall.objects.filter(pk=call.pk), call.claim, {"status": call.status})
    leases.release_lost()


CHANGE_MESSAGE = {
    "settle": lambda message: transitions.settle(message, serializers.read_message(message), Message.Outcome.CREATED),
    "quarantine": lambda message: transitions.quarantine(message, Unreadable("not_json", "")),
    "dismiss": lambda message: transitions.dismiss(message, "settled by phone"),
    "dismiss_by_hand": lambda message: dismissal.dismiss_by_hand([message.pk], by="office", reason="settled by phone"),
    "dismiss_corrected": lambda message: dismissal.dismiss_corrected(
        MessageFactory(headers={dismissal.CORRECTED_FROM: str(message.uid)})
    ),
    "postpone": lambda message: transitions.postpone(message, ValueError()),
    "claim_due": lambda message: list(claims.claim_due()),
    "requeue": lambda message: transitions.requeue([message.pk]),
    "forget": lambda message: bodies.forget(Message.objects.filter(pk=message.pk)),
    "reopen": claiming.reopen,
}
CHANGE_CALL = {
    "claim_due": lambda call: list(claimed_calls.claim_due()),
    "release": lambda call: claimed_calls.release(call.claim, [call]),
    "mark_done": ledger.mark_done,
    "retry": lambda call: ledger.retry(call, OperationalError()),
    "retry_later": lambda call: ledger.retry_later(call, 1, ""),
    "give_up": lambda call: ledger.give_up(call, "", ""),
    "give_up_by_hand": lambda call: manual.give_up_by_hand([call.pk], "sold elsewhere"),
    "requeue": lambda call: manual.requeue([call.pk]),
    "reassign_calls": lambda call: manual.reassign(call.signal, call.receiver, RECEIVER),
    "release_lost": lose_the_answer,
}


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new", "function"), listed(Message))
def test_each_declared_change_of_a_message_happens(old, new, function):
    claimed = {
        "due_at": timezone.now() - timedelta(hours=1),
        "claim": uuid.uuid4(),
        "is_suspect": True,
        "cause": "ValueError",
    }
    is_open = old == Message.Status.RECEIVED
    message = MessageFactory(status=old, attempts=conf.MAX_ATTEMPTS, **(claimed if is_open else {}))
    CHANGE_MESSAGE[function](message)
    message.refresh_from_db()
    assert message.status == new


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new", "function"), listed(ReceiverCall))
def test_each_declared_change_of_a_receiver_call_happens(hear, old, new, function):
    hear(order_created, uid=RECEIVER)
    values = {"status": old, "receiver": "gone" if function == "reassign_calls" else RECEIVER}
    values["due_at"] = None if old == ReceiverCall.Status.GIVEN_UP else timezone.now() - timedelta(hours=1)
    if old in (ReceiverCall.Status.RUNNING, ReceiverCall.Status.DONE):
        attempts = conf.MAX_ATTEMPTS if new == ReceiverCall.Status.GIVEN_UP else 1
        values |= {"claim": uuid.uuid4(), "attempts": attempts, "is_suspect": True}
    call = ReceiverCallFactory(**values)
    CHANGE_CALL[function](call)
    call.refresh_from_db()
    assert call.status == new


@pytest.mark.django_db
def test_a_dismissed_message_is_settled_for_good(post):
    post("order")
    message = Message.objects.get()
    with pytest.raises(AlreadySettled):
        transitions.dismiss(message, "applied before")
    Message.objects.update(status=Message.Status.QUARANTINED, outcome="")
    message.refresh_from_db()
    transitions.dismiss(message, "settled by phone")
    assert transitions.requeue([message.pk]) == 0
    with pytest.raises(AlreadySettled):
        claiming.reopen(message)
    with pytest.raises(AlreadySettled):
        transitions.dismiss(message, "again")
    assert not MessageChoice(ids=(message.pk,)).messages().exists()
    message.refresh_from_db()
    assert (message.status, message.dismissed_reason) == ("dismissed", "settled by phone")


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_change_that_is_not_declared_is_noticed(monkeypatch):
    message = MessageFactory(status=Message.Status.APPLIED)
    others = {pair: names for pair, names in Message.TRANSITIONS.items() if pair[0] != Message.Status.APPLIED}
    monkeypatch.setattr(Message, "TRANSITIONS", others)
    transitions.requeue([message.pk])
    (change,) = state_changes.undeclared
    assert "applied -> received" in change
    assert "requeue" in change
    state_changes.undeclared.clear()


def test_the_documentation_has_the_present_diagrams():
    text = state_diagram.PAGE.read_text(encoding="utf-8")
    assert state_diagram.updated(text) == text, "run: python docs/state_diagram.py"
