"""Base classes of the pages of documents: articles, amounts, addresses, the order, and related activity."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db.models import DecimalField, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels, related_activity, search_box
from stockhub_webhooks.admin.export_link import ExportLink
from stockhub_webhooks.admin.long_parts import parts_of, with_links
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Track
from stockhub_webhooks.office import story
from stockhub_webhooks.office.search import ADDRESSES
from stockhub_webhooks.processing.apply import BY_TOPIC

EXTRA = 100_000
TOPIC_OF = {kind.model: topic for topic, kind in BY_TOPIC.items()}

WHAT_HAPPENED: Any = (_("What happened"), {"fields": ["events", "receiver_calls", "messages"]})


class DocumentAdmin(ExportLink):
    """Base class of the admins of documents. Its display methods are columns of the list and lines of the page."""

    with_tracks = False
    # fields of the table's columns; a tuple is shown as one column
    item_columns: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        ("sku", "mpn", "parent_sku"), "size", "manufacturer", "qty", "item_price_inc_tax", "row_total_inc_tax",
    )  # fmt: skip
    amount_columns: ClassVar[tuple[str, ...]] = ("subtotal", "shipping_price", "grand_total")

    personal_fields = {"customer": "", "ship_to": "", "bill_to": "", "sent_from": "", "extra_shown": ""}

    def get_search_filter(self, request: HttpRequest, text: str) -> Q:
        """Search by number, tracking number and article; by customer only if the user may see personal data."""
        return search_box.documents(request, text, TOPIC_OF[self.model])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the unknown fields if there are any and the user may see personal data."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None and obj.extra and (visible := self.visible_fields(request, ["extra_shown"])):
            fieldsets.append((_("For the developer"), {"classes": ["collapse"], "fields": visible}))
        return fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        related = [name for name in ("order", *ADDRESSES, "origin_address") if hasattr(self.model, name)]
        rows = super().get_queryset(request).select_related(*related)
        if "order" in related:
            rows = rows.defer("order__extra")
        if not is_list(request):
            return rows
        return with_first_tracks(rows.defer("extra"))

    # ------------------------------------------------------------ status, order and addresses

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, document: Any) -> str:
        """Return the label of the status; an unknown status unchanged."""
        return document.get_status_display() or display.EMPTY

    @admin.display(description=_("order"), ordering="order__increment_id")
    def order_number(self, document: Any) -> Any:
        """Return a link to the order."""
        return display.page(document.order) if document.order else display.EMPTY

    @admin.display(description=_("order"))
    def order_and_po_number(self, document: Any) -> Any:
        """Return a link to the order, and our order number below it."""
        return display.multiline(filter(None, (self.order_number(document), document.po_number)))

    @admin.display(description=_("order"))
    def of_order(self, document: Any) -> Any:
        """Return links to the order and its story; of a stub also that the order is not received yet."""
        return order_and_story(document.order, self.admin_site)

    @admin.display(description=_("customer"))
    def customer(self, document: Any) -> str:
        """Return the recipient; of an order that was not received, the one of its newest document."""
        shipping, billing = (getattr(document, name, None) for name in ADDRESSES)
        return display.customer_of_stub(getattr(document, "child_address", None)) or display.customer(
            shipping or billing
        )

    @admin.display(description=_("shipping address"))
    def ship_to(self, document: Any) -> Any:
        """Return the lines of the address."""
        return display.address(document.shipping_address)

    @admin.display(description=_("billing address"))
    def bill_to(self, document: Any) -> Any:
        """Return the lines of the address."""
        return display.address(document.billing_address)

    @admin.display(description=_("unknown fields"))
    def extra_shown(self, document: Any) -> Any:
        """Return the fields that this version does not know, as JSON; cut off after `EXTRA` characters."""
        text = json.dumps(document.extra, indent=2, ensure_ascii=False)
        return display.preformatted(text if len(text) <= EXTRA else f"{text[:EXTRA]}\n…")

    # ------------------------------------------------------------ articles, amounts, parcels

    @admin.display(description=_("articles"))
    def articles(self, document: Any) -> Any:
        """Return a table of the lines, without columns that are empty in all of them."""
        part = parts_of(document).of("lines", document.items.all())
        columns = [column for names in self.item_columns if (column := filled(part.rows, document.items.model, names))]
        rows = ((stacked(item, column, document.currency) for column in columns) for item in part.rows)
        return with_links(part, display.table([column[0].verbose_name for column in columns], rows))

    @admin.display(description=_("amounts"))
    def amounts(self, document: Any) -> Any:
        """Return a table of the amounts, VAT included."""
        columns = [document._meta.get_field(name) for name in self.amount_columns]
        cells = [cell(document, column, document.currency) for column in columns]
        return display.table([column.verbose_name for column in columns], [cells])

    @admin.display(description=_("total"), ordering="grand_total")
    def total(self, document: Any) -> str:
        """Return the total, VAT included."""
        return display.money(document.grand_total, document.currency)

    @admin.display(description=_("parcels"))
    def parcels(self, document: Any) -> Any:
        """Return the first tracking numbers, as links if they have URLs; a link to the others, which are not read."""
        return self.parcels_of(document, display.track)

    def parcels_of(self, document: Any, shown_as: Callable[[Track], Any]) -> Any:
        """Return the first parcels, and a link to the others."""
        shown = [shown_as(track) for track in document.first_tracks[: display.SHOWN_LINES]]
        others = [display.page(document, f"… {_('show all')}")] if len(document.first_tracks) > len(shown) else []
        return display.joined(SafeString("<br>"), [*shown, *others]) or display.EMPTY

    @admin.display(description=_("parcels"))
    def tracks(self, document: Any) -> Any:
        """Return a table of parcels with their carriers."""
        heads = (_("tracking number"), _("carrier"), _("method"))
        return parts_of(document).table("parcels", heads, document.tracks.order_by("pk"), _track)

    # ------------------------------------------------------------ related activity

    @admin.display(description=Message._meta.verbose_name_plural)
    def messages(self, document: Any) -> Any:
        """Return the messages about the document."""
        rows = Message.objects.filter(
            topic=TOPIC_OF[self.model], account=document.account, increment_id=document.increment_id
        )
        return related_activity.messages(rows, document.increment_id)

    @admin.display(description=Event._meta.verbose_name_plural)
    def events(self, document: Any) -> Any:
        """Return the events of the document; for an order also those of its children."""
        return related_activity.events(Event.objects.filter(self._condition(document)), document.increment_id)

    @admin.display(description=ReceiverCall._meta.verbose_name_plural)
    def receiver_calls(self, document: Any) -> Any:
        """Return the tasks of our shop for the document."""
        return related_activity.receiver_calls(
            ReceiverCall.objects.filter(self._condition(document, "event__")), document.increment_id
        )

    def _condition(self, document: Any, path: str = "") -> Q:
        if self.model is Order:
            return Q(order=document)
        return Q(
            **{
                f"{path}message__topic": TOPIC_OF[self.model],
                f"{path}message__account": document.account,
                f"{path}message__increment_id": document.increment_id,
            }
        )


def with_first_tracks(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return documents with the `first_tracks` of each, if they have tracks: those shown in a cell, and one more."""
    if not hasattr(rows.model, "tracks"):
        return rows
    return rows.prefetch_related(
        Prefetch("tracks", Track.objects.order_by("pk")[: display.SHOWN_LINES + 1], "first_tracks")
    )


