"""The calls of one run, in their sequence: numbers that only the shop knows, the list of returns, then the orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias, is_reachable
from stockhub_webhooks.exceptions import (
    RestError,
    RestNotConfigured,
    RestNotFound,
    RestRefused,
    RestUnavailable,
    Unreadable,
    error_location,
)
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Order, Pull
from stockhub_webhooks.office.worklists import sweep as worklists
from stockhub_webhooks.operations.reconcile import answers, asking
from stockhub_webhooks.operations.reconcile.answers import Difference
from stockhub_webhooks.operations.reconcile.asking import PullChoice
from stockhub_webhooks.serializers.shapes import trimmed

if TYPE_CHECKING:  # httpx may not be installed
    from stockhub_webhooks.operations.reconcile.client import Client, JsonAnswer

logger = logger_of(__name__)

AN_INSTANT = timedelta(microseconds=1)
MAX_UNAVAILABLE = 3  # calls in a row: one alone may be a fault of that document


@dataclass(frozen=True)
class AnswerStep:
    """The result of one answer.

    Attributes:
        topic: of the document; "" for an order number of the shop.
        number: Stock Hub's number, or the shop's.
        result: one of `models.pull.RESULTS`.
        outcome: a `Message.Outcome`, "" if nothing differs.
        fields: the names of what differs.
        error: why the call failed, "" if it did not.
        total: the number of answers that the run expects, as far as it knows by now.
    """

    topic: str
    number: str
    result: str
    outcome: str = ""
    fields: list[str] = field(default_factory=list)
    error: str = ""
    total: int = 0


@dataclass
class Run:
    """The calls for one account.

    Attributes:
        client: makes the calls.
        choice: what to ask for.
        began_at: what was asked for after this is not asked for again, so that a run can be continued.
        keep: False to store nothing.
        stage: what comes next; kept by the caller, to continue from there.
        page: the page of the list of returns that comes next.
        done_before: the number of answers before an interruption.
    """

    client: Client
    choice: PullChoice
    began_at: datetime
    keep: bool = True
    stage: str = Pull.Stage.NUMBERS
    page: int = 1
    done_before: int = 0
    _unavailable: int = 0
    _expected: int = 0
    _done: int = 0

    def steps(self) -> Iterator[AnswerStep]:
        """Make the calls; yield the result of each answer.

        Raises:
            RestNotConfigured: a setting is wrong.
            RestRefused: the token or the address is wrong.
            RestUnavailable: Stock Hub does not answer; a later run goes on from here.
        """
        for step in self._everything() if self.choice.is_everything else self._chosen():
            self._done += 1
            yield replace(step, total=max(self._expected, self._done))

    def _everything(self) -> Iterator[AnswerStep]:
        if self.stage == Pull.Stage.NUMBERS:
            numbers = asking.numbers_to_ask(self.client.account, self.began_at)
            self._expected = len(numbers)
            for number in numbers:
                yield from self._number(number)
            self.stage = Pull.Stage.RETURNS
        if self.stage == Pull.Stage.RETURNS:
            yield from self._returns()
            self.stage = Pull.Stage.ORDERS
        orders = asking.orders_to_ask(self.client.account, self.choice.since, self.began_at)
        self._expected = self._done + len(orders)
        for number in orders:
            yield from self._order(number)
            yield from self._successor(number)

    def _chosen(self) -> Iterator[AnswerStep]:
        for po_number in self.choice.po_numbers:
            yield from self._number(trimmed(po_number), with_returns=True)
        for number in self.choice.orders:
            yield from self._order(trimmed(number))
            yield from self._returns(trimmed(number))

    def _number(self, po_number: str, *, with_returns: bool = False) -> Iterator[AnswerStep]:
        """Ask for Stock Hub's number of an order of the shop, then for the order."""
        found: list[str] = []

        def ask() -> None:
            found.append(self.client.order_number(po_number))

        failed = self._attempt("", po_number, ask)
        number = "".join(found)
        steps = [failed or AnswerStep("", po_number, "unknown")]
        if number:
            steps = list(self._order(number, po_number=po_number))
        if self.keep:
            is_known = bool(number and self._stored(number))
            # a number that could not be asked for is asked for again, by this run too if it is continued
            before = self.began_at - AN_INSTANT if self._unavailable else None
            asking.note_asked(self.client.account, po_number, is_known=is_known, asked_at=before)
        yield from steps
        if number and with_returns:
            yield from self._returns(number)

    def _order(self, number: str, *, po_number: str = "") -> Iterator[AnswerStep]:
        differences: list[Difference | None] = []
        account = self.client.account

        def ask() -> None:
            answer = self.client.order(number)
            differences.append(answers.take(answer, topics.ORDER, account, po_number=po_number, keep=self.keep))
            if self.keep and (order := self._stored(number)):
                answers.note_order(order, answer)
                worklists.look_at([order.pk])

        failed = self._attempt(topics.ORDER, number, ask)
        if failed and failed.result == "unknown" and self.keep and (order := self._stored(number)):
            answers.note_unknown(order)
            worklists.look_at([order.pk])
        yield failed or _step(topics.ORDER, number, differences[0])

    def _successor(self, number: str) -> Iterator[AnswerStep]:
        """Fetch the order that took the place of an edited one; Magento cancels that, and both have one `po_number`."""
        account = self.client.account
        order = self._stored(number)
        if order is None or not order.po_number or not conf.of_account("RECENT_PO_NUMBERS", account):
            return
        po_number, found = order.po_number, []
        if (order.status or "").lower() in asking.UNCHANGEABLE:
            return
        failed = self._attempt("", po_number, lambda: found.append(self.client.order_number(po_number)))
        if failed:
            yield failed
        elif found[0] and not self._stored(found[0]):
            yield from self._order(found[0], po_number=po_number)

    def _returns(self, order: str = "") -> Iterator[AnswerStep]:
        """Go through the list of returns, of one order or of all."""
        pages = self.client.rmas(order, 1 if order else self.page)
        while True:
            try:
                page = next(pages, None)
            except (RestNotConfigured, RestRefused, RestUnavailable):
                raise
            except RestError as error:
                yield AnswerStep(topics.RMA, order, "failed", error=str(error))
                return
            if page is None:
                return
            self._unavailable = 0
            self._expected = max(self._expected, self._done + (page.total or 0))
            for item in page.items:
                if not order or _names_order(item, order):
                    yield from self._return(item)
            if not order:
                self.page = page.number + 1

    def _return(self, item: JsonAnswer) -> Iterator[AnswerStep]:
        number = str(item.data.get("increment_id", "")) if isinstance(item.data, dict) else ""
        differences: list[Difference | None] = []

        def ask() -> None:
            differences.append(answers.take(item, topics.RMA, self.client.account, keep=self.keep))

        yield self._attempt(topics.RMA, number, ask) or _step(topics.RMA, number, differences[0])

    def _attempt(self, topic: str, number: str, ask: Callable[[], None]) -> AnswerStep | None:
        """Make a call and take its answer; return the step of a failure that stops no other call, or None."""
        try:
            ask()
        except (RestNotConfigured, RestRefused):
            raise
        except RestUnavailable as error:
            self._unavailable += 1
            if self._unavailable >= MAX_UNAVAILABLE or error.retry_after:
                raise
            return AnswerStep(topic, number, "failed", error=str(error))
        except RestNotFound:
            self._unavailable = 0
            return AnswerStep(topic, number, "unknown")
        except (RestError, Unreadable) as error:
            self._unavailable = 0
            return AnswerStep(topic, number, "failed", error=str(error))
        except Exception as error:
            if not is_reachable(database_alias()):
                raise
            self._unavailable = 0
            location = error_location(error)
            logger.error(
                "%s %s from Stock Hub could not be applied (%s); the next run tries again", topic, number, location
            )
            return AnswerStep(topic, number, "failed", error=location)
        self._unavailable = 0
        return None

    def _stored(self, number: str) -> Order | None:
        rows = Order.objects.of_account(self.client.account).using(database_alias())
        return rows.filter(increment_id=number).first()


def _step(topic: str, number: str, difference: Difference | None) -> AnswerStep:
    if difference is None:
        return AnswerStep(topic, number, "unchanged")
    return AnswerStep(topic, number, "changed", difference.outcome, difference.fields)


def _names_order(item: JsonAnswer, order: str) -> bool:
    """Return True if a return names this order; a server may ignore the filter."""
    with suppress(AttributeError):
        return str(item.data.get("order_increment_id", "")).zfill(9) == order.zfill(9)
    return False
