"""Lives of orders, from the first message to the last, and single messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples.changes import changed
from stockhub_webhooks.testing.samples.story import RETURN_FEE_CENTS, START, Parcel, Step, Story
from stockhub_webhooks.testing.samples.world import SampleLine, line_of

T = TypeVar("T")


@dataclass(frozen=True)
class Life:
    """The messages of one order in the sequence in which they are sent, each a `(topic, payload, at)`.

    Attributes:
        name: one of `LIVES`.
        increment_id: Stock Hub's number of the order.
        po_number: the shop's number of the order.
        steps: the messages.
    """

    name: str
    increment_id: str
    po_number: str
    steps: tuple[Step, ...] = field(repr=False)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def ending(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the newest payload by topic and number, in whatever sequence the messages come."""
        newest: dict[tuple[str, str], Step] = {}
        for step in self.steps:
            key = (step.topic, step.number)
            if key not in newest or step.at >= newest[key].at:
                newest[key] = step
        return {key: step.payload for key, step in newest.items()}


def life(
    name: str = "happy",
    seed: int = 0,
    *,
    start: datetime = START,
    po_number: str | None = None,
    items: Sequence[Mapping[str, Any]] = (),
) -> Life:
    """Return the life of an order.

    Args:
        name: one of `LIVES`.
        seed: decides the customer, the lines and all numbers; lives of different seeds have no number in common.
        start: time of the order, aware.
        po_number: the shop's number of the order; default: one made from the seed.
        items: the lines of the order: dicts such as `{"sku": "A-1", "size": "42", "qty": 2}`, see `world.line_of`;
            default: lines that the seed decides. Of a single piece nothing is sent, cancelled or returned in part.

    Raises:
        KeyError: there is no life with this name.
        ValueError: an item is not understood.
    """
    story = Story(seed, start=start, po_number=po_number, lines=[line_of(item) for item in items])
    _known(name, LIVES, "life")(story)
    return Life(name, story.number, story.po_number, tuple(story.steps))


