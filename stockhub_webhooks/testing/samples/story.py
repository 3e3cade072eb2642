"""An order as Stock Hub stores it, and the messages about it over time."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples.world import ARTICLES, CUSTOMERS, WAREHOUSE, SampleLine, euros, line

START = datetime(2026, 3, 2, 9, 14, 5, tzinfo=timezone.utc)
FREE_SHIPPING_FROM = 25000
SHIPPING_CENTS = 495
RETURN_FEE_CENTS = 250


class Step(NamedTuple):
    """A message: its topic, its body, and the time at which Stock Hub sends it."""

    topic: str
    payload: dict[str, Any]
    at: datetime

    @property
    def number(self) -> str:
        """The number of the document, which becomes the `increment_id` of its row."""
        names = ("increment_id", "purchase_order_increment_id", "order_increment_id")
        return str(next(filter(None, map(self.payload.get, names)), ""))


@dataclass
class Parcel:
    """Lines that are sent together as one shipment."""

    number: str
    lines: Sequence[SampleLine]
    tracking_number: str
    created_at: datetime
    collected_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass
class Return:
    """Lines that come back as one return; `verdicts` has a status for each line once it is decided."""

    number: str
    lines: Sequence[SampleLine]
    tracking_number: str
    requested_at: datetime
    received_at: datetime | None = None
    processed_at: datetime | None = None
    verdicts: Sequence[str] = ()


class Story:
    """Writer of the messages about an order. Each method that returns a body also appends it to `steps`.

    Args:
        seed: decides the customer, the lines and all numbers; different seeds have no number in common.
        start: time of the order, aware.
        po_number: the shop's number of the order; default: one made from the seed.
        lines: lines of the order; default: lines that the seed decides.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        start: datetime = START,
        po_number: str | None = None,
        lines: Sequence[SampleLine] = (),
    ) -> None:
        chance = random.Random(seed)  # nosec B311  # repeatable
        self._first_number = (seed + 1) * 10
        self._used: dict[str, int] = {}
        self.steps: list[Step] = []
        self.now = self.placed_at = start
        self.number = f"{seed + 1:09}"
        self.po_number = po_number or f"SHOP-{1042 + seed}"
        self.customer = chance.choice(CUSTOMERS)
        self.lines = tuple(lines) or _some_lines(chance)
        self.shipping_cents = 0 if _sum(self.lines) >= FREE_SHIPPING_FROM else SHIPPING_CENTS

    def wait(self, **time: float) -> None:
        """Advance the clock, with the arguments of `timedelta`."""
        self.now += timedelta(**time)

    # ------------------------------------------------------------ the messages

    def order(self, status: str) -> dict[str, Any]:
        """Return a message about the order as it is now."""
        body = {
            "increment_id": self.number,
            "po_number": self.po_number,
            "status": status,
            "created_at": _timestamp(self.placed_at),
            "updated_at": _timestamp(self.now),
            "items": [line(article, quantity, "qty_ordered") for article, quantity in self.lines],
            "billing_address": self.customer,
            "shipping_address": self.customer,
            **self._totals(self.lines, self.shipping_cents),
        }
        return self._send(topics.ORDER, body)

    def invoice(self, lines: Sequence[SampleLine] = (), *, shipping: bool = True) -> dict[str, Any]:
        """Return a message about a new invoice, for the whole order if no lines are given."""
        body = {
            **self._child(self._next_number(topics.INVOICE)),
            "created_at": _timestamp(self.now),
            "updated_at": _timestamp(self.now),
            "items": [line(*each) for each in lines or self.lines],
            "billing_address": self.customer,
            **self._totals(lines or self.lines, self.shipping_cents if shipping else 0),
        }
        return self._send(topics.INVOICE, body)

    def pack(self, lines: Sequence[SampleLine] = ()) -> Parcel:
        """Prepare a parcel, with the whole order if no lines are given."""
        number = self._next_number(topics.SHIPMENT)
        return Parcel(number, lines or self.lines, f"1Z00AA{number:0>12}", self.now)

    def shipment(self, parcel: Parcel, status: str) -> dict[str, Any]:
        """Return a message about a shipment; the status also sets the times of collection and delivery."""
        if status != "READY_FOR_PICKUP":
            parcel.collected_at = parcel.collected_at or self.now
        if status == "DELIVERED":
            parcel.delivered_at = parcel.delivered_at or self.now
        body = {
            **self._child(parcel.number),
            "status": status,
            "created_at": _shipment_timestamp(parcel.created_at),
            "updated_at": _shipment_timestamp(self.now),
            "collected_at": _shipment_timestamp(parcel.collected_at),
            "delivered_at": _shipment_timestamp(parcel.delivered_at),
            "items": [line(*each) for each in parcel.lines],
            "track": _track(parcel.tracking_number),
            "origin_address": WAREHOUSE,
            "shipping_address": self.customer,
        }
        return self._send(topics.SHIPMENT, body)

    def take_back(self, lines: Sequence[SampleLine]) -> Return:
        """Prepare a return."""
        number = self._next_number(topics.RMA)
        return Return(number, lines, f"1Z00BB{number:0>12}", self.now)

    def rma(self, back: Return, status: str) -> dict[str, Any]:
        """Return a message about a return; its items have its status until `verdicts` is set."""
        items = [
            self._returned_item(back, position, status if not back.verdicts else back.verdicts[position])
            for position in range(len(back.lines))
        ]
        body = {
            **self._child(back.number),
            "status": status,
            "date_requested": _timestamp(back.requested_at),
            "date_received": _timestamp(back.received_at),
            "date_processed": _timestamp(back.processed_at),
            "items": items,
            "track": None if status == "pending" else _track(back.tracking_number),
        }
        return self._send(topics.RMA, body)

    def credit_memo(
        self, lines: Sequence[SampleLine], *, reversal: str = "NONE", fee_cents: int = 0, adjustment_cents: int = 0
    ) -> dict[str, Any]:
        """Return a message about a new credit note for lines; `fee_cents` is the fee for each piece."""
        items = [
            {**line(*each), "reversal": reversal, "return_item_fee": euros(fee_cents * each.quantity)} for each in lines
        ]
        fees = fee_cents * sum(each.quantity for each in lines)
        body = {
            **self._child(self._next_number(topics.CREDIT_MEMO)),
            "created_at": _timestamp(self.now),
            "updated_at": _timestamp(self.now),
            "items": items,
            "billing_address": self.customer,
            "adjustment": euros(adjustment_cents),
            "fee_amount": euros(fees),
            **self._totals(lines, 0),
            "grand_total": euros(_sum(lines) + adjustment_cents - fees),
        }
        return self._send(topics.CREDIT_MEMO, body)

    def payment_request(self) -> dict[str, Any]:
        """Return a message about a request to pay for the order (V2)."""
        number = self._next_number(topics.PAYMENT_REQUEST)
        total = _sum(self.lines) + self.shipping_cents
        body = {
            "order_increment_id": self.number,
            "purchase_order_increment_id": number,
            "pay_by_link": f"https://pay.example.com/p/{number}",
            "created_at": _timestamp(self.now),
            "items": [{**line(*each), "external_reference": None} for each in self.lines],
            "billing_address": self.customer,
            "shipping_address": self.customer,
            "payment": {"method": "purchaseorder", "po_number": self.po_number},
            "tax_amount": euros(round(total * 21 / 121)),
            "discount_amount": 0,
            **self._totals(self.lines, self.shipping_cents),
        }
        return self._send(topics.PAYMENT_REQUEST, body)

    # ------------------------------------------------------------ parts of messages

    def _send(self, topic: str, body: dict[str, Any]) -> dict[str, Any]:
        body = copy.deepcopy(body)  # so that two messages share no address
        self.steps.append(Step(topic, body, self.now))
        return body

    def _next_number(self, topic: str) -> str:
        """Return the next number of a topic; each topic has its own numbers."""
        self._used[topic] = self._used.get(topic, -1) + 1
        return f"{self._first_number + self._used[topic]:09}"

    def _child(self, number: str) -> dict[str, Any]:
        return {
            "increment_id": number,
            "order_increment_id": self.number,
            "po_number": self.po_number,
            "currency": "EUR",
        }

    def _totals(self, lines: Sequence[SampleLine], shipping_cents: int) -> dict[str, Any]:
        return {
            "currency": "EUR",
            "subtotal": euros(_sum(lines)),
            "shipping_price": euros(shipping_cents),
            "grand_total": euros(_sum(lines) + shipping_cents),
        }

    def _returned_item(self, back: Return, position: int, status: str) -> dict[str, Any]:
        article, quantity = back.lines[position]
        approved = {"approved": quantity, "processed_closed": quantity, "rejected": 0}.get(status)
        return {
            **article.body(),
            "id": int(back.number) * 10 + position,
            "color": article.color,
            "resolution": "refund",
            "reason": "no_reason",
            "qty_requested": quantity,
            "qty_approved": approved,
            "qty_returned": quantity if back.received_at else None,
            "merchant_product_reference": article.mpn,
            "merchant_resolution": None,
            "item_return_fee": euros(RETURN_FEE_CENTS),
            "row_line_return_fee": euros(RETURN_FEE_CENTS * quantity),
            "status": status,
        }


def _some_lines(chance: random.Random) -> tuple[SampleLine, ...]:
    return tuple(
        SampleLine(article, chance.choice((1, 1, 2, 3))) for article in chance.sample(ARTICLES, chance.randint(2, 4))
    )


def _sum(lines: Sequence[SampleLine]) -> int:
    return sum(each.cents for each in lines)


def _track(number: str) -> dict[str, Any]:
    return {
        "carrier": "ups",
        "method": None,
        "tracking_number": number,
        "tracking_url": f"https://tracking.example.com/track/request?loc=nl_NL&tracknum={number}",
    }


def _timestamp(at: datetime | None) -> str | None:
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds") if at else None


def _shipment_timestamp(at: datetime | None) -> str | None:
    """Return a time as only shipments write it: without T and without a time zone."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if at else None
