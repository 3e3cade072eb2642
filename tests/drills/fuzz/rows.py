"""The rows of the documents, to compare."""

import hashlib

from django.apps import apps

from stockhub_webhooks import models

DOCUMENTS = (
    models.Order,
    models.Shipment,
    models.Invoice,
    models.RMA,
    models.CreditMemo,
    models.PaymentRequest,
    models.Address,
    models.Track,
)
LINES = tuple(
    apps.get_model("stockhub_webhooks", name)
    for name in ("OrderItem", "ShipmentItem", "InvoiceItem", "RMAItem", "CreditMemoItem", "PaymentRequestItem")
)


def highest():
    """Return the highest primary key by model: what is there now."""
    return {
        model.__name__: model.objects.order_by("pk").values_list("pk", flat=True).last() or 0
        for model in (*DOCUMENTS, *LINES)
    }


def digests(until):
    """Return a hash of the rows by model, up to the primary keys of `highest`."""
    return {
        model.__name__: hashlib.sha256(
            repr(list(model.objects.filter(pk__lte=until[model.__name__]).order_by("pk").values())).encode()
        ).hexdigest()
        for model in (*DOCUMENTS, *LINES)
    }
