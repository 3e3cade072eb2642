"""How a job applies an order that may come again: `get_or_create` for each row, and `save` where it was there."""

from django.db import transaction

from benchmarks.measure.baselines.models import Order, OrderAddress, OrderItem

PARTS = {"items", "billing_address", "shipping_address"}


def write(order):
    """Write one order, given as the object of its message."""
    fields = {name: value for name, value in order.items() if name not in PARTS | {"increment_id"}}
    with transaction.atomic():
        row = _row(Order.objects, fields, increment_id=order["increment_id"])
        for item in order["items"]:
            _row(
                OrderItem.objects,
                {name: value for name, value in item.items() if name != "sku"},
                order=row,
                sku=item["sku"],
            )
        for kind in ("billing", "shipping"):
            _row(OrderAddress.objects, order[f"{kind}_address"], order=row, kind=kind)


def _row(manager, fields, **key):
    row, is_new = manager.get_or_create(**key, defaults=fields)
    if not is_new:
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
    return row
