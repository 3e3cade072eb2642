"""Permissions: Django's own "view" permission of each model, as in the admin."""

from __future__ import annotations

from rest_framework.permissions import DjangoModelPermissions


class MayView(DjangoModelPermissions):
    """Requires the permission to view the model; DRF's own class lets every user read."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        **{key: ["%(app_label)s.view_%(model_name)s"] for key in ("GET", "HEAD", "OPTIONS")},
    }
