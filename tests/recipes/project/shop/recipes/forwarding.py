import json
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from django.conf import settings
from django.dispatch import receiver
from django.utils import timezone

from shop.recipes.orders import is_older
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.signals import order_created, order_status_changed


@receiver([order_created, order_status_changed], dispatch_uid="shop.tell_warehouse")
def tell_warehouse(sender, *, order, event, **kwargs):
    body = {"order": order.increment_id, "status": order.status, "skus": [item.sku for item in order.items.all()]}
    headers = {
        "Authorization": f"Bearer {settings.WAREHOUSE_TOKEN}",
        "Content-Type": "application/json",
        "Idempotency-Key": event.idempotency_key,
    }
    try:
        urlopen(Request(settings.WAREHOUSE_URL, json.dumps(body).encode(), headers), timeout=10).close()
    except HTTPError as answer:
        answer.close()
        reason = f"the warehouse answers {answer.code}"
        if answer.code in (429, 503) and not is_older(event, hours=72):
            raise RetryLater(pause(answer.headers.get("Retry-After", "")), reason) from answer
        if 400 <= answer.code < 500 and answer.code != 429:
            raise PermanentFailure(reason) from answer
        raise


def pause(named):
    """What `Retry-After` names, a number of seconds or a date, in seconds; else a minute."""
    if named.isdecimal():
        return int(named)
    try:
        return (parsedate_to_datetime(named) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return 60
