"""The page "order story", and the links to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.base import ObjectTools
from stockhub_webhooks.admin.long_parts import Parts
from stockhub_webhooks.admin.story import page_tables, phrases
from stockhub_webhooks.admin.story.history import History
from stockhub_webhooks.admin.story.links import STORY, LinkedHostOrder, Links, host_order, link, story_url
from stockhub_webhooks.admin.story.notes_page import NotesPage, with_notes
from stockhub_webhooks.admin.story.picture import picture
from stockhub_webhooks.admin.story.support_message_page import support_message
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import HostLink, Order
from stockhub_webhooks.office import story
from stockhub_webhooks.office.access import may_see_persons
from stockhub_webhooks.office.story import PurchaseStory
from stockhub_webhooks.office.stub_addresses import newest_addresses


class StoryPage(NotesPage):
    """Adds to the admin of orders the page "order story", and a button and a column that lead there."""

    # ------------------------------------------------------------ links to the page

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.story_view)
        return [path("<path:object_id>/story/", view, name=STORY), *super().get_urls()]

    @admin.display(description=_("story"))
    def story(self, order: Order) -> Any:
        """Return a link to the story, in the list."""
        return link(story_url(self.admin_site, order), capfirst(str(_("story"))))

    def change_form_object_tools(self, request: HttpRequest, row: Order) -> ObjectTools:
        return [(story_url(self.admin_site, row), _("order story")), *super().change_form_object_tools(request, row)]

    # ------------------------------------------------------------ the page

    def story_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the story of the order's purchase."""
        order = self.get_object(request, object_id)
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        if order is None:
            raise Http404
        return self.render_page(request, "order/story.html", self.story_context(request, order))

    def story_context(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        """Return the context of the template."""
        persons = may_see_persons(request)
        links = Links(request, self.admin_site)
        purchase = story.read(order, persons=persons)
        lines = story.lines_of(purchase)
        steps = story.steps_of(purchase, lines)
        host = host_order(links, order)
        number = order.po_number or order.increment_id
        return {
            "title": capfirst(str(_("order story"))),
            "subtitle": number,
            "order": order,
            "order_name": self.title_of(order),
            "list_url": self.page_url("stockhub_webhooks_order_changelist"),
            "order_url": links.url(order),
            "facts": facts(purchase, links, host, persons),
            "remarks": [*page_tables.remarks(purchase, links), *_failing(host), *_missing(purchase, links, host)],
            "picture": picture(steps),
            "tables": page_tables.tables(purchase, lines, links, persons, Parts(request)),
            "support_message": support_message(purchase, lines, steps),
            "labels": labels(),
            **self.notes_context(request, order),
            **self.history(request, purchase, links, persons),
        }

    def history(self, request: HttpRequest, purchase: PurchaseStory, links: Links, persons: bool) -> dict[str, Any]:
        """Return a page of the timeline, and the links to the other pages."""
        oldest = request.GET.get("order") == "oldest"
        timeline = story.Timeline(purchase, newest_first=not oldest)
        page = timeline.page(request.GET.get("page"))
        formatted = History(purchase, links, persons)
        order = "&order=oldest" if oldest else ""
        span = timeline.span(page)
        entries, more_notes = with_notes(
            [*map(formatted.entry, timeline.entries(page)), *formatted.deadlines(purchase, span)],
            purchase,
            span,
            links,
            persons=persons,
            newest_first=not oldest,
        )
        return {
            "page": page,
            "page_in_words": _("page %(number)s of %(pages)s")
            % {"number": page.number, "pages": page.paginator.num_pages},
            "entries": entries,
            "more_notes": more_notes,
            "oldest_first": oldest,
            "order_part": order,
        }


def facts(purchase: PurchaseStory, links: Links, host: LinkedHostOrder, persons: bool) -> list[tuple[str, Any]]:
    """Return the most important facts of a purchase, each with its label."""
    rows: list[tuple[Any, Any]] = [(_("our order number"), _number(purchase, host))]
    orders = display.limited(
        purchase.orders, lambda order: _order(order, links), more_url=links.list_url(Order, purchase.po_number)
    )
    rows += [(_("Stock Hub number"), order) for order in orders]
    rows += [(_("customer"), _customer(purchase) if persons else phrases.HIDDEN)]
    rows += [(_("shipping address"), _address(purchase) if persons else phrases.HIDDEN)]
    if account := phrases.account(purchase):
        rows.append((_("account"), account))
    return [(capfirst(str(label)), value) for label, value in rows]


def _number(purchase: PurchaseStory, host: LinkedHostOrder) -> Any:
    number = purchase.po_number or display.EMPTY
    if host.row is None:
        return number
    shown = link(host.admin_url or host.url, number)
    if host.admin_url and host.url:
        return format_html("{} ({})", shown, link(host.url, _("in the shop")))
    return shown


def _order(order: Order, links: Links) -> Any:
    created = phrases.timestamp(order.created_at) if order.created_at else ""
    return display.multiline(filter(None, (links.to(order, order.increment_id), phrases.status(order), created)))


def _failing(host: LinkedHostOrder) -> list[Any]:
    return [_("Our own order could not be looked up: HOST_ORDER_RESOLVER fails.")] if host.failed else []


def _missing(purchase: PurchaseStory, links: Links, host: LinkedHostOrder) -> list[Any]:
    """Return since when the shop has no order of this number; [] if it has one."""
    if host.row is not None or not conf.HOST_ORDER_RESOLVER:
        return []
    rows = HostLink.objects.using(database_alias()).absent().filter(order__in=[order.pk for order in purchase.orders])
    row = rows.order_by("since").first()
    if row is None:
        return []
    text = _("Not found in our shop (since %(since)s, last looked for on %(looked)s).")
    return [links.to(row, text % {"since": phrases.timestamp(row.since), "looked": phrases.timestamp(row.looked_at)})]


def _customer(purchase: PurchaseStory) -> Any:
    children = newest_addresses(purchase.orders)
    names = [
        display.customer_of_stub(children.get(order.pk))
        or display.customer(order.shipping_address or order.billing_address)
        for order in purchase.orders
    ]
    return display.multiline(name for name in dict.fromkeys(names) if name != display.EMPTY)


def _address(purchase: PurchaseStory) -> Any:
    return display.address(next((order.shipping_address for order in purchase.orders if order.shipping_address), None))


def labels() -> dict[str, Any]:
    """Return the texts of the template."""
    return {
        "home": _("Home"),
        "picture": _("How far it is"),
        "life": _("The life of the order"),
        "remarks": _("Worth a look"),
        "history": _("What happened, one by one"),
        "newest": _("newest first"),
        "oldest": _("oldest first"),
        "former": _("previous page"),
        "next": _("next page"),
        "pages": _("pages of the timeline"),
        "empty": _("No message about it is kept any more."),
        "support_message": _("Copy for Winkelstraat"),
        "support_message_help": _(
            "Numbers, dates and the question, and nothing of the customer. Add to it in your mail."
        ),
        "copy": _("Copy"),
        "copied": _("Copied."),
        "not_copied": _("Selected: press Ctrl+C to copy."),
        "back": _("to the order"),
        "write_note": _("Write the note"),
    }