def payload(topic: str, *, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a valid body of one topic.

    Args:
        topic: one of `topics.ALL`.
        seed: decides the order; bodies with the same seed are about the same order, in all topics.
        changes: changed values: `status="complete"`, `shipping_address__city="Delft"`, `items__qty=3`.

    Raises:
        KeyError: there is no such topic, or no such field of a part.
    """
    body = _known(topic, BY_TOPIC, "topic")(Story(seed))
    for name in changes:
        _refuse_unknown_field(body, *name.partition("__")[::2])
    return changed(body, **changes)


def _refuse_unknown_field(body: dict[str, Any], part: str, field: str) -> None:
    """Refuse a field that a part of the body does not have, which is a typing error; `changed` adds such fields."""
    inner = body.get(part) or {}
    first = inner[0] if isinstance(inner, list) else inner
    if field and first and field not in first:
        raise KeyError(f"{part} has no field {field!r}; it has {', '.join(first)}")


def _known(name: str, choices: Mapping[str, Callable[[Story], T]], kind: str) -> Callable[[Story], T]:
    if name not in choices:
        raise KeyError(f"{name!r} is no {kind}; these are: {', '.join(choices)}")
    return choices[name]


# ---------------------------------------------------------------- single messages


def _return_of_one(story: Story) -> dict[str, Any]:
    return story.rma(story.take_back(_one_piece(story.lines[0])), "authorized")


BY_TOPIC: dict[str, Callable[[Story], dict[str, Any]]] = {
    topics.ORDER: lambda story: story.order("processing"),
    topics.SHIPMENT: lambda story: story.shipment(story.pack(), "IN_TRANSIT"),
    topics.INVOICE: lambda story: story.invoice(),
    topics.RMA: _return_of_one,
    topics.CREDIT_MEMO: lambda story: story.credit_memo(_one_piece(story.lines[0]), fee_cents=RETURN_FEE_CENTS),
    topics.PAYMENT_REQUEST: lambda story: story.payment_request(),
}


def _one_piece(line: SampleLine) -> tuple[SampleLine]:
    return (SampleLine(line.article, 1),)


def _in_two(lines: Sequence[SampleLine]) -> tuple[Sequence[SampleLine], Sequence[SampleLine]]:
    """Return the first line and the others; of a single line one piece and the others, which may be none."""
    if len(lines) > 1:
        return lines[:1], lines[1:]
    (only,) = lines
    return _one_piece(only), [SampleLine(only.article, only.quantity - 1)] if only.quantity > 1 else []


# ---------------------------------------------------------------- lives


def _deliver(story: Story, *parcels: Parcel) -> None:
    """Have all parcels collected on the same day, then deliver one a day."""
    for parcel in parcels:
        story.wait(minutes=20)
        story.shipment(parcel, "READY_FOR_PICKUP")
    story.wait(hours=3)
    for parcel in parcels:
        story.wait(minutes=2)
        story.shipment(parcel, "IN_TRANSIT")
    for parcel in parcels:
        story.wait(hours=22, minutes=13)
        story.shipment(parcel, "DELIVERED")


def _happy(story: Story) -> None:
    """Order, invoice, send and deliver everything in one parcel."""
    story.order("processing")
    story.wait(minutes=6)
    story.invoice()
    _deliver(story, story.pack())
    story.wait(minutes=1)
    story.order("complete")


def _parcels(story: Story) -> None:
    """Send the order in two parcels, each with its own invoice."""
    story.order("processing")
    parts = [part for part in _in_two(story.lines) if part]
    for lines in parts:
        story.wait(minutes=6)
        story.invoice(lines, shipping=lines is parts[0])
    _deliver(story, *(story.pack(lines) for lines in parts))
    story.wait(minutes=1)
    story.order("complete")


def _partial(story: Story) -> None:
    """Cancel and credit the lines that are not in stock, and send the rest."""
    story.order("processing")
    story.wait(minutes=6)
    story.invoice()
    missing, in_stock = _in_two(story.lines)
    story.wait(hours=2)
    story.credit_memo(missing, reversal="CANCELLED")
    if in_stock:
        _deliver(story, story.pack(in_stock))
    story.wait(minutes=1)
    story.order("complete" if in_stock else "closed")


def _cancelled(story: Story) -> None:
    """Cancel the order before anything is sent."""
    story.order("pending")
    story.wait(minutes=40)
    story.order("processing")
    story.wait(hours=5)
    story.order("canceled")


def _returned(story: Story) -> None:
    """Deliver everything, then return, approve and credit it, less a fee for each piece."""
    _happy(story)
    story.wait(days=3)
    back = story.take_back(story.lines)
    for status in ("pending", "authorized"):
        story.rma(back, status)
        story.wait(hours=4)
    story.wait(days=2)
    back.received_at = story.now
    story.rma(back, "received")
    story.wait(hours=5)
    back.verdicts = ["approved"] * len(back.lines)
    story.rma(back, "approved")
    story.wait(hours=1)
    story.credit_memo(story.lines, fee_cents=RETURN_FEE_CENTS)
    back.processed_at = story.now
    story.rma(back, "processed_closed")
    story.wait(minutes=1)
    story.order("closed")


def _partial_refund(story: Story) -> None:
    """Deliver everything, then return two pieces: credit one, and reject the other."""
    _happy(story)
    story.wait(days=5)
    pieces = [piece for part in _in_two(story.lines) if part for piece in _one_piece(part[0])]
    back = story.take_back(pieces)
    story.rma(back, "authorized")
    story.wait(days=2)
    back.received_at = story.now
    story.rma(back, "received")
    story.wait(hours=5)
    back.verdicts = ["approved", "rejected"][: len(pieces)]
    story.rma(back, "approved_on_item")
    story.wait(hours=1)
    story.credit_memo(back.lines[:1], fee_cents=RETURN_FEE_CENTS, adjustment_cents=100)


def _payment_request(story: Story) -> None:
    """Let the customer pay by a link first."""
    story.order("pending_payment")
    story.wait(minutes=1)
    story.payment_request()
    story.wait(minutes=30)
    _happy(story)


LIVES: dict[str, Callable[[Story], None]] = {
    "happy": _happy,
    "parcels": _parcels,
    "partial": _partial,
    "cancelled": _cancelled,
    "returned": _returned,
    "partial_refund": _partial_refund,
    "payment_request": _payment_request,
}
