"""Which columns hold personal data, and how long each table is kept.

The admin, the REST API, exports, filters and previews ask here what to mask; erasing, exporting and pruning ask here
what to empty and when. The tables of SECURITY.md and docs/guides/privacy.md are generated from it, by
docs/privacy_tables.py.

A column of text, JSON or bytes is personal unless `IMPERSONAL` names it, so that a new column is hidden from users
without the permission `view_personal_data` until somebody decides. Numbers, times and flags are not personal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models.documents import Address

TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField)

_DOCUMENT = frozenset({"account", "increment_id", "po_number", "currency", "reading_digest"})
_LINE = frozenset({"sku", "parent_sku", "manufacturer", "size", "mpn"})
_SENDER = frozenset({"key_fingerprint", "remote_address", "headers"})  # of the kept headers, none is about a customer
# colleagues are named, so that a request can be asked about
_ASKED = frozenset({"requested_by", "requested_by_pk", "stopped_by", "status"})

# Codes, numbers and articles, by model. `Event.changes` is decided by path, see `delivery.subjects`.
IMPERSONAL: dict[str, frozenset[str]] = {
    "Address": frozenset(),
    "Alarm": frozenset({"name"}),
    "AskedNumber": frozenset({"account", "po_number"}),
    "Attempt": frozenset({"cause"}),
    "BacklogTurn": frozenset(),
    "BookedPurchase": frozenset({"account", "receiver", "purchase"}),
    "Booking": frozenset({"key", "line"}),
    "BulkEntry": frozenset(),
    "BulkRequest": _ASKED | {"action", "parameters"},
    "CreditMemo": _DOCUMENT,
    "CreditMemoItem": _LINE | {"reversal"},
    "Drift": frozenset({"topic", "kind", "name"}),
    "Erasure": frozenset({"account", "order_numbers", "erased_by"}),  # colleagues are named
    "Event": frozenset({"type", "account", "increment_id", "po_number"}),
    "ExportPart": frozenset({"data"}),  # `ExportRequest.with_persons` says whether it has customers
    "ExportRequest": _ASKED | {"topic", "statuses", "only_account", "language", "reached", "reason"},
    "FinishedStep": frozenset({"name"}),
    "Heartbeat": frozenset({"name"}),
    "HostLink": frozenset({"account", "status", "cause"}),
    "Invoice": _DOCUMENT,
    "InvoiceItem": _LINE,
    "Lock": frozenset({"name"}),
    "MentionedNumber": frozenset(),
    # notes name fields, codes and reasons, never the value of an address
    "Message": _SENDER | {"url_topic", "topic", "account", "source", "status", "outcome", "cause", "notes",
                          "increment_id", "entered_by", "dismissed_by"},
    "MissingLine": frozenset({"account", "status", "cause"}),
    "MutedSender": frozenset({"key_fingerprint", "network", "muted_by"}),
    "Note": frozenset({"account", "po_number", "written_by", "written_by_pk"}),
    "Order": _DOCUMENT | {"status"},
    "OrderAnswer": frozenset(),
    "OrderItem": _LINE,
    "PaymentRequest": _DOCUMENT | {"order_increment_id", "purchase_order_increment_id", "payment_method"},
    "PaymentRequestItem": _LINE | {"external_reference"},
    # colleagues are named; the errors hold numbers and the words of Magento
    "Pull": frozenset({"account", "open_account", "requested_by", "choice", "status", "stage", "last_error",
                       "stopped_by"}),
    "RMA": _DOCUMENT | {"status"},
    "RMAItem": _LINE | {"item_id", "resolution", "reason", "color", "merchant_product_reference",
                        "merchant_resolution", "status"},
    "ReceiverCall": frozenset({"signal", "receiver", "status", "cause"}),
    "ReceiverState": frozenset({"receiver", "paused_by", "failures", "cause"}),  # the reason is a person's own words
    "Refusal": frozenset({"reason", "remote_address", "key_fingerprint"}),
    "RefusedBody": _SENDER | {"url_topic", "topic", "increment_id", "reason", "network", "dismissed_by"},
    "Replay": _ASKED | {"choice", "receivers"},
    "Shipment": _DOCUMENT | {"status"},
    "ShipmentItem": _LINE,
    "SiteAddress": frozenset({"url"}),
    "Track": frozenset({"tracking_number", "carrier", "method", "tracking_url"}),
    "WorklistProgress": frozenset({"name"}),
    # the detail holds numbers, articles and amounts; colleagues are named, and their reason is their own words
    "WorklistRow": frozenset({"account", "rule", "kind", "number", "po_number", "detail", "fingerprint", "status",
                              "announced", "dismissed_by", "dismissed_fingerprint"}),
}  # fmt: skip

# Kinds of retention, the keys of `RETENTION_DAYS`.
BODIES, REFUSED, ATTEMPTS, EVENTS = "bodies", "refused", "attempts", "events"
ADDRESSES, DOCUMENTS = "addresses", "documents"
KEPT = "kept"  # a table without persons, or of little that stays small

# The terms in days; None keeps.
DEFAULT_DAYS: dict[str, int | None] = {
    BODIES: 90,
    REFUSED: 30,
    ATTEMPTS: 90,
    EVENTS: 365,
    ADDRESSES: 730,
    DOCUMENTS: None,
}

UNTIL_SET = (REFUSED, ATTEMPTS)  # the kinds that are removed although the shop has not set `RETENTION_DAYS`


class Retention(NamedTuple):
    """How long the rows of a table are kept, and what of them is personal.

    Attributes:
        kind: a key of `DEFAULT_DAYS`, or `KEPT`.
        orders: paths from a row to its order; without one, the rows are found in another way.
        personal: columns that are emptied when an order is erased; all personal columns, and others in which a text
            of a stranger may name a person.
        holds: what the table holds, in the words of the processing register; "" if there is nothing to tell.
    """

    kind: str
    orders: tuple[str, ...] = ()
    personal: frozenset[str] = frozenset()
    holds: str = ""


def _columns(names: str) -> frozenset[str]:
    return frozenset(names.split())


_EXTRA = frozenset({"extra"})
_ERRORS = "what the shop's own receivers say when they fail"

RETENTION: dict[str, Retention] = {
    "Address": Retention(
        ADDRESSES,
        personal=_columns(
            "first_name last_name email telephone street house_number postcode city region_code country_id "
            "company_name search surname_key second_surname_key telephone_key street_key"
        ),
        holds="names, addresses, e-mail and telephone of customers, by field",
    ),
    "Alarm": Retention(KEPT),
    "AskedNumber": Retention(ATTEMPTS),
    "Attempt": Retention(ATTEMPTS, ("call__order",), _columns("error"), _ERRORS),
    "BacklogTurn": Retention(KEPT),
    "BookedPurchase": Retention(DOCUMENTS),
    "Booking": Retention(DOCUMENTS),
    "BulkEntry": Retention(ATTEMPTS),
    "BulkRequest": Retention(ATTEMPTS, personal=_columns("reason last_error"), holds="what was done to many rows"),
    "CreditMemo": Retention(DOCUMENTS, ("order",), _EXTRA, "credit notes"),
    "CreditMemoItem": Retention(DOCUMENTS, ("credit_memo__order",)),
    "Drift": Retention(KEPT),
    "Erasure": Retention(KEPT, holds="which orders were erased, when and by whom"),
    "Event": Retention(EVENTS, ("order",), _columns("changes"), "old and new values, such as of an address"),
    "ExportPart": Retention(ATTEMPTS, holds="large exports, for some days"),
    "ExportRequest": Retention(ATTEMPTS, personal=_columns("last_error"), holds="which exports were made"),
    "FinishedStep": Retention(EVENTS, ("call__order",)),
    "Heartbeat": Retention(KEPT),
    "HostLink": Retention(DOCUMENTS, ("order",)),
    "Invoice": Retention(DOCUMENTS, ("order",), _EXTRA, "invoices"),
    "InvoiceItem": Retention(DOCUMENTS, ("invoice__order",)),
    "Lock": Retention(KEPT),
    "MentionedNumber": Retention(BODIES, (), _columns("number"), "numbers in messages that have no document"),
    "Message": Retention(
        BODIES, (), _columns("body headers error dismissed_reason"), "messages of Stock Hub, as they were sent"
    ),
    "MissingLine": Retention(DOCUMENTS, ("item__order",)),
    "MutedSender": Retention(KEPT, personal=_columns("reason"), holds="which keys and networks are ignored"),
    "Note": Retention(DOCUMENTS, ("order",), _columns("text"), "what colleagues write about a purchase"),
    "Order": Retention(DOCUMENTS, ("pk",), _EXTRA, "orders: numbers, articles, amounts and dates"),
    "OrderAnswer": Retention(DOCUMENTS, ("order",)),
    "OrderItem": Retention(DOCUMENTS, ("order",)),
    "PaymentRequest": Retention(DOCUMENTS, ("order",), _columns("extra pay_by_link"), "payment requests"),
    "PaymentRequestItem": Retention(DOCUMENTS, ("payment_request__order",)),
    "Pull": Retention(ATTEMPTS, personal=_columns("last_error"), holds="what was fetched from Stock Hub"),
    "RMA": Retention(DOCUMENTS, ("order",), _EXTRA, "returns"),
    "RMAItem": Retention(DOCUMENTS, ("rma__order",)),
    "ReceiverCall": Retention(EVENTS, ("order",), _columns("last_error"), _ERRORS),
    "ReceiverState": Retention(KEPT, personal=_columns("pause_reason"), holds="which receivers are paused, and why"),
    "Refusal": Retention(REFUSED, holds="how many requests were refused, by remote address"),
    "RefusedBody": Retention(
        REFUSED, (), _columns("body headers dismissed_reason"), "refused messages, as they were sent"
    ),
    "Replay": Retention(ATTEMPTS, personal=_columns("reason last_error"), holds="which messages were processed again"),
    "Shipment": Retention(DOCUMENTS, ("order",), _EXTRA, "shipments"),
    "ShipmentItem": Retention(DOCUMENTS, ("shipment__order",)),
    # a link of a carrier may hold a postcode
    "SiteAddress": Retention(KEPT),
    "WorklistProgress": Retention(KEPT),
    "WorklistRow": Retention(DOCUMENTS, ("order",), _columns("dismissed_reason"), "what does not proceed"),
    "Track": Retention(DOCUMENTS, ("shipment__order", "rma__order"), _columns("tracking_url"), "parcel numbers"),
}


def retention_days() -> dict[str, int | None]:
    """Return the term in days by kind, as it applies now; None keeps."""
    days = configured_days()
    return (
        days if conf.RETENTION_DAYS is not None else {kind: days[kind] if kind in UNTIL_SET else None for kind in days}
    )


def configured_days() -> dict[str, int | None]:
    """Return the term in days by kind, with the defaults, as it applies once `RETENTION_DAYS` is set."""
    chosen = conf.RETENTION_DAYS or {}
    return {kind: chosen[kind] if is_term(chosen.get(kind, "")) else default for kind, default in DEFAULT_DAYS.items()}


def is_term(value: Any) -> bool:
    """Return True for None and whole numbers of days; the system check reports anything else."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


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
