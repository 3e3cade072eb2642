"""Steps of a purchase: none is done while pieces are open."""

import pytest

from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import StepState
from tests.office.story.conftest import return_item
from tests.samples import sample

pytestmark = pytest.mark.django_db


def told(steps, *names):
    return [(steps[name].state, steps[name].pieces, steps[name].of) for name in names]


def test_new_order_is_open_and_has_no_return_steps(tell, steps):
    tell.order(("A", "L", 2), ("B", "L", 1))
    assert told(steps(), *steps()) == [
        (StepState.DONE, 3, 3),
        (StepState.OPEN, 0, 3),
        (StepState.OPEN, 0, 3),
        (StepState.NONE, 0, 0),
        (StepState.NONE, 0, 0),
    ]


def test_some_pieces_make_a_step_partial(tell, steps):
    tell.order(("A", "L", 2), ("B", "L", 1))
    tell.shipment(("A", "L", 1))
    tell.delivered(("B", "L", 1))
    assert told(steps(), "shipped", "delivered") == [(StepState.PARTIAL, 2, 3), (StepState.PARTIAL, 1, 3)]


def test_delivered_step_is_done_when_all_ordered_pieces_are(tell, steps):
    tell.order(("A", "L", 2))
    tell.delivered(("A", "L", 1))
    assert told(steps(), "shipped", "delivered") == [(StepState.PARTIAL, 1, 2), (StepState.PARTIAL, 1, 2)]
    tell.delivered(("A", "L", 1))
    assert told(steps(), "shipped", "delivered") == [(StepState.DONE, 2, 2), (StepState.DONE, 2, 2)]


def test_surplus_of_one_line_does_not_hide_a_shortage_of_another(tell, steps):
    tell.order(("A", "L", 1), ("B", "L", 1))
    tell.delivered(("A", "L", 2), ("Z", "L", 5))
    assert told(steps(), "shipped", "delivered") == [(StepState.PARTIAL, 1, 2), (StepState.PARTIAL, 1, 2)]


def test_cancelled_order_has_cancelled_steps(tell, steps):
    tell.order(("A", "L", 2), status="canceled")
    assert [state for state, _, _ in told(steps(), "ordered", "shipped", "delivered")] == [StepState.CANCELLED] * 3
    assert told(steps(), "returned", "refunded") == [(StepState.NONE, 0, 0)] * 2


def test_cancelled_pieces_are_not_expected(tell, steps):
    tell.order(("A", "L", 3))
    tell.delivered(("A", "L", 2))
    tell.credit(("A", "L", 1), reversal="CANCELLED")
    found = steps()
    assert told(found, "ordered", "shipped", "delivered") == [
        (StepState.DONE, 3, 3),
        (StepState.DONE, 2, 2),
        (StepState.DONE, 2, 2),
    ]
    assert found["ordered"].cancelled == 1


def lost(purchase):
    return [
        (each.order.increment_id, each.missing, each.has_shipment)
        for each in story.lost_pieces(purchase())
        if each.missing
    ]


@pytest.mark.parametrize(
    ("sent", "status", "found"),
    [
        ([], "complete", [("000000701", 3, False)]),
        ([2], "Complete", [("000000701", 1, True)]),
        ([2, 1], "complete", []),
        ([2], "processing", []),
        ([], "closed", []),
    ],
)
def test_pieces_of_a_complete_order_that_are_in_no_shipment_are_those_of_a_lost_message(
    tell, purchase, sent, status, found
):
    tell.order(("A", "L", 3), status=status)
    for number in sent:
        tell.delivered(("A", "L", number))
    assert lost(purchase) == found


def test_pieces_of_a_parcel_that_waits_for_the_carrier_are_not_lost(tell, purchase):
    tell.order(("A", "L", 3), status="complete")
    tell.shipment(("A", "L", 2), status="READY_FOR_PICKUP", collected_at=None)
    assert lost(purchase) == [("000000701", 1, True)]


def test_pieces_of_a_parcel_that_names_the_former_number_of_an_edited_order_are_not_lost(tell, purchase):
    tell.order(("A", "L", 2), status="canceled", po_number="WEB-1")
    tell.order(("A", "L", 2), status="complete", po_number="WEB-1", increment_id="000000701-1")
    assert lost(purchase) == [("000000701-1", 2, False)]
    tell.delivered(("A", "L", 2), po_number="WEB-1")
    assert lost(purchase) == []


