"""Look-up of the shop's own orders and order lines by its functions `HOST_ORDER_RESOLVER` and `HOST_LINE_RESOLVER`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import error_fingerprint, error_location, must_pass
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)


@dataclass(frozen=True)
class Answer:
    """The answer of a resolver.

    Attributes:
        host_object: what it returned; None if it raised an error.
        fault: the fingerprint of that error; "" if it raised none.
    """

    host_object: Any = None
    fault: str = ""


def find_host_order(po_number: str | None, order: Any) -> Answer:
    """Call `HOST_ORDER_RESOLVER`. An error or `sys.exit` in it is logged; without the setting, the answer is None.

    Args:
        po_number: the shop's own order number; None if Stock Hub sent none.
        order: the `Order`; None for a payment request that names none.
    """
    setting = "HOST_ORDER_RESOLVER"
    return _ask(setting, conf.HOST_ORDER_RESOLVER, lambda find: find(po_number, order), f"order {order and order.pk}")


def find_host_line(item: Any, host_order: Any) -> Answer:
    """Call `HOST_LINE_RESOLVER` likewise, for a line of a document; without a host order, the answer is None.

    Args:
        item: the line of the order, or of another document if no order has it.
        host_order: the shop's own order.
    """
    if host_order is None:
        return Answer()
    name = f"{item._meta.verbose_name} {item.pk}"
    return _ask("HOST_LINE_RESOLVER", conf.HOST_LINE_RESOLVER, lambda find: find(item, host_order), name)


def _ask(setting: str, path: str, ask: Callable[[Callable[..., Any]], Any], what: str) -> Answer:
    """Call a resolver in a savepoint, so that its database error does not end the caller's transaction.

    Args:
        setting: the name of the setting, for the log.
        path: its value, a dotted path; "" if it is not set.
        ask: calls the resolver with its arguments.
        what: the object that is looked up, for the log.
    """
    if not path:
        return Answer()
    try:
        resolver = import_string(path)
        with transaction.atomic(using=database_alias()):
            return Answer(ask(resolver))
    except BaseException as error:
        if must_pass(error):
            raise
        logger.warning("%s failed for %s with %s", setting, what, error_location(error))
        return Answer(fault=error_fingerprint(error))
