"""Orders of the shop that a simulation plays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string

from stockhub_webhooks.testing.simulator.scenarios import ORDERS_OF_A_SEED, HostOrder


def from_function(path: str, most: int | None = None) -> list[HostOrder]:
    """Return the orders that a function of the shop, or an iterable, yields: pairs of a number and its lines.

    Args:
        path: dotted path, such as `shop.simulated.orders`.
        most: the largest number of orders; None for as many as one seed can play.

    Raises:
        ValueError: there is no such function, or it yields something else, or nothing.
    """
    try:
        source: Any = import_string(path)
    except ImportError as error:
        raise ValueError(f"{path} cannot be imported: {error}") from error
    return _some(path, map(_order, source() if callable(source) else source), most)


def from_file(path: Path, most: int | None = None) -> list[HostOrder]:
    """Return the orders whose numbers a file has, one a line; their lines are made up.

    Raises:
        ValueError: the file cannot be read, or has no numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read ({type(error).__name__})") from error
    return _some(str(path), (HostOrder(line.strip()) for line in lines if line.strip()), most)


def _order(entry: Any) -> HostOrder:
    try:
        number, items = entry
        return HostOrder(str(number), [dict(item) for item in items])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"it must yield pairs of an order number and a list of lines, such as "
            f'("SHOP-1", [{{"sku": "A-1", "size": "42", "qty": 2}}]), and not {entry!r}'
        ) from error


def _some(name: str, orders: Iterable[HostOrder] | Iterator[HostOrder], most: int | None) -> list[HostOrder]:
    found = list(islice(orders, most or ORDERS_OF_A_SEED))
    if not found:
        raise ValueError(f"{name} has no orders")
    return found
