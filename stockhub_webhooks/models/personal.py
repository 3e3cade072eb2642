"""Which columns hold personal data: the admin, the REST API, exports, filters and previews ask here.

A column of text, JSON or bytes is personal unless `IMPERSONAL` names it, so that a new column is hidden from users
without the permission `view_personal_data` until somebody decides. Numbers, times and flags are not personal.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from stockhub_webhooks.models.documents import Address

TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField)

_DOCUMENT = frozenset({"account", "increment_id", "po_number", "currency", "reading_digest"})
_LINE = frozenset({"sku", "parent_sku", "manufacturer", "size", "mpn"})
_SENDER = frozenset({"key_fingerprint", "remote_address", "headers"})  # of the kept headers, none is about a customer

# Codes, numbers and articles, by model. `Event.changes` is decided by path, see `delivery.subjects`.
IMPERSONAL: dict[str, frozenset[str]] = {
    "Address": frozenset(),
    "Alarm": frozenset({"name"}),
    "Attempt": frozenset({"cause"}),
    "BacklogTurn": frozenset(),
    "BookedPurchase": frozenset({"account", "receiver", "purchase"}),
    "Booking": frozenset({"key", "line"}),
    "CreditMemo": _DOCUMENT,
    "CreditMemoItem": _LINE | {"reversal"},
    "Drift": frozenset({"topic", "kind", "name"}),
    "Event": frozenset({"type", "account", "increment_id", "po_number"}),
    "FinishedStep": frozenset({"name"}),
    "Heartbeat": frozenset({"name"}),
    "HostLink": frozenset({"account", "status", "cause"}),
    "Invoice": _DOCUMENT,
    "InvoiceItem": _LINE,
    "Lock": frozenset({"name"}),
    # notes name fields, codes and reasons, never the value of an address
    "Message": _SENDER | {"url_topic", "topic", "account", "source", "status", "outcome", "cause", "notes",
                          "increment_id", "entered_by"},
    "MissingLine": frozenset({"account", "status", "cause"}),
    "Order": _DOCUMENT | {"status"},
    "OrderItem": _LINE,
    "PaymentRequest": _DOCUMENT | {"order_increment_id", "purchase_order_increment_id", "payment_method"},
    "PaymentRequestItem": _LINE | {"external_reference"},
    "RMA": _DOCUMENT | {"status"},
    "RMAItem": _LINE | {"item_id", "resolution", "reason", "color", "merchant_product_reference",
                        "merchant_resolution", "status"},
    "ReceiverCall": frozenset({"signal", "receiver", "status", "cause"}),
    "ReceiverState": frozenset({"receiver", "paused_by", "failures", "cause"}),  # the reason is a person's own words
    "Refusal": frozenset({"reason", "remote_address", "key_fingerprint"}),
    "RefusedBody": _SENDER | {"url_topic", "topic", "increment_id", "reason"},
    # colleagues are named, so that a replay can be asked about
    "Replay": frozenset({"requested_by", "requested_by_pk", "stopped_by", "choice", "receivers", "status"}),
    "Shipment": _DOCUMENT | {"status"},
    "ShipmentItem": _LINE,
    "Track": frozenset({"tracking_number", "carrier", "method", "tracking_url"}),
}  # fmt: skip


def personal_columns(model: type[models.Model]) -> frozenset[str]:
    """Return the names of the columns of a model that may hold personal data; relations to addresses are among them."""
    impersonal = IMPERSONAL.get(model.__name__, frozenset())
    return frozenset(
        column.name
        for column in model._meta.concrete_fields
        if column.related_model is Address or (isinstance(column, TEXTS) and column.name not in impersonal)
    )


def is_personal(model: type[Any], path: str) -> bool:
    """Return True if a path such as `order__shipping_address__city__startswith` reads a personal column.

    A name that is no column, such as a look-up or a method of the admin, ends the path.
    """
    for name in path.split("__"):
        try:
            column = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if name in personal_columns(model):
            return True
        if not column.is_relation or column.related_model is None:
            return False
        model = column.related_model
    return False
