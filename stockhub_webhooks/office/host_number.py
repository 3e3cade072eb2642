"""The number under which Stock Hub knows an order of the shop, said in one place for tags, box and admin."""

from __future__ import annotations

from typing import Any

from stockhub_webhooks.conf import conf
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

ATTRIBUTE = "stockhub_po_number"


def number_of(host_order: Any) -> str:
    """Return the `po_number` of the shop's own order, "" if it has none or nothing says where it is.

    An attribute or method `stockhub_po_number` of the order says it, else the one that `HOST_ORDER_NUMBER` names. The
    primary key is never taken for it: it may be the number of another customer's order. An order without either is
    logged.
    """
    names = [name for name in (ATTRIBUTE, conf.HOST_ORDER_NUMBER) if name and hasattr(host_order, name)]
    if host_order is not None and not names:
        model = type(host_order).__name__
        logger.warning("nothing is shown of an order, since its number is not known: set HOST_ORDER_NUMBER (%s)", model)
    for name in names:
        number = getattr(host_order, name)
        number = number() if callable(number) else number
        if number is not None:
            return str(number)
    return ""
