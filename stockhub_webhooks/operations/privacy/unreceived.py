"""Orders that are known only from messages that were not applied or let in, such as those with a mistyped key.

To be erased, such an order gets a row that says so, which keeps later messages about it without persons.
"""

from __future__ import annotations

from typing import NamedTuple

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.operations.privacy import bodies
from stockhub_webhooks.operations.privacy.bodies import About
from stockhub_webhooks.operations.privacy.subjects import Subjects, by_order
from stockhub_webhooks.serializers.identity import LENGTH, Identity


class Unreceived(NamedTuple):
    """An order without a row, and the number of bodies that name it."""

    account: str
    number: str
    bodies: int

    @property
    def numbers(self) -> list[str]:
        """Its number, as `Subjects` has those of several orders."""
        return [self.number]

    @property
    def about(self) -> About:
        """Which bodies name it."""
        return About(lambda named: Identity(topics.ORDER, self.number) in named)

    def begin(self) -> Subjects:
        """Give the order a row; return it."""
        rows = Order.objects.using(database_alias())
        return Subjects(self.account, (rows.get_or_create(account=self.account, increment_id=self.number)[0],))


def find(number: str, account: str = "") -> Unreceived | None:
    """Return the order with one of Stock Hub's numbers if a body that was not applied or let in names it.

    Raises:
        MultipleAccounts: bodies of several accounts name it, and none is named.
        ValueError: only refused bodies name it, there are several accounts, and none is named.
    """
    number = _padded(number)
    about = Unreceived(account, number, 0).about
    found: dict[str, int] = {}
    refused = 0
    for name in _accounts(account):
        messages, others = bodies.of_person(name, about)
        refused = len(others)
        if messages:
            found[name] = len(messages)
    if len(found) > 1:
        raise MultipleAccounts(found)
    if not found and not refused:
        return None
    owner = next(iter(found), "") or conf.account(account)
    return Unreceived(owner, number, found.get(owner, 0) + refused)


def find_beside(text: str, account: str = "") -> list[Unreceived | Subjects]:
    """Return the orders that bodies that were not applied or let in name in a document with a text.

    Args:
        text: the shop's own number, or an e-mail address.
        account: the account; "" for all.

    Raises:
        MultipleAccounts: an order is in several accounts, and none is named.
        ValueError: only refused bodies name an order, there are several accounts, and none is named.
    """
    numbers = {_padded(number) for name in _accounts(account) for number in bodies.orders_beside(text, name)}
    found = (by_order(number, account) or find(number, account) for number in sorted(numbers))
    return [each for each in found if each]


def _accounts(account: str) -> set[str]:
    rows = Message.objects.using(database_alias()).order_by().values_list("account", flat=True).distinct()
    return {account} if account else {*rows, *conf.accounts()}


def _padded(number: str) -> str:
    number = number.strip()
    return number.zfill(LENGTH) if number.isdigit() else number
