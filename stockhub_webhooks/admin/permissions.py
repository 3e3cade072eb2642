"""What somebody in the office may see or start, each by a permission of its own; see the models' Meta."""

from __future__ import annotations

from django.http import HttpRequest

APP = "stockhub_webhooks"


def may(request: HttpRequest, what: str) -> bool:
    """Whether the user has the permission of that code name, such as "export"."""
    return request.user.has_perm(f"{APP}.{what}")


def may_see_persons(request: HttpRequest) -> bool:
    """Whether names, addresses, e-mail addresses, telephone numbers and bodies of messages may be shown."""
    return may(request, "view_personal_data")
