from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from shop.models import Article, ShopOrder
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater


def find_order(po_number, order):
    """For `HOST_ORDER_RESOLVER`."""
    return ShopOrder.objects.filter(number=po_number).first()


def is_older(event, *, hours):
    return event.received_at < timezone.now() - timedelta(hours=hours)


def order_of(event, lock=True):
    """Our order: looked for again each minute; after a day it is none of ours."""
    if event.host_order is None and is_older(event, hours=24):
        raise PermanentFailure("this shop has no order of that number")
    return event.require_host_order(retry_seconds=60, lock=lock)


def add_stock(sku, pieces):
    """Put pieces back into stock; for an article that we do not have, the receiver fails, and the office sees it."""
    if not Article.objects.filter(sku=sku).update(stock=F("stock") + pieces):
        raise LookupError(f"there is no article {sku}, so {pieces} pieces of it are not booked")


def is_cancelled(event):
    """Return True if the whole purchase is cancelled, and has been for a quarter of an hour."""
    if not event.purchase.is_cancelled:
        return False
    if not is_older(event, hours=0.25):
        raise RetryLater(60, "an edited order is cancelled first, and then continues under a new number")
    return True
