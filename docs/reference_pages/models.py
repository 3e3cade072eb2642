"""The page of the models."""

import inspect
from collections.abc import Iterator
from typing import Any

from docs.reference_pages.docstrings import parts, properties
from docs.reference_pages.markdown import HEAD, code, table

# The models of docs/public-interface.md; all others may change with any version.
PUBLIC_MODELS = (
    *("Order", "OrderItem", "Address", "Shipment", "ShipmentItem", "Track", "Invoice", "InvoiceItem"),
    *("RMA", "RMAItem", "CreditMemo", "CreditMemoItem", "PaymentRequest", "PaymentRequestItem"),
    *("Message", "Event", "ReceiverCall"),
)


def page() -> Iterator[str]:
    """Yield the page of the models."""
    from stockhub_webhooks import models as module
    from stockhub_webhooks.models import documents

    yield from ("# Models", "", HEAD, "", "From `stockhub_webhooks.models`; their rows are read-only for a shop.")
    yield from (inspect.cleandoc(documents.__doc__ or "").partition("\n\n")[2], "")
    for name in PUBLIC_MODELS:
        model: Any = getattr(module, name)
        yield from (f"## {name}", "", parts(model.__doc__, "Attributes")[0], "")
        meanings = {
            each: meaning
            for base in reversed(model.__mro__)
            if base.__module__.startswith("stockhub_webhooks")
            for each, _, meaning in parts(base.__doc__, "Attributes")[1]
        }
        rows = [[code(each.name), field_type(each), meanings.get(each.name) or meaning_of(each)] for each in own(model)]
        rows += [[code(each), code(kind), text] for each, kind, text in properties(model)]
        yield from table(["field", "type", "meaning"], rows)
        relations = [each for each in model._meta.related_objects if each.related_model.__name__ in PUBLIC_MODELS]
        rows = [
            [
                code(each.get_accessor_name()),
                ("one " if each.one_to_one else "") + reference(each.related_model),
                meanings.get(each.get_accessor_name(), ""),
            ]
            for each in relations
            if each.get_accessor_name()
        ]
        if rows:
            yield from ("Relations from other models:", *table(["name", "model", "meaning"], sorted(rows)))


def own(model: Any) -> Iterator[Any]:
    """Yield the fields that a shop may read."""
    hidden = {"claim", "reading_digest", "search", "keys_due"}
    return (each for each in model._meta.concrete_fields if each.name not in hidden and not each.name.endswith("_key"))


def reference(model: Any) -> str:
    """Return a link to a model of the page, or its name."""
    name = model.__name__
    return f"[`{name}`](#{name.lower()})" if name in PUBLIC_MODELS else f"`{name}`"


def field_type(field: Any) -> str:
    """Return the Python type of a field, with None if it may be that."""
    from django.db import models as django

    types = {
        django.CharField: "str",
        django.TextField: "str",
        django.DecimalField: "Decimal",
        django.BooleanField: "bool",
        django.FloatField: "float",
        django.DurationField: "timedelta",
        django.DateTimeField: "datetime",
        django.DateField: "date",
        django.IntegerField: "int",
        django.UUIDField: "UUID",
        django.BinaryField: "bytes",
        django.JSONField: "dict" if field.default is dict or type(field).__name__ == "ExtraField" else "list",
    }
    if field.remote_field is not None:
        return reference(field.related_model) + (" or None" if field.null else "")
    kind = next((types[base] for base in type(field).__mro__ if base in types), type(field).__name__)
    return code(f"{kind} | None" if field.null and kind != "dict" else kind)


def meaning_of(field: Any) -> str:
    """Return what is known of a field that no docstring explains."""
    from django.db import models as django

    if isinstance(field, django.DecimalField):
        return "amount in `currency`, VAT included"
    choices = ", ".join(f"`{value}`" for value, _ in field.flatchoices if value)
    return f"one of {choices}" if choices else str(field.help_text)
