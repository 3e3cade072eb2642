"""A process that puts messages into the spool, or takes them out: `spool COUNT`, `ingest [deadly or lockless]`."""

import json
import os
import sys

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import kept_fields, spool, spool_import
from tests.samples import sample


def spooled(number):
    """Return the fields of an order, as `journal.store` gives them to the spool."""
    body = json.dumps(sample("order", increment_id=f"{number:09d}")).encode()
    message = Message(url_topic="order", account="default", body=body)
    return {name: getattr(message, name) for name in kept_fields.SPOOLED}


def main(what, argument=""):
    """Run the command and print the result."""
    if what == "spool":
        print(json.dumps([spool.write(spooled(number)).stem for number in range(int(argument))]))
        return
    if argument == "deadly":
        spool.remove = lambda path: os._exit(9)  # as killed at this very moment
    if argument == "lockless":
        spool._lock = lambda descriptor: True  # as on Windows
    print(spool_import.import_spool())


if __name__ == "__main__":
    main(*sys.argv[1:])
