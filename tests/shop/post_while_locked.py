"""A child process that posts an order while another connection writes to the SQLite file.

Argument: the file. The other connection begins to write once the message is stored, and ends
when the request is answered. Prints the status and the duration of the request.
"""

import os
import sqlite3
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shop.settings"
django.setup()

from django.test import Client  # noqa: E402

from stockhub_webhooks import signals  # noqa: E402
from tests.samples import sample  # noqa: E402

other = sqlite3.connect(sys.argv[1], isolation_level=None)


def begin(sender, **arguments):
    """Begin to write, after the message was stored."""
    other.execute("BEGIN IMMEDIATE")


def end(sender, *, status, seconds, **arguments):
    """Stop writing, and print the answer."""
    other.execute("ROLLBACK")
    print(status, seconds, flush=True)


signals.message_received.connect(begin, dispatch_uid="begin")
signals.delivery_answered.connect(end, dispatch_uid="end")
Client().post(
    "/api/v1/stockhub/order",
    sample("order"),
    content_type="application/json",
    headers={"x-api-key": "the-key-of-the-tests-0123456789"},
)
