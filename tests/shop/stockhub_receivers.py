"""Found by the app without being named anywhere."""

import hashlib
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

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
    """Dies half-way through its work: once if its file is there, each time if the order's number is in it.

    It never returns for the orders that it is told to.
    """
    write_down("orders", event, order)
    if order.increment_id in os.environ.get("SHOP_ENDLESS_ORDERS", "").split():
        with ThreadPoolExecutor() as pool:  # its thread keeps the process from ending
            pool.submit(threading.Event().wait).result()
    deadly = os.environ.get("SHOP_DEADLY_FILE")
    if deadly and os.path.exists(deadly):
        with suppress(FileNotFoundError):  # another process has just died of it
            numbers = Path(deadly).read_text().split()
            if not numbers:
                os.unlink(deadly)
            if not numbers or order.increment_id in numbers:
                os._exit(9)


if os.environ.get("SHOP_RECEIVERS", "1") == "1":
    event_recorded.connect(every, dispatch_uid="shop.every")
    for signal in (order_created, order_updated):
        signal.connect(orders, dispatch_uid="shop.orders")
