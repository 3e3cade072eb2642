"""Who may read: by Django's own permissions of the models, as in the admin."""

from __future__ import annotations

from rest_framework.permissions import DjangoModelPermissions


class MayView(DjangoModelPermissions):
    """Whoever has the permission to view the model; DRF's own class lets anyone read who is logged in."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        **{key: ["%(app_label)s.view_%(model_name)s"] for key in ("GET", "HEAD", "OPTIONS")},
    }
