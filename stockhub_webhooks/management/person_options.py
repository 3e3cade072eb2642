"""The options of the commands about a customer."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from stockhub_webhooks.operations.privacy import unreceived
from stockhub_webhooks.operations.privacy.subjects import Subjects, by_email, by_order, by_po_number
from stockhub_webhooks.operations.privacy.unreceived import Unreceived


def add_person_options(parser: ArgumentParser) -> Any:
    """Define `--order`, `--po`, `--email` and `--account`; return the group, of which one option must be given."""
    parser.add_argument("--account", default="", help="needed if several accounts have the number")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--order", help="Stock Hub's number of the order")
    group.add_argument("--po", help="the shop's own order number")
    group.add_argument("--email", help="an e-mail address; it may be shared or masked, so look at the orders")
    return group


def chosen_subjects(options: dict[str, Any]) -> tuple[list[Subjects], list[Unreceived]]:
    """Return the orders that the options choose, by account, and those that were not received.

    Raises:
        MultipleAccounts: several accounts have the number, and none is named.
        ValueError: an order was refused, there are several accounts, and none is named.
    """
    account, number = options["account"], options["order"]
    beside: list[Subjects | Unreceived | None]
    if number:
        found = [by_order(number, account)]
        beside = [] if found[0] else [unreceived.find(number, account)]
    else:
        text = options["email"] or options["po"]
        found = by_email(text, account) if options["email"] else [by_po_number(text, account)]
        beside = [*unreceived.find_beside(text, account)]
    known = {(each.account, number) for each in found for number in each.numbers}
    rows = [each for each in beside if isinstance(each, Subjects)]
    found += [each for each in rows if not known.issuperset((each.account, number) for number in each.numbers)]
    return [each for each in found if each], [each for each in beside if isinstance(each, Unreceived)]
