"""Rules for connecting a receiver, and the documentation of each signal."""

import ast
import functools
import inspect
import itertools
import re

import pytest
from django.db import transaction
from django.dispatch import Signal, receiver

from stockhub_webhooks import signals
from stockhub_webhooks.delivery.subjects import BY_NAME
from stockhub_webhooks.exceptions import ReceiverRefused


def module_function(sender, **kwargs):
    """A receiver as a shop writes it."""


def other_function(sender, **kwargs):
    """Another receiver."""


async def async_function(sender, **kwargs):
    """An async receiver."""


def without_kwargs(sender, order):
    """A receiver that would break with the next version."""


class Callable:
    def __call__(self, sender, **kwargs):
        """An object that can be called."""

    def method(self, sender, **kwargs):
        """A bound method."""

    def method_of_track(self, sender, *, track, **kwargs):
        """A bound method with a parameter that few signals pass."""


def logged(function):
    """A decorator as a shop writes it."""

    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def without_address(function):
    """Return a test id that is the same in each process of pytest-xdist."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(function))


@pytest.fixture
def signal():
    return signals.EventSignal("shipment")


def test_default_identity_is_the_dotted_path(signal):
    signal.connect(module_function)
    assert signal.find("tests.test_signals.module_function").function is module_function


def test_dispatch_uid_overrides_the_dotted_path(signal):
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
def test_function_without_a_lasting_name_needs_a_dispatch_uid(signal, refused):
    with pytest.raises(ReceiverRefused, match="dispatch_uid"):
        signal.connect(refused)
    signal.connect(refused, dispatch_uid="shop.given")
    assert signal.find("shop.given").function is refused


def test_closure_needs_a_dispatch_uid(signal):
    def closure(sender, **kwargs):
        return signal

    with pytest.raises(ReceiverRefused, match="dispatch_uid"):
        signal.connect(closure)


@pytest.mark.parametrize("uid", [None, "shop.given"])
@pytest.mark.parametrize(
    ("refused", "why"), [(async_function, "async"), (without_kwargs, r"\*\*kwargs"), ("text", "text")]
)
def test_async_or_fixed_or_uncallable_receiver_is_always_refused(signal, refused, why, uid):
    with pytest.raises(ReceiverRefused, match=why):
        signal.connect(refused, dispatch_uid=uid)


# ---------------------------------------------------------------- parameters


def needs_track(sender, *, track, **kwargs):
    """A receiver that requires an argument of `track_added`."""


def needs_track_by_position(sender, track, **kwargs):
    """The same without the asterisk."""


@pytest.mark.parametrize(
    "refused",
    [
        needs_track,
        needs_track_by_position,
        logged(needs_track),
        transaction.atomic(needs_track),
        functools.partial(needs_track, order=None),
        Callable().method_of_track,
    ],
    ids=without_address,
)
def test_required_parameter_that_the_signal_does_not_pass_is_refused_by_name(signal, refused):
    signal.name = "shipment_delivered"
    with pytest.raises(ReceiverRefused) as refusal:
        signal.connect(refused, dispatch_uid="shop.given")
    text = str(refusal.value)
    assert "track" in text
    assert "shipment_delivered" in text
    assert all(name in text for name in ("sender", "shipment", "order", "event"))
    assert list(signal.connected()) == []
    signals.EventSignal("track").connect(refused, dispatch_uid="shop.given")


def with_default(sender, *, shipment, order, event, track=None, **kwargs):
    """A receiver of two signals, of which one passes `track`."""


def with_star(*args, **kwargs):
    """A receiver that takes anything."""


def with_positional_default(limit=3, /, **kwargs):
    """A receiver whose positional parameter is never filled."""


@pytest.mark.parametrize(
    "accepted",
    [
        with_default,
        with_star,
        with_positional_default,
        logged(with_default),
        functools.partial(needs_track, track=None),
        lambda **kwargs: None,
        lambda signal, **kwargs: None,
    ],
    ids=without_address,
)
def test_parameters_that_are_passed_bound_or_optional_are_accepted(signal, accepted):
    signal.connect(accepted, dispatch_uid="shop.given")
    arguments = dict.fromkeys(signal.arguments)
    signal.find("shop.given").function(**arguments)


def needs_client(sender, *, client, **kwargs):
    """A receiver that requires a parameter which its decorator supplies."""


def may_have_client(sender, *, client=None, **kwargs):
    """The same with a default."""


def with_client(function):
    """A decorator that supplies a parameter."""

    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, client="client", **kwargs)

    return inner


def with_client_and_signature(function):
    """The same, which says what the decorated function takes."""
    inner = with_client(function)
    inner.__signature__ = inspect.signature(inner, follow_wrapped=False)
    return inner


def with_client_without_wraps(function):
    """The same without `functools.wraps`."""
    return lambda **kwargs: function(client="client", **kwargs)


def test_parameter_that_a_decorator_supplies_is_refused_with_the_ways_out(signal):
    with pytest.raises(ReceiverRefused, match=r"client.* decorator .*default.*__signature__.*functools\.wraps"):
        signal.connect(with_client(needs_client))
    with pytest.raises(ReceiverRefused) as refusal:
        signal.connect(needs_client)
    assert "decorator" not in str(refusal.value)


@pytest.mark.parametrize(
    "accepted",
    [
        with_client(may_have_client),
        with_client_and_signature(needs_client),
        with_client_without_wraps(needs_client),
    ],
    ids=["default", "signature", "without wraps"],
)
def test_parameter_that_a_decorator_supplies_is_accepted(signal, accepted):
    signal.connect(accepted, dispatch_uid="shop.given")
    signal.find("shop.given").function(**dict.fromkeys(signal.arguments))


def positional_only(sender, /, **kwargs):
    """A receiver that cannot be called by keyword."""


@pytest.mark.parametrize("refused", [positional_only, functools.partial(module_function, None)], ids=without_address)
def test_parameter_that_cannot_be_passed_by_name_is_refused(signal, refused):
    with pytest.raises(ReceiverRefused, match="sender"):
        signal.connect(refused, dispatch_uid="shop.given")
    with pytest.raises(TypeError):
        refused(**dict.fromkeys(signal.arguments))


@pytest.mark.parametrize("event_type", signals.BY_EVENT_TYPE)
def test_declared_arguments_are_those_that_the_delivery_passes(event_type):
    subject = BY_NAME[event_type.partition(".")[0]]
    passed = {"signal", "sender", "event", "order", subject.name, *subject.parents}
    if event_type == "deadline.passed":  # the row of the worklist stands for its document
        passed = {"signal", "sender", "event", "order", "document", "rule", "since"}
    if event_type.endswith(".status_changed"):
        passed |= {"old_status", "new_status"}
    assert set(signals.BY_EVENT_TYPE[event_type].arguments) == passed


def test_each_signal_documents_its_arguments_with_their_types():
    body = ast.parse(inspect.getsource(signals)).body
    documented = {}
    for node, following in itertools.pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(getattr(signals, node.targets[0].id, None), Signal):
            documented[node.targets[0].id] = following.value.value if isinstance(following, ast.Expr) else ""
    assert set(documented) == {name for name, value in vars(signals).items() if isinstance(value, Signal)} - {"_signal"}
    for name, text in documented.items():
        signal = getattr(signals, name)
        for argument in set(getattr(signal, "arguments", ["sender"])) - {"signal", "sender", "event"}:
            assert f"    {argument} (" in text, f"{name} does not say what {argument} is"


# ---------------------------------------------------------------- identities


def test_identity_that_does_not_fit_the_ledger_is_refused(signal):
    with pytest.raises(ReceiverRefused, match="255"):
        signal.connect(module_function, dispatch_uid="x" * 256)


def test_second_function_with_the_same_identity_is_refused(signal):
    signal.connect(module_function, dispatch_uid="shop.mark")
    signal.connect(module_function, dispatch_uid="shop.mark")
    with pytest.raises(ReceiverRefused, match="module_function"):
        signal.connect(other_function, dispatch_uid="shop.mark")


def test_identities_that_differ_only_in_case_are_two_receivers(signal):
    signal.connect(module_function, dispatch_uid="shop.mark")
    signal.connect(other_function, dispatch_uid="shop.Mark")
    assert len(list(signal.connected())) == 2


def test_reference_to_a_receiver_is_never_weak(signal):
    def local(sender, **kwargs):
        return "called"

    signal.connect(local, weak=True, dispatch_uid="local")
    del local
    assert signal.find("local").function(None) == "called"


def test_receiver_is_disconnected_by_function_or_by_dispatch_uid(signal):
    signal.connect(module_function)
    assert signal.disconnect(module_function)
    signal.connect(other_function, dispatch_uid="shop.other")
    assert signal.disconnect(dispatch_uid="shop.other")
    assert list(signal.connected()) == []
    assert not signal.has_listeners()


def test_receiver_may_be_connected_for_one_sender_only(signal):
    signal.connect(module_function, sender=int)
    signal.connect(other_function)
    assert [r.function for r in signal.connected(int)] == [module_function, other_function]
    assert [r.function for r in signal.connected(str)] == [other_function]


def test_event_signal_can_be_sent_as_a_signal_of_django(signal):
    assert isinstance(signal, Signal)
    orders = []
    signal.connect(lambda sender, **kwargs: orders.append(kwargs["order"]), dispatch_uid="direct")
    signal.send(int, order=1)
    assert orders == [1]


def test_each_business_signal_has_its_public_name():
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
        "purchase_changed",
        "deadline_passed",
        "event_recorded",
    }
    assert all(signal.name == name for name, signal in signals.BY_NAME.items())
