"""What may be connected, and under which identity."""

import functools

import pytest
from django.dispatch import Signal, receiver

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import ReceiverRefused


def module_function(sender, **kwargs):
    """A receiver as a shop writes it."""


def other_function(sender, **kwargs):
    """Another one."""


async def async_function(sender, **kwargs):
    """An async one."""


def without_kwargs(sender, order):
    """One that would break with the next version."""


class Callable:
    def __call__(self, sender, **kwargs):
        """An object that can be called."""

    def method(self, sender, **kwargs):
        """A bound method."""


@pytest.fixture
def signal():
    return signals.EventSignal()


def test_a_function_is_known_by_its_place(signal):
    signal.connect(module_function)
    assert signal.find("tests.test_signals.module_function").function is module_function


def test_the_dispatch_uid_comes_first(signal):
    receiver(signal, dispatch_uid="shop.mark")(module_function)
    assert signal.find("shop.mark").function is module_function
    assert signal.find("tests.test_signals.module_function") is None


@pytest.mark.parametrize(
    "refused",
    [
        lambda sender, **kwargs: None,
        functools.partial(module_function, a=1),
        Callable().method,
        Callable(),
    ],
)
def test_what_has_no_lasting_name_needs_a_uid(signal, refused):
    with pytest.raises(ReceiverRefused, match="dispatch_uid"):
        signal.connect(refused)
    signal.connect(refused, dispatch_uid="shop.given")
    assert signal.find("shop.given").function is refused


def test_a_closure_needs_a_uid(signal):
    def closure(sender, **kwargs):
        return signal

    with pytest.raises(ReceiverRefused, match="dispatch_uid"):
        signal.connect(closure)


@pytest.mark.parametrize("uid", [None, "shop.given"])
@pytest.mark.parametrize(
    ("refused", "why"), [(async_function, "async"), (without_kwargs, r"\*\*kwargs"), ("text", "cannot be called")]
)
def test_what_is_never_accepted(signal, refused, why, uid):
    with pytest.raises(ReceiverRefused, match=why):
        signal.connect(refused, dispatch_uid=uid)


def test_an_identity_that_does_not_fit_the_ledger_is_refused(signal):
    with pytest.raises(ReceiverRefused, match="255"):
        signal.connect(module_function, dispatch_uid="x" * 256)


def test_two_functions_of_one_identity_are_refused(signal):
    signal.connect(module_function, dispatch_uid="shop.mark")
    signal.connect(module_function, dispatch_uid="shop.mark")
    with pytest.raises(ReceiverRefused, match="already connected"):
        signal.connect(other_function, dispatch_uid="shop.mark")


def test_identities_that_differ_in_capitals_only_are_refused(signal):
    signal.connect(module_function, dispatch_uid="shop.mark")
    with pytest.raises(ReceiverRefused, match="already connected"):
        signal.connect(other_function, dispatch_uid="shop.Mark")


def test_references_are_never_weak(signal):
    def passing(sender, **kwargs):
        return "heard"

    signal.connect(passing, weak=True, dispatch_uid="passing")
    del passing
    assert signal.find("passing").function(None) == "heard"


def test_disconnected_by_function_or_by_uid(signal):
    signal.connect(module_function)
    assert signal.disconnect(module_function)
    signal.connect(other_function, dispatch_uid="shop.other")
    assert signal.disconnect(dispatch_uid="shop.other")
    assert list(signal.connected()) == []
    assert not signal.has_listeners()


def test_a_receiver_may_hear_one_sender_only(signal):
    signal.connect(module_function, sender=int)
    signal.connect(other_function)
    assert [r.function for r in signal.connected(int)] == [module_function, other_function]
    assert [r.function for r in signal.connected(str)] == [other_function]


def test_it_is_still_djangos_signal(signal):
    assert isinstance(signal, Signal)
    heard = []
    signal.connect(lambda sender, **kwargs: heard.append(kwargs["order"]), dispatch_uid="direct")
    signal.send(int, order=1)
    assert heard == [1]


def test_every_signal_of_the_contract_has_its_name():
    assert set(signals.BY_NAME) == {
        "order_created",
        "order_status_changed",
        "order_updated",
        "shipment_created",
        "shipment_status_changed",
        "shipment_updated",
        "shipment_delivered",
        "track_added",
        "invoice_created",
        "invoice_updated",
        "rma_created",
        "rma_status_changed",
        "rma_updated",
        "rma_item_status_changed",
        "credit_memo_created",
        "credit_memo_updated",
        "payment_requested",
        "event_recorded",
    }
    assert all(signal.name == name for name, signal in signals.BY_NAME.items())
