"""A search box for all documents: results by purchase; a single result opens its page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, search_box
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin
from stockhub_webhooks.admin.story.links import STORY
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Order
from stockhub_webhooks.office import search
from stockhub_webhooks.office.access import may_see_persons
from stockhub_webhooks.office.search import Hit
from stockhub_webhooks.processing.apply import BY_TOPIC

URL_NAME = "stockhub_webhooks_find"
SHOWN = 50
BY: Labels = {
    search.NUMBER: _("Stock Hub number"),
    search.PO_NUMBER: _("our order number"),
    search.TRACK: _("tracking number"),
    search.SKU: _("SKU"),
    search.MPN: _("MPN"),
    search.PERSON: _("customer"),
}


@dataclass
class Purchase:
    """The orders of one purchase, and its documents that were found."""

    order_pks: set[int] = field(default_factory=set)
    hits: list[Hit] = field(default_factory=list)


def purchases(hits: Iterable[Hit]) -> list[Purchase]:
    """Return the purchases that were found, newest first; a document without order stands alone."""
    hits = list(hits)
    orders = Order.objects.using(database_alias()).filter(pk__in={hit.order_id for hit in hits if hit.order_id})
    own_numbers = dict(orders.values_list("pk", "po_number"))
    by_key: dict[tuple[Any, ...], Purchase] = {}
    for hit in hits:
        own_number = own_numbers.get(hit.order_id or 0)
        alone = (hit.order_id,) if hit.order_id else (hit.topic, hit.pk)
        key = (hit.account, own_number) if own_number else alone
        purchase = by_key.setdefault(key, Purchase())
        purchase.hits.append(hit)
        purchase.order_pks |= {hit.order_id} if hit.order_id else set()
    return sorted(by_key.values(), key=lambda purchase: max(purchase.order_pks, default=0), reverse=True)


class FindPage(ReadOnlyAdmin):
    """Adds the page "find" to the admin of orders."""

    def get_urls(self) -> list[Any]:
        return [path("find/", self.admin_site.admin_view(self.find_view), name=URL_NAME), *super().get_urls()]

    def changelist_object_tools(self, request: HttpRequest) -> ObjectTools:
        find = (self.page_url(URL_NAME), _("find in everything"))
        return [find, *super().changelist_object_tools(request)]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Show the search box and the results; redirect to a single result. Tests are found if nothing real is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        text = request.GET.get("q", "").strip()
        result = search_box.find(request, text, self.topics(request)) if text else search.SearchResult()
        if text and not result.hits:
            result = search_box.find(request, text, self.topics(request), tests=True)
        rows = purchases(result.hits)
        if len(rows) == 1 and not result.is_cut_off:
            return HttpResponseRedirect(self.address(rows[0]))
        context = {
            "title": _("Find"),
            "text": text,
            "help": search_box.help_text(request),
            "heads": self.heads(request),
            "rows": self.lines(request, rows[:SHOWN]),
            "left_out": max(len(rows) - SHOWN, 0),
        }
        return self.render_page(request, "find.html", context)

    def topics(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the topics whose documents the user may view."""
        pages = {topic: self.admin_site._registry.get(document_type.model) for topic, document_type in BY_TOPIC.items()}
        return tuple(topic for topic, page in pages.items() if page and page.has_view_permission(request))

    def heads(self, request: HttpRequest) -> list[Any]:
        """Return the columns."""
        persons = [_("customer")] if may_see_persons(request) else []
        return [_("order"), _("our order number"), *persons, _("status"), _("found")]

    def lines(self, request: HttpRequest, rows: list[Purchase]) -> list[list[Any]]:
        """Return a line for each purchase."""
        orders = Order.objects.using(database_alias()).select_related(*search.ADDRESSES)
        by_pk = orders.in_bulk(set().union(*(purchase.order_pks for purchase in rows)))
        return [
            self.cells(request, purchase, [by_pk[pk] for pk in sorted(purchase.order_pks) if pk in by_pk])
            for purchase in rows
        ]

    def cells(self, request: HttpRequest, purchase: Purchase, orders: list[Order]) -> list[Any]:
        """Return the cells of a result: the purchase, and the documents that were found."""
        first = orders[0] if orders else None
        persons = [display.customer(customer_of(first)) if first else display.EMPTY] if may_see_persons(request) else []
        return [
            display.multiline(orders, lambda order: display.link(self.address(purchase), order.increment_id)),
            (first.po_number if first else None) or display.EMPTY,
            *persons,
            display.multiline(orders, self.status),
            display.multiline(without_repeats(purchase.hits), self.document),
        ]

    def status(self, order: Order) -> str:
        """Return the status as in the list of orders."""
        return self.status_in_words(order)  # type: ignore[attr-defined,no-any-return]

    def document(self, hit: Hit) -> Any:
        """Return a link to a document, with the field that was found."""
        name = f"{BY_TOPIC[hit.topic].model._meta.verbose_name} {hit.increment_id}"
        return display.link(self.page_of(BY_TOPIC[hit.topic].model, hit.pk), f"{capfirst(name)} ({BY[hit.by]})")

    def address(self, purchase: Purchase) -> str:
        """Return the URL of the purchase's story, or else of its only document."""
        hit = purchase.hits[0]
        if not purchase.order_pks:
            return self.page_of(BY_TOPIC[hit.topic].model, hit.pk)
        return self.page_url(STORY, min(purchase.order_pks))

    def page_of(self, model: type[Model], pk: int) -> str:
        """Return the URL of a document's page."""
        return self.page_url(f"{model._meta.app_label}_{model._meta.model_name}_change", pk)


def customer_of(order: Order) -> Any:
    """Return the shipping address, or the billing address if there is none."""
    return order.shipping_address or order.billing_address


def without_repeats(hits: list[Hit]) -> list[Hit]:
    """Return each document once; leave out documents that were found by the same field as an order."""
    of_orders = {hit.by for hit in hits if hit.topic == topics.ORDER}
    own = [hit for hit in hits if hit.topic == topics.ORDER or hit.by not in of_orders]
    return list({(hit.topic, hit.pk): hit for hit in reversed(own)}.values())[::-1]
