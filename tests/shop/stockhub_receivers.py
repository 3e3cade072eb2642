"""Found by the app without being named anywhere."""

import hashlib
import json
import os
import time
from contextlib import suppress

from stockhub_webhooks.models import Message
from stockhub_webhooks.signals import event_recorded, order_created, order_updated
from tests.shop.models import Heard


def write_down(name, event, order):
    """One row a call; or an error, while a file is there."""
    failing = os.environ.get("SHOP_FAILING_FILE")
    if failing and os.path.exists(failing):
        raise RuntimeError("the service is away")
    Heard.objects.create(
        receiver=name, event_id=event.id, event_type=event.type, order_number=order.increment_id if order else ""
    )


def every(sender, *, event, order, **kwargs):
    """Hears all."""
    write_down("every", event, order)
    if file := os.environ.get("SHOP_HEARD_FILE"):  # stands for a service that is not in this database
        body = Message.objects.values_list("body", flat=True).get(pk=event.message_id)
        message = hashlib.sha256(bytes(body)).hexdigest()
        with open(file, "a") as heard:
            heard.write(json.dumps([event.idempotency_key, message, event.type, str(event.changes)]) + "\n")
    time.sleep(float(os.environ.get("SHOP_SLEEP_SECONDS", "0")))


def orders(sender, *, event, order, **kwargs):
    """Dies while its file is there, half-way through its work."""
    write_down("orders", event, order)
    deadly = os.environ.get("SHOP_DEADLY_FILE")
    if deadly and os.path.exists(deadly):
        with suppress(FileNotFoundError):  # another process has just died of it
            os.unlink(deadly)
            os._exit(9)


if os.environ.get("SHOP_RECEIVERS", "1") == "1":
    event_recorded.connect(every, dispatch_uid="shop.every")
    for signal in (order_created, order_updated):
        signal.connect(orders, dispatch_uid="shop.orders")
