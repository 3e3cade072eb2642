"""How far a purchase is: ordered, sent, delivered, returned, refunded. Nothing is done while a part of it is open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from stockhub_webhooks.models import Shipment
from stockhub_webhooks.office.story.lines import Quantities, total_of
from stockhub_webhooks.office.story.purchase import Purchase

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
        is_at_least: `of` is only what we know of: an order of the purchase was not received yet, or tells no number.
        cancelled: how many of what was ordered will not be sent; of a return or refund, how many were refused.
        has_problem: a parcel has trouble on its way.
    """

    name: str
    state: State
    pieces: int = 0
    of: int | None = None
    cancelled: int = 0
    has_problem: bool = False
    is_at_least: bool = False


def steps_of(purchase: Purchase, lines: list[Quantities]) -> list[Step]:
    """The five steps, in the order of an order's life."""
    total, is_at_least = _known_total(purchase, lines)
    shipped, delivered = (_within_order(lines, counted) for counted in ("shipped", "delivered"))
    trouble = any(_has_problem(shipment) for shipment in purchase.shipments if purchase.has(shipment))
    return [
        _ordered(purchase, total, is_at_least),
        _sent(Step("shipped", State.UNKNOWN, shipped, total.expected, total.cancelled, False, is_at_least)),
        _sent(Step("delivered", State.UNKNOWN, delivered, total.expected, total.cancelled, trouble, is_at_least)),
        _back("returned", total.returned, total.asked_back, total.refused),
        _refunded(total),
    ]


def _known_total(purchase: Purchase, lines: list[Quantities]) -> tuple[Quantities, bool]:
    """All lines together, and whether that may not be all that was ordered."""
    total = total_of(lines)
    if total.ordered is None:
        told = [line.ordered for line in lines if line.ordered is not None]
        total.ordered = sum(told) if told else None
        return total, total.ordered is not None
    return total, any(order.is_stub for order in purchase.orders)


def _within_order(lines: list[Quantities], counted: str) -> int:
    """How many pieces, of no line more than is expected: too much of one makes up for no other."""
    known = [line for line in lines if line.order] or lines
    numbers = ((int(getattr(line, counted)), line.expected) for line in known)
    return sum(number if expected is None else min(number, expected) for number, expected in numbers)


def _has_problem(shipment: Shipment) -> bool:
    return (shipment.status or "").upper() == PROBLEM and not shipment.is_delivered


def _ordered(purchase: Purchase, total: Quantities, is_at_least: bool) -> Step:
    ended = all(order.status == "canceled" for order in purchase.orders)
    if (ended or (total.ordered and total.expected == 0)) and not total.shipped:
        return Step("ordered", State.CANCELLED, total.ordered or 0, total.ordered, total.cancelled)
    if total.ordered is None or is_at_least:
        return Step("ordered", State.UNKNOWN, total.ordered or 0, total.ordered, total.cancelled, False, is_at_least)
    return Step("ordered", State.DONE, total.ordered, total.ordered, total.cancelled)


def _sent(step: Step) -> Step:
    """The step with how far it is."""
    if step.of is None or (step.is_at_least and step.pieces >= step.of):
        state = State.PARTIAL if step.pieces else State.UNKNOWN
    elif step.of == 0:
        state = State.CANCELLED if step.cancelled else State.UNKNOWN
    else:
        state = _state(step.pieces, step.of)
    return replace(step, state=state)


def _refunded(total: Quantities) -> Step:
    """What came back or was cancelled is to be paid back, but for what was refused when it had come back."""
    back = total.asked_back + total.reversed
    due = max(total.refunded, back - total.kept)
    return _back("refunded", total.refunded, due, max(back - due, 0))


def _back(name: str, pieces: int, due: int, refused: int = 0) -> Step:
    """A step that most purchases never take."""
    if due == 0:
        return Step(name, State.CANCELLED if refused else State.NONE, 0, 0, refused)
    return Step(name, _state(pieces, due), pieces, due, refused)


def _state(pieces: int, due: int) -> State:
    if pieces >= due:
        return State.DONE
    return State.PARTIAL if pieces else State.OPEN
