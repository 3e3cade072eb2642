"""How far a purchase is: ordered, sent, delivered, returned, refunded. Nothing is done while a part of it is open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from stockhub_webhooks.models import Shipment
from stockhub_webhooks.story.lines import Quantities, total_of
from stockhub_webhooks.story.purchase import Purchase

PROBLEM = "EXCEPTION"  # a shipment's status


class State(Enum):
    """How far one step is."""

    DONE = "done"
    PARTIAL = "partial"
    OPEN = "open"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    NONE = "none"  # does not concern this purchase


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: ordered, shipped, delivered, returned or refunded.
        pieces: how many are that far.
        of: of how many, None where that is unknown.
        cancelled: how many of what was ordered will not be sent; of a return, how many were refused.
        has_problem: a parcel has trouble on its way.
    """

    name: str
    state: State
    pieces: int = 0
    of: int | None = None
    cancelled: int = 0
    has_problem: bool = False


def steps_of(purchase: Purchase, lines: list[Quantities]) -> list[Step]:
    """The five steps, in the order of an order's life."""
    total = total_of(lines)
    if any(order.is_stub for order in purchase.orders):
        total.ordered = None  # what we know of it is not all
    shipped, delivered = (_within_order(lines, counted) for counted in ("shipped", "delivered"))
    trouble = any(_has_problem(shipment) for shipment in purchase.shipments if purchase.has(shipment))
    return [
        _ordered(purchase, total),
        _sent("shipped", shipped, total),
        _sent("delivered", delivered, total, trouble=trouble),
        _back("returned", total.returned, total.asked_back, total.refused),
        _back("refunded", total.refunded, max(total.refunded, total.asked_back + total.reversed)),
    ]


def _within_order(lines: list[Quantities], counted: str) -> int:
    """How many pieces, of no line more than is expected: too much of one makes up for no other."""
    known = [line for line in lines if line.order] or lines
    numbers = ((int(getattr(line, counted)), line.expected) for line in known)
    return sum(number if expected is None else min(number, expected) for number, expected in numbers)


def _has_problem(shipment: Shipment) -> bool:
    return (shipment.status or "").upper() == PROBLEM and not shipment.is_delivered


def _ordered(purchase: Purchase, total: Quantities) -> Step:
    ended = all(order.status == "canceled" for order in purchase.orders)
    if (ended or (total.ordered and total.expected == 0)) and not total.shipped:
        return Step("ordered", State.CANCELLED, total.ordered or 0, total.ordered, total.cancelled)
    if total.ordered is None:
        return Step("ordered", State.UNKNOWN)
    return Step("ordered", State.DONE, total.ordered, total.ordered, total.cancelled)


def _sent(name: str, pieces: int, total: Quantities, *, trouble: bool = False) -> Step:
    expected = total.expected
    if expected is None:
        state = State.PARTIAL if pieces else State.UNKNOWN
    elif expected == 0:
        state = State.CANCELLED if total.cancelled else State.UNKNOWN
    else:
        state = _state(pieces, expected)
    return Step(name, state, pieces, expected, total.cancelled, trouble)


def _back(name: str, pieces: int, due: int, refused: int = 0) -> Step:
    """A step that most purchases never take."""
    if due == 0:
        return Step(name, State.CANCELLED if refused else State.NONE, 0, 0, refused)
    return Step(name, _state(pieces, due), pieces, due, refused)


def _state(pieces: int, due: int) -> State:
    if pieces >= due:
        return State.DONE
    return State.PARTIAL if pieces else State.OPEN
