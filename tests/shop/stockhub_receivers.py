"""Found by the app without being named anywhere."""

import os
import time

from django.dispatch import receiver

from stockhub_webhooks.signals import event_recorded, order_created, order_updated
from tests.shop.models import Heard


def write_down(name, event, order):
    """One row a call."""
    Heard.objects.create(
        receiver=name, event_id=event.id, event_type=event.type, order_number=order.increment_id if order else ""
    )


@receiver(event_recorded, dispatch_uid="shop.every")
def every(sender, *, event, order, **kwargs):
    """Hears all."""
    write_down("every", event, order)
    time.sleep(float(os.environ.get("SHOP_SLEEP_SECONDS", "0")))


@receiver(order_created, dispatch_uid="shop.orders")
@receiver(order_updated, dispatch_uid="shop.orders")
def orders(sender, *, event, order, **kwargs):
    """Dies while its file is there, half-way through its work."""
    write_down("orders", event, order)
    deadly = os.environ.get("SHOP_DEADLY_FILE")
    if deadly and os.path.exists(deadly):
        os.unlink(deadly)
        os._exit(9)
