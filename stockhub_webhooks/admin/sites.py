"""The admin site of a request: the default one, or a site of the shop's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


def site_of(request: HttpRequest) -> Any:
    """Return the admin site whose page is asked for."""
    name = getattr(request, "current_app", None)
    return next((site for site in all_sites if site.name == name), admin.site)


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Return True if the model is on the site and the user may view its rows."""
    page: Any = site_of(request)._registry.get(model)
    return page is not None and page.has_view_permission(request)


def address(request: HttpRequest, name: str) -> str:
    """Return the path of a page of the site by its URL name; "" if it has none."""
    try:
        return reverse(f"{site_of(request).name}:{name}")
    except NoReverseMatch:
        return ""
