"""Rows that other transactions hold and messages wait for, for the health report."""

from __future__ import annotations

import re

from stockhub_webhooks.operations.health.report import LockedRow
from stockhub_webhooks.operations.health.work import locked_messages

MAX_ROWS = 5
MAX_MESSAGES = 100
ERROR = re.compile(r"(.+) is locked by another transaction(?: \((.*)\))?", re.DOTALL)  # of `locked_orders.put_off`


def locked_rows() -> list[LockedRow]:
    """Return the rows that messages have waited for longest, at most `MAX_ROWS`."""
    errors = locked_messages().order_by("received_at", "pk").values_list("error", flat=True)[:MAX_MESSAGES]
    found: dict[str, LockedRow] = {}
    for error in errors:
        if (parts := ERROR.fullmatch(error)) and parts[1] not in found:
            found[parts[1]] = LockedRow(parts[1], parts[2] or "")
    return list(found.values())[:MAX_ROWS]
