"""A process that applies what is due and is killed while it splits a message: `before` or `after` the INSERT."""

import os
import sys

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing import split

insert = split.insert


def die(*args, **options):
    """End the process at once, as `kill -9` does."""
    if sys.argv[1] == "after":
        insert(*args, **options)
    os._exit(9)


split.insert = die
worker.drain()
