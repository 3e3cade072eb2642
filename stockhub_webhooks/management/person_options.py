"""The options of the commands about a customer."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from stockhub_webhooks.operations.privacy.subjects import Subjects, by_email, by_order, by_po_number


def add_person_options(parser: ArgumentParser) -> Any:
    """Define `--order`, `--po`, `--email` and `--account`; return the group, of which one option must be given."""
    parser.add_argument("--account", default="", help="needed if several accounts have the number")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--order", help="Stock Hub's number of the order")
    group.add_argument("--po", help="the shop's own order number")
    group.add_argument("--email", help="an e-mail address; it may be shared or masked, so look at the orders")
    return group


def chosen_subjects(options: dict[str, Any]) -> list[Subjects]:
    """Return the orders that the options choose, by account.

    Raises:
        MultipleAccounts: several accounts have the number, and none is named.
    """
    account = options["account"]
    if options["email"]:
        return by_email(options["email"], account)
    found = by_order(options["order"], account) if options["order"] else by_po_number(options["po"], account)
    return [found] if found else []
