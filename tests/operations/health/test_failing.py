"""Receivers that have only failed, and a resolver that raises, are problems at once."""

from datetime import datetime, timedelta, timezone

import pytest
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import host_orders, manual
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import HostLink, MissingLine, ReceiverCall, ReceiverState
from stockhub_webhooks.operations.health import failing
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.testing.factories import OrderFactory, OrderItemFactory
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db
errors = iter(())


def problems():
    codes = ("receiver_fails", "resolver_fails", "line_resolver_fails", "breaker")
    return {(each.code, each.level) for each in find_problems(collect_report()) if each.code in codes}


def orders(post, count, begin=0):
    for number in range(begin, begin + count):
        post("order", sample("order", increment_id=f"0000007{number:02}", order_id=700 + number))


def fail_differently(errors_of=(KeyError, ValueError, TypeError, OSError, LookupError, ArithmeticError)):
    """Return a receiver whose causes differ, so that its breaker does not open."""
    calls = []

    def fail(**arguments):
        calls.append(1)
        raise errors_of[len(calls) % len(errors_of)]

    return fail


def minutes_pass(minutes=16):
    ago = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    ReceiverState.objects.exclude(failing_since=None).update(failing_since=ago)


def test_five_failures_in_a_row_are_a_problem(post, hear):
    hear(signals.order_created, fail_differently(), uid="shop.fails")
    orders(post, 4)
    assert problems() == set()
    orders(post, 1, 4)
    assert problems() == {("receiver_fails", Level.CRITICAL)}


def test_fifteen_minutes_of_failures_are_a_problem(post, hear):
    hear(signals.order_created, fail_differently(), uid="shop.fails")
    orders(post, 1)
    assert problems() == set()
    minutes_pass(14)
    assert problems() == set()
    minutes_pass(16)
    assert problems() == {("receiver_fails", Level.CRITICAL)}


def test_it_is_a_warning_while_another_receiver_succeeds(post, hear):
    hear(signals.order_created, fail_differently(), uid="shop.fails")
    hear(signals.order_created, lambda **arguments: None, uid="shop.works")
    orders(post, 5)
    assert problems() == {("receiver_fails", Level.WARNING)}


def test_open_breaker_is_said_once(post, hear):
    hear(signals.order_created, fail_differently((KeyError,)), uid="shop.fails")
    orders(post, 6)
    assert problems() == {("breaker", Level.CRITICAL)}


def test_success_ends_it(post, hear):
    fails = iter([KeyError, ValueError, TypeError, OSError, LookupError])

    def receiver(**arguments):
        if error := next(fails, None):
            raise error

    hear(signals.order_created, receiver, uid="shop.sometimes")
    orders(post, 5)
    assert problems() == {("receiver_fails", Level.CRITICAL)}
    orders(post, 1, 5)
    assert problems() == set()
    state = ReceiverState.objects.get()
    assert (state.failed_in_a_row, state.failing_since) == (0, None)


@pytest.mark.parametrize("error", [RetryLater(60, "not yet"), PermanentFailure("never")])
def test_what_is_no_failure_does_not_count(post, hear, error):
    def receiver(**arguments):
        raise error

    hear(signals.order_created, receiver, uid="shop.asks")
    orders(post, 6)
    minutes_pass()
    assert problems() == set()


def test_receiver_without_open_work_fails_no_more(post, hear):
    hear(signals.order_created, fail_differently(), uid="shop.fails")
    orders(post, 5)
    manual.give_up_by_hand(list(ReceiverCall.objects.values_list("pk", flat=True)), "done by hand")
    assert problems() == set()


def test_tests_do_not_count(hear, post):
    hear(signals.order_created, fail_differently(), uid="shop.fails", test=True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"default": KEY, "test": "a-key-of-tests"}}):
        for number in range(6):
            post("order", sample("order", increment_id=f"0000006{number:02}", order_id=number), key="a-key-of-tests")
        assert problems() == set()


# ---------------------------------------------------------------- the resolver


def resolver(po_number, order):
    answer = resolver.answers.get(order.increment_id if order else "", resolver.default)
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture(autouse=True)
def _resolver():
    resolver.answers, resolver.default = {}, LookupError("a customer")


@pytest.fixture
def with_resolver():
    host_orders.registration_throttle.reset()
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "HOST_ORDER_RESOLVER": f"{__name__}.resolver"}):
        yield


def require(*, event, **arguments):
    event.require_host_order()


def use(*, event, **arguments):
    if event.host_order is None:
        raise RetryLater(60)


