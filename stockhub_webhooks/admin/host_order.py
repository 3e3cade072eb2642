"""Mixin that adds a box with Stock Hub's data to the shop's own admin page of an order.

Public::

    from stockhub_webhooks.admin.host_order import StockHubBoxMixin

    @admin.register(ShopOrder)
    class ShopOrderAdmin(StockHubBoxMixin, admin.ModelAdmin):
        stockhub_po_number = "number"

Importing this module registers nothing beyond `stockhub_webhooks.admin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.story import page_tables, phrases
from stockhub_webhooks.admin.story.links import link, story_url
from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story
from stockhub_webhooks.office.access import may
from stockhub_webhooks.office.host_number import number_of
from stockhub_webhooks.visible import visible_html

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object

FIELD = "stockhub_box"
TEMPLATE = "admin/stockhub_webhooks/host_order_box.html"


class StockHubBoxMixin(ModelAdmin):
    """Mixin for a `ModelAdmin` that adds the read-only field `stockhub_box`.

    The field gets its own fieldset unless `fieldsets` names it. Users need the permission to view Stock Hub's orders.

    Attributes:
        stockhub_po_number: source of the `po_number` under which Stock Hub knows the shop's order: the name of a field,
            or a method `(self, obj) -> str`. Default: what the setting `HOST_ORDER_NUMBER` names.
    """

    stockhub_po_number: str | Callable[[Any], Any] = ""

    @property
    def media(self) -> forms.Media:
        return super().media + forms.Media(css={"all": ["stockhub_webhooks/story.css", "stockhub_webhooks/badge.css"]})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*(name for name in super().get_readonly_fields(request, obj) if name != FIELD), FIELD]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        is_shown = obj is not None and may(request, "view_order")
        if is_shown and self._fieldsets_name_box():
            return fieldsets
        fieldsets = [(title, {**options, "fields": _without_box(options["fields"])}) for title, options in fieldsets]
        return [*fieldsets, (_("Stock Hub"), {"fields": [FIELD]})] if is_shown else fieldsets

    def _fieldsets_name_box(self) -> bool:
        named = [options["fields"] for _title, options in self.fieldsets or ()] or [self.fields or ()]
        return any(name == FIELD or FIELD in _as_tuple(name) for names in named for name in names)

    @admin.display(description=gettext_lazy("what Stock Hub says"))
    def stockhub_box(self, obj: Any) -> Any:
        """Render the status, parcels, returns, refunds and open tasks of each purchase with this order number."""
        number = self.stockhub_po_number
        named = number(obj) if callable(number) else getattr(obj, number) if number else number_of(obj)
        return box(str(named or ""), self.admin_site)


def box(po_number: str, site: admin.AdminSite) -> SafeString:
    """Return the box of an order number as HTML, with links to the pages of an admin site."""
    boxes = [_box(order, site) for order in story.of_number(po_number)]
    shown = render_to_string(TEMPLATE, {"boxes": boxes, "nothing": _("Stock Hub did not tell of it yet.")})
    return SafeString(visible_html(shown))  # nosec B703  # a rendered template


def _box(order: Order, site: admin.AdminSite) -> dict[str, Any]:
    purchase = story.read(order)
    tasks = story.tasks_of(purchase)
    url = story_url(site, order)
    return {
        "facts": [(capfirst(str(name)), value) for name, value in _facts(purchase, tasks) if value],
        "has_trouble": bool(tasks.given_up),
        "story": link(url, capfirst(_("order story"))) if url else "",
    }


def _facts(purchase: story.PurchaseStory, tasks: story.Tasks) -> list[tuple[Any, Any]]:
    lines = story.lines_of(purchase)
    steps = [phrases.step(step) for step in story.steps_of(purchase, lines) if step.state is not story.StepState.NONE]
    return [
        (_("account"), phrases.account(purchase)),
        (_("status"), display.multiline(purchase.orders, _status)),
        (_("How far it is"), display.multiline(steps)),
        (_("parcels"), _each(purchase.shipments, page_tables.tracks)),
        (_("returns"), _each(purchase.rmas, page_tables.tracks)),
        (_("credit notes"), _each(purchase.credit_memos)),
        (_("tasks for our shop"), _tasks(tasks)),
    ]


def _each(documents: list[Any], tracks: Callable[[Any], Any] | None = None) -> Any:
    """Return one line per document with its number and status or amounts, and its parcels below."""

    def lines(document: Any) -> Any:
        summary = phrases.status(document) if tracks else phrases.sum_written_out(story.sum_of(document))
        own = [tracks(document)] if tracks and document.tracks.all() else []
        return display.multiline([f"{document.increment_id}: {summary}", *own])

    return display.multiline(documents, lines) if documents else ""


def _status(order: Order) -> str:
    return f"{order.increment_id}: {phrases.status(order)}"


def _tasks(tasks: story.Tasks) -> str:
    counts = []
    if tasks.open:
        counts.append(ngettext("%(count)d not done yet", "%(count)d not done yet", tasks.open) % {"count": tasks.open})
    if tasks.given_up:
        counts.append(ngettext("%(count)d given up", "%(count)d given up", tasks.given_up) % {"count": tasks.given_up})
    return ", ".join(counts) or (_("all done") if tasks.counts else "")


def _as_tuple(name: Any) -> tuple[Any, ...]:
    return tuple(name) if isinstance(name, (list, tuple)) else ()


def _without_box(fields: Any) -> list[Any]:
    others = [[part for part in name if part != FIELD] if _as_tuple(name) else name for name in fields if name != FIELD]
    return [name for name in others if name != []]
