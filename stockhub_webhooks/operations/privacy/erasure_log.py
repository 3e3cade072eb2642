"""The log of erasures, as lines of JSON: a restored backup holds erased data again, and the log says what to repeat."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.utils.dateparse import parse_datetime

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Erasure


class LoggedErasure(NamedTuple):
    """A recorded erasure."""

    account: str
    orders: list[str]
    erased_at: datetime
    erased_by: str


def line(row: Erasure) -> str:
    """Return an erasure as one line of JSON; it names nobody but the user who erased."""
    return json.dumps(
        {
            "account": row.account,
            "orders": row.order_numbers,
            "erased_at": row.erased_at.isoformat(),
            "erased_by": row.erased_by,
        }
    )


def append(text: str) -> bool:
    """Append a line to `ERASURE_LOG`, durably; return False if none is configured, so that the line must be printed.

    Raises:
        OSError: the file cannot be written.
    """
    if not conf.ERASURE_LOG:
        return False
    descriptor = os.open(Path(conf.ERASURE_LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def read(lines: Iterable[str]) -> Iterator[LoggedErasure]:
    """Yield the erasures of a log.

    Raises:
        ValueError: a line is none of ours; the text names its number.
    """
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
            at = parse_datetime(entry["erased_at"])
            if at is None or at.tzinfo is None:
                raise ValueError
            yield LoggedErasure(
                str(entry["account"]), [str(each) for each in entry["orders"]], at, str(entry["erased_by"])
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"line {number} is no erasure") from None
