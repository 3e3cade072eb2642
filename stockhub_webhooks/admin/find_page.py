"""A search box for all documents: results by purchase; a single result opens its page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from stockhub_webhooks.admin import display, labels, search_box
from stockhub_webhooks.admin.base import ObjectTools, ReadOnlyAdmin
from stockhub_webhooks.admin.sites import may_view
from stockhub_webhooks.admin.story.links import STORY
from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Order, RefusedBody, Shipment
from stockhub_webhooks.office import search, unprocessed
from stockhub_webhooks.office.access import may_see_persons
from stockhub_webhooks.office.search import Hit
from stockhub_webhooks.office.stub_addresses import newest_addresses
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
class PurchaseHit:
    """The orders of one purchase, and its documents that were found."""

    order_pks: set[int] = field(default_factory=set)
    hits: list[Hit] = field(default_factory=list)


def purchases(hits: Iterable[Hit]) -> list[PurchaseHit]:
    """Return the purchases that were found, newest first; a document without order stands alone."""
    hits = list(hits)
    orders = Order.objects.using(database_alias()).filter(pk__in={hit.order_id for hit in hits if hit.order_id})
    own_numbers = dict(orders.values_list("pk", "po_number"))
    by_key: dict[tuple[Any, ...], PurchaseHit] = {}
    for hit in hits:
        own_number = own_numbers.get(hit.order_id or 0)
        alone = (hit.order_id,) if hit.order_id else (hit.topic, hit.pk)
        key = (hit.account, own_number) if own_number else alone
        purchase = by_key.setdefault(key, PurchaseHit())
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
        others = self.unprocessed(request, text) if text else unprocessed.Found()
        if len(rows) == 1 and not (result.is_cut_off or others.needs_attention):
            return HttpResponseRedirect(self.address(rows[0]))
        context = {
            "title": _("Find"),
            "text": text,
            "help": search_box.help_text(request),
            "heads": self.heads(request),
            "rows": self.lines(request, rows[:SHOWN]),
            "left_out": max(len(rows) - SHOWN, 0),
            "unprocessed": [*map(self.message_cells, others.messages), *map(self.refused_cells, others.refused)],
            "unprocessed_is_cut_off": others.is_cut_off,
        }
        return self.render_page(request, "find.html", context)

    def topics(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the topics whose documents the user may view."""
        pages = {topic: self.admin_site._registry.get(document_type.model) for topic, document_type in BY_TOPIC.items()}
        return tuple(topic for topic, page in pages.items() if page and page.has_view_permission(request))

    def unprocessed(self, request: HttpRequest, text: str) -> unprocessed.Found:
        """Return the messages without a document that the user may view."""
        return unprocessed.find(
            text,
            persons=may_see_persons(request),
            messages=may_view(request, Message),
            refused=may_view(request, RefusedBody),
        )

    def message_cells(self, message: Message) -> list[Any]:
        """Return the cells of a message that was not applied."""
        name = f"{message.get_topic_display()} {message.increment_id}".strip() or message._meta.verbose_name
        link = display.link(self.page_of(Message, message.pk), capfirst(str(name)))
        return [
            link,
            display.short_time(message.received_at),
            message.get_status_display(),
            labels.reason_in_short(message),
        ]

    def refused_cells(self, row: RefusedBody) -> list[Any]:
        """Return the cells of a refused message."""
        link = display.link(self.page_of(RefusedBody, row.pk), capfirst(str(row)))
        return [link, display.short_time(row.refused_at), _("refused"), row.get_reason_display()]

    def heads(self, request: HttpRequest) -> list[Any]:
        """Return the columns."""
        persons = [_("customer")] if may_see_persons(request) else []
        return [
            _("order"), _("our order number"), *persons, pgettext("list", "created"), _("total"), _("status"),
            _("parcels"), _("found"),
        ]  # fmt: skip

    def lines(self, request: HttpRequest, rows: list[PurchaseHit]) -> list[list[Any]]:
        """Return a line for each purchase."""
        pks = set().union(*(purchase.order_pks for purchase in rows))
        orders = Order.objects.using(database_alias()).defer("extra").select_related(*search.ADDRESSES)
        by_pk = orders.in_bulk(pks)
        children = newest_addresses(by_pk.values()) if may_see_persons(request) else {}
        for pk, order in by_pk.items():
            order.child_address = children.get(pk)  # type: ignore[attr-defined]
        parcels = self.parcels_in_words(pks)
        return [
            self.cells(request, purchase, [by_pk[pk] for pk in sorted(purchase.order_pks) if pk in by_pk], parcels)
            for purchase in rows
        ]

    def parcels_in_words(self, order_pks: Iterable[int]) -> dict[int, list[str]]:
        """Return the number of shipments in each status by order: "2 in transit"."""
        rows = Shipment.objects.using(database_alias()).filter(order__in=order_pks).order_by("order", "status")
        by_order: dict[int, list[str]] = {}
        for pk, status, count in rows.values_list("order", "status").annotate(count=Count("pk")):
            words = statuses.label(statuses.SHIPMENT, status) or display.EMPTY
            by_order.setdefault(pk, []).append(f"{count} {words}" if count > 1 else words)
        return by_order

    def cells(
        self, request: HttpRequest, purchase: PurchaseHit, orders: list[Order], parcels: dict[int, list[str]]
    ) -> list[Any]:
        """Return the cells of a result: the purchase, and the documents that were found."""
        first = orders[0] if orders else None
        customer: Any = getattr(self, "customer")  # noqa: B009  # of the documents' admin, which mypy does not see here
        persons = [customer(first) if first else display.EMPTY] if may_see_persons(request) else []
        return [
            display.multiline(orders, lambda order: display.link(self.address(purchase), order.increment_id)),
            (first.po_number if first else None) or display.EMPTY,
            *persons,
            display.multiline(orders, lambda order: display.day(order.created_at)),
            display.multiline(orders, lambda order: display.money(order.grand_total, order.currency)),
            display.multiline(orders, self.status),
            display.multiline(words for order in orders for words in parcels.get(order.pk, ())),
            display.multiline(without_repeats(purchase.hits), self.document),
        ]

    def status(self, order: Order) -> str:
        """Return the status as in the list of orders."""
        return self.status_in_words(order)  # type: ignore[attr-defined,no-any-return]

    def document(self, hit: Hit) -> Any:
        """Return a link to a document, with the field that was found."""
        name = f"{BY_TOPIC[hit.topic].model._meta.verbose_name} {hit.increment_id}"
        return display.link(self.page_of(BY_TOPIC[hit.topic].model, hit.pk), f"{capfirst(name)} ({BY[hit.by]})")

    def address(self, purchase: PurchaseHit) -> str:
        """Return the URL of the purchase's story, or else of its only document."""
        hit = purchase.hits[0]
        if not purchase.order_pks:
            return self.page_of(BY_TOPIC[hit.topic].model, hit.pk)
        return self.page_url(STORY, min(purchase.order_pks))

    def page_of(self, model: type[Model], pk: int) -> str:
        """Return the URL of a document's page."""
        return self.page_url(f"{model._meta.app_label}_{model._meta.model_name}_change", pk)


def without_repeats(hits: list[Hit]) -> list[Hit]:
    """Return each document once; leave out documents that were found by the same field as an order."""
    of_orders = {hit.by for hit in hits if hit.topic == topics.ORDER}
    own = [hit for hit in hits if hit.topic == topics.ORDER or hit.by not in of_orders]
    return list({(hit.topic, hit.pk): hit for hit in reversed(own)}.values())[::-1]
