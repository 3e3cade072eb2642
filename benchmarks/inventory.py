"""Waits until the shop's processes have nothing left to do, and prints as JSON what there is then.

Takes the seconds after which it gives up where nothing gets done; what is open then stands in the inventory. A slow
machine, or a large backlog, is waited for.
"""

import hashlib
import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.shop.settings")
django.setup()

from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Shipment  # noqa: E402
from stockhub_webhooks.receiving import spool  # noqa: E402
from tests.shop.models import Heard  # noqa: E402


def work_left():
    """What still waits: files, messages, calls."""
    return {
        "spooled": sum(1 for _ in spool.files()),
        "messages": Message.objects.exclude(status="applied").count(),
        "calls": ReceiverCall.objects.exclude(status="done").count(),
    }


def digests():
    """Each message's digest of its exact bytes."""
    return [hashlib.sha256(bytes(body)).hexdigest() for body in Message.objects.values_list("body", flat=True)]


def wait(patience):
    """Until nothing is left, or nothing more gets done; what is left."""
    left, since = work_left(), time.monotonic()
    while any(left.values()) and time.monotonic() - since < patience:
        time.sleep(0.2)
        former, left = left, work_left()
        if left != former:
            since = time.monotonic()
    return left


print(
    json.dumps(
        {
            "left": wait(float(sys.argv[1])),
            "bodies": digests(),
            # a stub has no status, and was not created yet
            "orders": list(Order.objects.filter(received_at__isnull=False).values_list("increment_id", "status")),
            "shipments": list(Shipment.objects.values_list("increment_id", "status")),
            "events": list(Event.objects.order_by("pk").values_list("pk", "type", "increment_id", "changes")),
            "heard": list(
                Heard.objects.order_by("pk").values_list("receiver", "event_id", "event_type", "order_number")
            ),
        }
    )
)
