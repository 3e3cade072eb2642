"""The lists on the start page of the app in three groups, by who needs them."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

APP = "stockhub_webhooks"
DAILY = (
    "WorklistRow", "Order", "Shipment", "RMA", "Invoice", "CreditMemo", "PaymentRequest", "HostLink", "MissingLine",
    "Note", "ExportRequest", "Erasure",
)  # fmt: skip
INCOMING = ("Message", "RefusedBody", "MutedSender", "Event", "ReceiverCall", "Replay", "BulkRequest", "Pull")
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Daily work"), DAILY),
    (_("What came in, and what our shop did"), INCOMING),
)
OTHERS = _("For the developer")


def place(model: type[Model]) -> int:
    """Return the place of a model among all groups."""
    names = [name for _title, names in GROUPS for name in names]
    return names.index(model.__name__) if model.__name__ in names else len(names)


def groups(app: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an app of Django's list of apps as several, one for each group; another app as it is."""
    if app["app_label"] != APP:
        return [app]
    by_name = {model["object_name"]: model for model in app["models"]}
    found = [(title, [by_name.pop(name) for name in names if name in by_name]) for title, names in GROUPS]
    return [
        app | {"name": title, "models": models} for title, models in (*found, (OTHERS, [*by_name.values()])) if models
    ]
