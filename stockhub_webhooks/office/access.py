"""Permissions of users, as the admin and the REST API check them; each is declared in the Meta of a model."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

APP_LABEL = "stockhub_webhooks"


def may(request: HttpRequest, codename: str) -> bool:
    """Return True if the user has the permission of this app with that code name, such as "export"."""
    return request.user.has_perm(f"{APP_LABEL}.{codename}")


def may_see_persons(request: Any) -> bool:
    """Return True if the user may see personal data: names, addresses, phone numbers and message bodies."""
    return getattr(request, "user", None) is not None and may(request, "view_personal_data")
