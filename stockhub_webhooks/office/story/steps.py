"""Progress of a purchase: ordered, shipped, delivered, returned, refunded. A step is done if all its pieces are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from stockhub_webhooks.models import Order, Shipment
from stockhub_webhooks.office.story.purchase import PurchaseStory
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import Quantities, lines_of, total_of

PROBLEM = "EXCEPTION"  # a shipment's status
COMPLETE = "complete"  # an order's status


class StepState(Enum):
    """Progress of one step."""

    DONE = "done"
    PARTIAL = "partial"
    OPEN = "open"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    NONE = "none"  # does not concern this purchase


@dataclass(frozen=True)
class StoryStep:
    """Step with its number of pieces.

    Attributes:
        name: ordered, shipped, delivered, returned or refunded.
        pieces: number of pieces that reached this step.
        of: number of pieces expected; None if unknown.
        is_at_least: `of` is a minimum, because an order of the purchase or one of its quantities is missing.
        cancelled: pieces that will not be sent; of a return, those refused; of a refund, those refused or exchanged.
        has_problem: the carrier reports a problem with a parcel.
    """

    name: str
    state: StepState
    pieces: int = 0
    of: int | None = None
    cancelled: int = 0
    has_problem: bool = False
    is_at_least: bool = False


def steps_of(purchase: PurchaseStory, lines: list[Quantities]) -> list[StoryStep]:
    """Return the five steps in chronological order."""
    total, is_at_least = _known_total(purchase, lines)
    shipped, delivered = (_capped_pieces(lines, counted) for counted in ("sent", "delivered"))
    has_problem = any(_has_problem(shipment) for shipment in purchase.shipments if purchase.has(shipment))
    return [
        _ordered(purchase, total, is_at_least),
        _sent(StoryStep("shipped", StepState.UNKNOWN, shipped, total.expected, total.cancelled, False, is_at_least)),
        _sent(
            StoryStep(
                "delivered", StepState.UNKNOWN, delivered, total.expected, total.cancelled, has_problem, is_at_least
            )
        ),
        _optional_step("returned", total.returned, total.asked_back, total.refused),
        _refunded(total),
    ]


class Lost(NamedTuple):
    """Pieces of a complete order that are in no shipment of it that we received.

    Attributes:
        pieces: their number.
        missing: those that no parcel of another order of the purchase may have: the message of a shipment was lost.
        has_shipment: True if we received another shipment of the order.
    """

    order: Order
    pieces: int
    missing: int
    has_shipment: bool


def lost_pieces(purchase: PurchaseStory) -> list[Lost]:
    """Return the complete orders with pieces that are in no shipment of theirs that we received."""
    complete = [order for order in purchase.orders if (order.status or "").lower() == COMPLETE]
    lines = lines_of(purchase) if complete else []
    surplus = Counter[tuple[str, str]]()
    for line in lines:
        needed = 0 if line.order is None or line.order.is_cancelled else line.expected
        surplus[line.sku, line.size] += max(line.sent - needed, 0) if needed is not None else 0
    found = []
    for order in complete:
        shipments = [each for each in purchase.shipments if purchase.has(each) and each.order_id == order.pk]
        own = [line for line in lines if line.order is order]
        at_hand = [item for each in shipments if not each.has_left for item in with_pieces(each.items.all())]
        pieces = sum(line.open or 0 for line in own) - sum(item.qty or 0 for item in at_hand)
        covered = 0
        for line in own:
            taken = min(line.open or 0, surplus[line.sku, line.size])
            surplus[line.sku, line.size] -= taken
            covered += taken
        if pieces > 0:
            found.append(Lost(order, pieces, max(pieces - covered, 0), bool(shipments)))
    return found


def _known_total(purchase: PurchaseStory, lines: list[Quantities]) -> tuple[Quantities, bool]:
    """Return the sum of all lines, and True if more may have been ordered."""
    total = total_of(lines)
    if total.ordered is None:
        known = [line.ordered for line in lines if line.ordered is not None]
        total.ordered = sum(known) if known else None
        return total, total.ordered is not None
    return total, any(order.is_stub for order in purchase.orders)


def _capped_pieces(lines: list[Quantities], counted: str) -> int:
    """Return the number of pieces, capped per line, so that a surplus of one line does not hide a shortage."""
    known = [line for line in lines if line.order] or lines
    numbers = ((int(getattr(line, counted)), line.expected) for line in known)
    return sum(number if expected is None else min(number, expected) for number, expected in numbers)


def _has_problem(shipment: Shipment) -> bool:
    return (shipment.status or "").upper() == PROBLEM and not shipment.is_delivered


def _ordered(purchase: PurchaseStory, total: Quantities, is_at_least: bool) -> StoryStep:
    ended = all(order.is_cancelled for order in purchase.orders)
    if (ended or (total.ordered and total.expected == 0)) and not total.sent:
        return StoryStep("ordered", StepState.CANCELLED, total.ordered or 0, total.ordered, total.cancelled)
    if total.ordered is None or is_at_least:
        return StoryStep(
            "ordered", StepState.UNKNOWN, total.ordered or 0, total.ordered, total.cancelled, False, is_at_least
        )
    return StoryStep("ordered", StepState.DONE, total.ordered, total.ordered, total.cancelled)


def _sent(step: StoryStep) -> StoryStep:
    """Set the state of a shipped or delivered step from its pieces."""
    if step.of is None or (step.is_at_least and step.pieces >= step.of):
        state = StepState.PARTIAL if step.pieces else StepState.UNKNOWN
    elif step.of == 0:
        state = StepState.CANCELLED if step.cancelled else StepState.UNKNOWN
    else:
        state = _state(step.pieces, step.of)
    return replace(step, state=state)


def _refunded(total: Quantities) -> StoryStep:
    """Return the refund step: returned and cancelled pieces are due, except those refused or exchanged."""
    back = total.asked_back + total.reversed
    due = max(total.refunded, back - total.kept)
    return _optional_step("refunded", total.refunded, due, max(back - due, 0))


def _optional_step(name: str, pieces: int, due: int, refused: int = 0) -> StoryStep:
    """Return a step that most purchases do not have."""
    if due == 0:
        return StoryStep(name, StepState.CANCELLED if refused else StepState.NONE, 0, 0, refused)
    return StoryStep(name, _state(pieces, due), pieces, due, refused)


def _state(pieces: int, due: int) -> StepState:
    if pieces >= due:
        return StepState.DONE
    return StepState.PARTIAL if pieces else StepState.OPEN