@pytest.mark.parametrize("receiver", [require, use])
def test_resolver_that_raises_is_a_warning_at_once(post, hear, with_resolver, receiver):
    hear(signals.order_created, receiver, uid="shop.needs")
    orders(post, 1)
    assert problems() == {("resolver_fails", Level.WARNING)}
    (problem,) = [each for each in find_problems(collect_report()) if each.code == "resolver_fails"]
    assert "LookupError" in problem.text
    assert "customer" not in problem.text


def test_failed_look_up_is_the_reason_of_the_task(post, hear, with_resolver):
    hear(signals.order_created, require, uid="shop.needs")
    orders(post, 1)
    assert "LookupError" in ReceiverCall.objects.get().last_error


def test_resolver_that_only_raises_is_critical_and_its_receivers_count(post, hear, with_resolver):
    hear(signals.order_created, require, uid="shop.needs")
    orders(post, 5)
    assert problems() == {("resolver_fails", Level.CRITICAL), ("receiver_fails", Level.CRITICAL)}


def test_resolver_that_has_raised_for_15_minutes_is_critical(post, hear, with_resolver):
    hear(signals.order_created, require, uid="shop.needs")
    orders(post, 1)
    HostLink.objects.update(since=datetime.now(timezone.utc) - timedelta(seconds=failing.FAILING_SECONDS + 60))
    assert problems() == {("resolver_fails", Level.CRITICAL)}


def test_one_odd_order_among_others_is_a_warning(post, hear, with_resolver):
    hear(signals.order_created, require, uid="shop.needs")
    resolver.default = object()
    resolver.answers = {"000000700": LookupError()}
    orders(post, 6)
    HostLink.objects.all().update(due_at=datetime(2020, 1, 1, tzinfo=timezone.utc))
    host_orders.registration_throttle.reset()
    host_orders.look_up_due()
    host_orders.look_up_due()
    HostLink.objects.filter(status="new").update(due_at=datetime(2020, 1, 1, tzinfo=timezone.utc))
    host_orders.look_up_due()
    assert HostLink.objects.filter(status="found").count() == 5
    assert problems() == {("resolver_fails", Level.WARNING)}


def test_resolver_that_finds_nothing_does_not_raise(post, hear, with_resolver):
    resolver.default = None
    hear(signals.order_created, require, uid="shop.needs")
    orders(post, 6)
    minutes_pass()
    assert problems() == set()


def test_mended_resolver_ends_it(post, hear, with_resolver):
    hear(signals.order_created, require, uid="shop.needs")
    orders(post, 5)
    resolver.default = object()
    HostLink.objects.update(due_at=datetime(2020, 1, 1, tzinfo=timezone.utc))
    host_orders.look_up_due()
    assert ("resolver_fails", Level.CRITICAL) not in problems()
    assert not HostLink.objects.filter(status="failed").exists()


def line_resolver(item, host_order):
    answer = line_resolver.answers.get(item.sku, LookupError("a customer"))
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def lines(settings):
    """Three orders of two lines each, which the shop has, and what `line_resolver` answers by SKU."""
    both = {"HOST_ORDER_RESOLVER": f"{__name__}.resolver", "HOST_LINE_RESOLVER": f"{__name__}.line_resolver"}
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, **both}
    resolver.default, line_resolver.answers = object(), {}
    for number in range(3):
        order = OrderFactory(po_number=f"SHOP-{number}", items=None)
        for sku in ("A", "B"):
            OrderItemFactory(order=order, sku=sku)
    return line_resolver.answers


def look_lines_up():
    host_orders.registration_throttle.reset()
    host_orders.look_up_due()
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)
    HostLink.objects.exclude(status="found").update(due_at=past)
    host_orders.look_up_due()
    HostLink.objects.filter(lines_due_at__isnull=False).update(lines_due_at=past)
    host_orders.look_up_due()


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({}, {("line_resolver_fails", Level.CRITICAL)}),
        ({"A": object()}, {("line_resolver_fails", Level.WARNING)}),
        ({"A": None}, {("line_resolver_fails", Level.WARNING)}),
        ({"A": object(), "B": None}, set()),
    ],
)
def test_resolver_of_lines_that_raises_is_a_problem_too(lines, answers, found):
    lines |= answers
    look_lines_up()
    assert problems() == found
    assert all("customer" not in problem.text for problem in find_problems(collect_report()))


@pytest.mark.django_db(databases="__all__")
def test_resolver_of_lines_that_has_raised_for_15_minutes_is_critical_until_it_is_mended(lines, staff):
    lines |= {"A": object()}
    look_lines_up()
    MissingLine.objects.update(since=datetime.now(timezone.utc) - timedelta(seconds=failing.FAILING_SECONDS + 60))
    (problem,) = find_problems(collect_report())
    assert problem.level == Level.CRITICAL
    assert len(staff.get(problem.link).context["cl"].result_list) == 3
    lines |= {"B": object()}
    look_lines_up()
    assert problems() == set()