def is_list(request: HttpRequest) -> bool:
    """Return True if the request is for a changelist, which needs less of its rows than a page."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


def _track(row: Track) -> tuple[Any, ...]:
    return display.track(row), story.carrier_name(row) or display.EMPTY, row.method or display.EMPTY


def order_and_story(order: Order | None, site: AdminSite) -> Any:
    """Return links to an order and its story; a dash if there is no order. A stub is marked as not received yet."""
    if order is None:
        return display.EMPTY
    url = story_url(site, order)
    links = display.page(order, labels.order(order)), link(url, capfirst(_("order story"))) if url else ""
    return display.multiline(filter(None, links))


def filled(items: list[Any], model: Any, names: str | tuple[str, ...]) -> list[Any]:
    """Return the named fields that have a value in at least one item."""
    names = (names,) if isinstance(names, str) else names
    return [model._meta.get_field(name) for name in names if any(getattr(item, name) is not None for item in items)]


def stacked(item: Any, fields: list[Any], currency: str | None) -> Any:
    """Return the fields of one column under each other, all but the first with their label."""
    first, *others = fields
    lines = [cell(item, first, currency)]
    lines += [
        f"{other.verbose_name}: {cell(item, other, currency)}"
        for other in others
        if getattr(item, other.name) is not None
    ]
    return display.multiline(lines)


def cell(row: Any, column: Any, currency: str | None) -> str:
    """Return a value of a row: codes in words, amounts with their currency."""
    value = getattr(row, column.name)
    if isinstance(column, DecimalField):
        return display.money(value, currency)
    in_words = getattr(row, f"get_{column.name}_display", None)
    return display.value(in_words() if in_words and value is not None else value)
