"""Rules on what is not there: the order itself, its counterpart in our shop, the payment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stockhub_webhooks.models import HostLink, PaymentRequest
from stockhub_webhooks.office.worklists.loading import Case, first_known
from stockhub_webhooks.office.worklists.rules import Finding
from stockhub_webhooks.office.worklists.sending import WAITS_FOR_PAYMENT, status

NOT_FOUND = (HostLink.Status.MISSING, HostLink.Status.NO_NUMBER)  # a resolver that fails is an alarm of its own
UNPAID = frozenset({"", "pending", WAITS_FOR_PAYMENT})


def find(case: Case) -> Iterator[Finding]:
    """Yield orders that were not received or are not in our shop, and payment requests that are open."""
    for order in case.purchase.orders:
        if order.is_stub and (children := [each for each in case.purchase.children if each.order_id == order.pk]):
            known = min(filter(None, (child.received_at for child in children)), default=None)
            since = known or min(first_known(child, "created_at", "date_requested") for child in children)
            yield Finding("order_missing", order, since, [{"code": "order_missing"}])
        if not order.is_cancelled:
            yield from _not_in_shop(case.links.get(order.pk), order)
    for request in filter(case.purchase.has, case.purchase.payment_requests):
        if request.order_id is None:
            yield from _not_in_shop(case.links.get(-request.pk), request)
        if not request.erased_at and not _is_paid(case, request):  # the payment link is erased, too
            amount = "" if request.grand_total is None else f"{request.grand_total:.4f}"
            facts = {"code": "payment_open", "amount": amount, "currency": request.currency or ""}
            yield Finding("payment_open", request, first_known(request, "created_at"), [facts])


def _not_in_shop(link: HostLink | None, document: Any) -> Iterator[Finding]:
    if link and link.status in NOT_FOUND and link.since:
        yield Finding("not_in_shop", document, link.since, [{"code": str(link.status)}])


def _is_paid(case: Case, request: PaymentRequest) -> bool:
    """Return True if an order of the purchase went on, or was cancelled, so that no payment is expected."""
    if any(case.purchase.has(each) for each in (*case.purchase.shipments, *case.purchase.invoices)):
        return True
    return any(not order.is_stub and status(order) not in UNPAID for order in case.purchase.orders)