def test_return_step_is_done_when_all_requested_pieces_are_back(tell, steps):
    tell.order(("A", "L", 2))
    tell.rma(return_item("A", number=2, qty_returned=1))
    assert told(steps(), "returned", "refunded") == [(StepState.PARTIAL, 1, 2), (StepState.OPEN, 0, 2)]
    tell.credit(("A", "L", 1))
    assert told(steps(), "refunded") == [(StepState.PARTIAL, 1, 2)]
    tell.credit(("A", "L", 1))
    assert told(steps(), "refunded") == [(StepState.DONE, 2, 2)]


def test_refused_return_is_a_cancelled_step(tell, steps):
    tell.order(("A", "L", 1))
    tell.rma(return_item("A", status="rejected"))
    assert told(steps(), "returned", "refunded") == [(StepState.CANCELLED, 0, 0), (StepState.NONE, 0, 0)]
    assert steps()["returned"].cancelled == 1


def test_pieces_refused_after_their_return_are_not_expected(tell, steps):
    tell.order(("A", "L", 2))
    tell.rma(return_item("A", qty_returned=1), return_item("A", qty_returned=1, status="rejected"))
    assert told(steps(), "returned", "refunded") == [(StepState.DONE, 2, 2), (StepState.OPEN, 0, 1)]
    tell.credit(("A", "L", 1))
    assert told(steps(), "refunded") == [(StepState.DONE, 1, 1)]
    assert steps()["refunded"].cancelled == 1
    tell.credit(("A", "L", 1))
    assert told(steps(), "refunded") == [(StepState.DONE, 2, 2)]
    assert steps()["refunded"].cancelled == 0


def test_refused_return_expects_no_refund(tell, steps):
    tell.order(("A", "L", 1))
    tell.rma(return_item("A", qty_returned=1, status="rejected"))
    assert told(steps(), "returned", "refunded") == [(StepState.DONE, 1, 1), (StepState.CANCELLED, 0, 0)]


@pytest.mark.parametrize("wish", ["resolution", "merchant_resolution"])
def test_exchange_expects_no_refund(tell, steps, wish):
    tell.order(("A", "L", 2))
    tell.rma(return_item("A", qty_returned=1, **{wish: "Exchange"}), return_item("A", qty_returned=1))
    assert told(steps(), "returned", "refunded") == [(StepState.DONE, 2, 2), (StepState.OPEN, 0, 1)]
    tell.credit(("A", "L", 1))
    assert told(steps(), "refunded") == [(StepState.DONE, 1, 1)]
    assert steps()["refunded"].cancelled == 1


def test_ordered_number_of_a_stub_is_unknown(tell, steps):
    tell.delivered(("A", "L", 2))
    assert told(steps(), "ordered", "shipped", "delivered") == [
        (StepState.UNKNOWN, 0, None),
        (StepState.PARTIAL, 2, None),
        (StepState.PARTIAL, 2, None),
    ]


def test_purchase_with_a_stub_has_no_done_steps(tell, post, steps):
    tell.order(("A", "L", 2))
    tell.delivered(("A", "L", 2))
    post("invoice", sample("invoice", order_increment_id="999"))
    found = steps()
    assert told(found, "ordered", "shipped", "delivered") == [
        (StepState.UNKNOWN, 2, 2),
        (StepState.PARTIAL, 2, 2),
        (StepState.PARTIAL, 2, 2),
    ]
    assert all(found[name].is_at_least for name in ("ordered", "shipped", "delivered"))


def test_order_without_quantities_is_unknown(tell, steps):
    tell.order(("A", "L", None))
    assert told(steps(), "ordered", "shipped") == [(StepState.UNKNOWN, 0, None), (StepState.UNKNOWN, 0, None)]
    tell.order(("A", "L", None), ("B", "L", 1), updated_at="2024-06-01T00:00:00+00:00")
    assert told(steps(), "ordered", "shipped") == [(StepState.UNKNOWN, 1, 1), (StepState.OPEN, 0, 1)]


def test_order_without_lines_has_unknown_steps(tell, steps):
    tell.order(("A", "L", 0))
    assert told(steps(), "shipped", "delivered") == [(StepState.UNKNOWN, 0, 0)] * 2


def test_problem_of_a_parcel_is_shown_until_delivery(tell, steps):
    tell.order(("A", "L", 1))
    tell.shipment(("A", "L", 1), status="EXCEPTION", increment_id="5")
    assert steps()["delivered"].has_problem
    tell.shipment(("A", "L", 1), status="DELIVERED", increment_id="5", updated_at="2025-01-01 00:00:00")
    assert not steps()["delivered"].has_problem
