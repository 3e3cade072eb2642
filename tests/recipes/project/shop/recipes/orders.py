from datetime import timedelta

from django.utils import timezone

from shop.models import ShopOrder
from stockhub_webhooks.exceptions import PermanentFailure


def find_order(po_number, order):
    """For `HOST_ORDER_RESOLVER`."""
    return ShopOrder.objects.filter(number=po_number).first()


def is_older(event, *, hours):
    return event.received_at < timezone.now() - timedelta(hours=hours)


def order_of(event):
    """Our order: looked for again each minute; after a day it is none of ours."""
    if event.host_order is None and is_older(event, hours=24):
        raise PermanentFailure("this shop has no order of that number")
    return event.require_host_order(retry_seconds=60)
