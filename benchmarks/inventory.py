"""Waits until the shop's processes have nothing left to do, and prints as JSON what there is then.

Takes the seconds after which it gives up where nothing gets done; what is open then stands in the inventory. A slow
machine, or a large backlog, is waited for. The second argument is a time: what was received before it is left out.
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

PATIENCE, SINCE = float(sys.argv[1]), sys.argv[2]
MESSAGES = Message.objects.filter(received_at__gte=SINCE)


def work_left():
    """What still waits: files, messages, calls."""
    return {
        "spooled": sum(1 for _ in spool.files()),
        "messages": MESSAGES.exclude(status="applied").count(),
        "calls": ReceiverCall.objects.exclude(status="done").filter(event__message__received_at__gte=SINCE).count(),
    }


def digests():
    """Each message's digest of its exact bytes."""
    return [hashlib.sha256(bytes(body)).hexdigest() for body in MESSAGES.values_list("body", flat=True)]


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
            "left": wait(PATIENCE),
            "bodies": digests(),
            # a stub has no status, and was not created yet
            "orders": list(Order.objects.filter(received_at__gte=SINCE).values_list("increment_id", "status")),
            "shipments": list(Shipment.objects.filter(received_at__gte=SINCE).values_list("increment_id", "status")),
            "events": list(
                Event.objects.filter(message__received_at__gte=SINCE)
                .order_by("pk")
                .values_list("pk", "type", "increment_id", "changes")
            ),
            "heard": list(
                Heard.objects.order_by("pk").values_list("receiver", "event_id", "event_type", "order_number")
            ),
        }
    )
)
