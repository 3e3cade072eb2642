"""Links from the story to other pages of its admin site, for users who may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.contrib.admin.templatetags.admin_urls import admin_urlquote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Order
from stockhub_webhooks.models.host_objects import find_host_order

logger = logger_of(__name__)

STORY = "stockhub_webhooks_order_story"


def story_url(site: AdminSite, order: Order) -> str:
    """Return the URL of an order's story, "" if the site does not have it."""
    return _url(site, STORY, order.pk)


def _url(site: AdminSite, name: str, *pks: Any) -> str:
    try:
        return reverse(f"{site.name}:{name}", args=[admin_urlquote(pk) for pk in pks])
    except NoReverseMatch:
        return ""


class Links:
    """Links of one request to pages of its site; plain text if its user may not view the page."""

    def __init__(self, request: HttpRequest, site: AdminSite) -> None:
        self.request = request
        self.site = site
        self._may_see: dict[type[Model], bool] = {}

    def url(self, row: Model) -> str:
        """Return the URL of the row's page, "" if there is none or the user may not view it."""
        meta = row._meta
        return _url(self.site, f"{meta.app_label}_{meta.model_name}_change", row.pk) if self.may_see(type(row)) else ""

    def list_url(self, model: type[Model], word: str) -> str:
        """Return the URL of the model's list, searched for a word; "" if the user may not view it."""
        meta = model._meta
        url = _url(self.site, f"{meta.app_label}_{meta.model_name}_changelist") if self.may_see(model) else ""
        return f"{url}?{urlencode({'q': word})}" if url else ""

    def may_see(self, model: type[Model]) -> bool:
        """Return True if the site has the pages of the model and the user may view them."""
        if model not in self._may_see:
            page = self.site._registry.get(model)
            self._may_see[model] = page is not None and page.has_view_permission(self.request)
        return self._may_see[model]

    def to(self, row: Model, text: Any = None) -> SafeString | str:
        """Return a link to the row's page."""
        return link(self.url(row), str(row) if text is None else text)


def link(url: str, text: Any) -> SafeString | str:
    """Return a link; only the text if the URL is empty."""
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


@dataclass(frozen=True)
class LinkedHostOrder:
    """The shop's own order, with its URLs.

    Attributes:
        row: the shop's order; None if it was not found.
        admin_url: the URL of its page in this admin; "" if there is none or the user may not view it.
        url: its `get_absolute_url()`; "" if it has none.
        failed: True if the shop's `HOST_ORDER_RESOLVER` raised an error.
    """

    row: Any = None
    admin_url: str = ""
    url: str = ""
    failed: bool = False


def host_order(links: Links, order: Order) -> LinkedHostOrder:
    """Return the shop's own order; an error in the shop's code is shown and breaks nothing."""
    answer = find_host_order(order.po_number, order)
    row = answer.host_object
    if row is None:
        return LinkedHostOrder(failed=bool(answer.fault))
    return LinkedHostOrder(row, _admin_url(links, row), _absolute_url(row))


def _admin_url(links: Links, row: Any) -> str:
    page = links.site._registry.get(type(row))
    if page is None or not page.has_view_permission(links.request, row):
        return ""
    return _url(links.site, f"{row._meta.app_label}_{row._meta.model_name}_change", row.pk)


def _absolute_url(row: Any) -> str:
    try:
        return str(row.get_absolute_url()) if hasattr(row, "get_absolute_url") else ""
    except Exception as error:  # an error in the shop's code must not break the page
        logger.warning("get_absolute_url of %s failed with %s", type(row).__name__, error_location(error))
        return ""
