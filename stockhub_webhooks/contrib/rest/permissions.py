"""Who may read: by Django's own permissions of the models, as in the admin."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request

PERSONAL_DATA = "stockhub_webhooks.view_personal_data"


class MayView(DjangoModelPermissions):
    """Whoever has the permission to view the model; DRF's own class lets anyone read who is logged in."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        **{key: ["%(app_label)s.view_%(model_name)s"] for key in ("GET", "HEAD", "OPTIONS")},
    }


def may_see_persons(request: Request | None) -> bool:
    """Whether names, addresses, e-mail addresses and telephone numbers may be shown."""
    user: Any = getattr(request, "user", None)
    return bool(user and user.has_perm(PERSONAL_DATA))
