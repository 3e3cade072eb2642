"""The shop's own objects, as its functions `HOST_ORDER_RESOLVER` and `HOST_LINE_RESOLVER` find them."""

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
    """The answer of a resolver; `fault` is the fingerprint of the error if it raised one."""

    host_object: Any = None
    fault: str = ""


def find_host_order(po_number: str | None, order: Any) -> Answer:
    """Call `HOST_ORDER_RESOLVER`. Without one, and if it raises or exits, the answer is None; the error is logged.

    Args:
        po_number: the shop's own order number; None if Stock Hub sent none.
        order: the `Order`; None for a payment request that names none.
    """
    setting = "HOST_ORDER_RESOLVER"
    return _ask(setting, conf.HOST_ORDER_RESOLVER, lambda find: find(po_number, order), f"order {order and order.pk}")


def find_host_line(item: Any, host_order: Any) -> Answer:
    """Call `HOST_LINE_RESOLVER` for a line of a document, as `find_host_order` does; without a host order, do not.

    Args:
        item: the line of the order, or of another document if no order has it.
        host_order: the shop's own order.
    """
    if host_order is None:
        return Answer()
    name = f"{item._meta.verbose_name} {item.pk}"
    return _ask("HOST_LINE_RESOLVER", conf.HOST_LINE_RESOLVER, lambda find: find(item, host_order), name)


def _ask(setting: str, path: str, ask: Callable[[Callable[..., Any]], Any], what: str) -> Answer:
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
