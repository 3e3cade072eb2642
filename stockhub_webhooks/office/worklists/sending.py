"""Rules on orders and their pieces: what was ordered, sent, cancelled, returned and invoiced.

Pieces are compared by article over the whole purchase: a purchase may be split into several orders, and an edited
order is cancelled and continues under another number, while its parcel may name either of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stockhub_webhooks.models import Order
from stockhub_webhooks.office.worklists.loading import Case, first_known
from stockhub_webhooks.office.worklists.rules import Finding
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import Quantities

COMPLETE, CLOSED, WAITS_FOR_PAYMENT = "complete", "closed", "pending_payment"


@dataclass
class ArticlePieces:
    """The pieces of one article over all orders of a purchase.

    Attributes:
        lines: the lines with this article, those of older orders first.
        invoiced: pieces on the invoices.
    """

    lines: list[Quantities] = field(default_factory=list)
    invoiced: int = 0

    def total(self, name: str) -> int:
        """Return the sum of a quantity over all lines."""
        return sum(getattr(line, name) or 0 for line in self.lines)

    @property
    def surplus(self) -> int:
        """Pieces that were sent beyond what their own line needs: they may be those of another line."""
        return sum(max(line.sent - needed(line), 0) for line in self.lines)

    @property
    def is_known(self) -> bool:
        """True if at least one order has the article, and each of its lines a quantity."""
        lines = [line for line in self.lines if line.order]
        return bool(lines) and all(line.ordered is not None for line in lines)


def needed(line: Quantities) -> int:
    """Return the pieces of a line that are to be sent: none of a cancelled order, all that was sent of a closed one."""
    if line.order is None or line.order.is_cancelled:
        return 0
    if line.ordered is None or status(line.order) == CLOSED:
        return line.sent
    return max(line.ordered - line.reversed, 0)


def status(order: Order) -> str:
    """Return the status in lower case, "" if there is none."""
    return (order.status or "").lower()


class Sending:
    """The rules of this module for one purchase."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.orders = case.purchase.orders
        self.articles: dict[tuple[str, str], ArticlePieces] = defaultdict(ArticlePieces)
        for line in case.lines:
            self.articles[line.sku, line.size].lines.append(line)
        self.open = self._open_pieces()

    def _open_pieces(self) -> dict[int, int]:
        """Return the pieces that are still to be sent, by the primary key of the order."""
        pieces: dict[int, int] = defaultdict(int)
        for article in self.articles.values():
            spare = article.surplus
            for line in article.lines:
                missing = max(needed(line) - line.sent, 0)
                covered = min(missing, spare)
                spare -= covered
                if line.order:
                    pieces[line.order.pk] += missing - covered
        return pieces

    def find(self) -> Iterator[Finding]:
        """Yield what holds."""
        for order in self.orders:
            if not order.is_stub:
                yield from self.unsent(order)
                yield from self.cancelled_but_sent(order)
        yield from self.invoiced_not_shipped()
        yield from self.pieces_differ()

    # ------------------------------------------------------------ nothing, or not all, was sent

    def unsent(self, order: Order) -> Iterator[Finding]:
        """Yield `not_sent`, or of an order that is complete `complete_without_shipment`."""
        if order.is_cancelled or status(order) == CLOSED:
            return
        lines = self.case.lines_of(order)
        has_shipment = bool(self.case.documents(order, "shipments"))
        pieces = self.open[order.pk]
        has_no_documents = not (lines or has_shipment or order.erased_at)  # an erased order may be a number alone
        if not (pieces or has_no_documents):
            return
        facts = {"pieces": pieces, "of": sum(needed(line) for line in lines)}
        if status(order) == COMPLETE:
            if not has_shipment:
                since = first_known(order, "updated_at", "created_at")
                yield Finding("complete_without_shipment", order, since, [{"code": "complete", **facts}])
        elif not (status(order) == WAITS_FOR_PAYMENT and self.case.purchase.payment_requests):
            since = first_known(order, "created_at", "updated_at")
            yield Finding("not_sent", order, since, [{"code": "not_sent", **facts}])

    def cancelled_but_sent(self, order: Order) -> Iterator[Finding]:
        """Yield an order that is cancelled and left all the same, unless another order of the purchase needs it."""
        if not order.is_cancelled:
            return
        left = [shipment for shipment in self.case.documents(order, "shipments") if shipment.has_left]
        if not left:
            return
        pieces = 0
        for line in self.case.lines_of(order) or [line for line in self.case.lines if line.order is None]:
            article = self.articles[line.sku, line.size]
            needs = sum(needed(each) for each in article.lines)
            too_many = article.total("sent") - needs - article.total("returned")
            pieces += max(min(line.sent, too_many), 0)
        if pieces:
            sent = min(first_known(shipment, "collected_at", "created_at", "updated_at") for shipment in left)
            since = max(sent, first_known(order, "updated_at", "created_at"))
            numbers = sorted(shipment.increment_id for shipment in left)[:20]
            facts = {"code": "cancelled_but_sent", "pieces": pieces, "numbers": numbers}
            yield Finding("cancelled_but_sent", order, since, [facts])

    # ------------------------------------------------------------ invoices

    def invoiced_not_shipped(self) -> Iterator[Finding]:
        """Yield orders of which more pieces were invoiced than sent."""
        for order in self.orders:
            invoices = self.case.documents(order, "invoices")
            if not invoices or order.is_cancelled or status(order) in (COMPLETE, CLOSED):
                continue
            lines = self.case.lines_of(order)
            sent = sum(line.sent for line in lines) + self._covered(order)
            if not lines:
                sent = _pieces_of(self.case.documents(order, "shipments"))
            sent += sum(line.reversed for line in lines)
            invoices = sorted(invoices, key=_since_of)
            total, since = 0, None
            for invoice in invoices:
                total += _pieces_of([invoice])
                if since is None and (total > sent or (not total and not self.case.documents(order, "shipments"))):
                    since = _since_of(invoice)
            if since:
                facts = {"code": "invoiced_not_shipped", "pieces": max(total - sent, 0)}
                numbers = [invoice.increment_id for invoice in invoices][:20]
                yield Finding("invoiced_not_shipped", order, since, [{**facts, "numbers": numbers}])

    def _covered(self, order: Order) -> int:
        """Return the pieces of an order that were sent under another order of the purchase."""
        missing = sum(max(needed(line) - line.sent, 0) for line in self.case.lines_of(order))
        return max(missing - self.open[order.pk], 0)

    # ------------------------------------------------------------ surplus

    def pieces_differ(self) -> Iterator[Finding]:
        """Yield orders of which other pieces were sent, returned or credited than ordered."""
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        if self.case.knows_all_lines:
            for (sku, size), article in self.articles.items():
                order = next((line.order for line in article.lines if line.order), None) or self._order_of_strangers()
                if order:
                    facts = {"sku": sku, "size": size}
                    found[order.pk] += [{**reason, **facts} for reason in self._reasons(article)]
        for order in self.orders:
            shipments = self.case.documents(order, "shipments")
            missing = self.open[order.pk] - _pieces_of([each for each in shipments if not each.has_left])
            if status(order) == COMPLETE and shipments and missing > 0:
                found[order.pk].append({"code": "complete_in_part", "pieces": missing})
            if found[order.pk]:
                yield Finding("pieces_differ", order, self._last_change(order), found[order.pk][:20])

    def _reasons(self, article: ArticlePieces) -> Iterator[dict[str, Any]]:
        ordered, sent, returned = article.total("ordered"), article.total("sent"), article.total("returned")
        refunded, is_reversed = article.total("refunded"), article.total("reversed")
        if sent > ordered:
            yield {"code": "sent_too_many", "pieces": sent, "of": ordered}
        elif (
            is_reversed
            and sent > ordered - is_reversed
            and not any(line.order and line.order.is_cancelled for line in article.lines)
        ):
            yield {"code": "cancelled_pieces_sent", "pieces": sent, "of": ordered - is_reversed}
        if returned > ordered or (sent and returned > sent):
            yield {"code": "returned_too_many", "pieces": returned, "of": min(sent or ordered, ordered)}
        if refunded > ordered:
            yield {"code": "credited_too_many", "pieces": refunded, "of": ordered}

    def _order_of_strangers(self) -> Order | None:
        """Return the order that articles which nobody ordered are listed under."""
        return next((order for order in reversed(self.orders) if not order.is_cancelled), self.orders[-1])

    def _last_change(self, order: Order) -> datetime:
        """Return the time of the newest document that moves pieces, or of the order."""
        names = ("shipments", "rmas", "credit_memos")
        documents = [document for name in names for document in self.case.documents(order, name)]
        if not documents:
            return first_known(order, "updated_at", "created_at")
        return max(first_known(document, "created_at", "date_received", "date_requested") for document in documents)


def _since_of(document: Any) -> datetime:
    return first_known(document, "created_at", "updated_at")


def _pieces_of(documents: list[Any]) -> int:
    return sum(item.qty or 0 for document in documents for item in with_pieces(document.items.all()))


def find(case: Case) -> Iterator[Finding]:
    """Yield what holds of the rules of this module."""
    if case.purchase.orders:
        yield from Sending(case).find()
