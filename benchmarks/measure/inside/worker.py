"""Puts open messages into the journal and works them off; or writes the same orders row by row."""

import itertools
import json
import os
import time
from datetime import timedelta

import django

django.setup()

from django.utils import timezone

from benchmarks.measure.baselines import row_by_row
from benchmarks.measure.conversation import answer
from benchmarks.measure.payload import with_number
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations import worker

NUMBERS = itertools.count(1)


def new(messages):
    """The bodies of so many orders that were not there before."""
    return [with_number(f"{os.getpid()}-{next(NUMBERS)}") for _ in range(messages)]


def enter(messages):
    """So many new orders wait to be applied."""
    due_at = timezone.now() - timedelta(seconds=1)
    Message.objects.bulk_create(
        [
            Message(url_topic="order", topic="order", account="default", body=body, due_at=due_at)
            for body in new(messages)
        ],
        batch_size=500,
    )
    return {"entered": messages}


def drain():
    """Work off what waits."""
    began = time.perf_counter()
    done = worker.drain()
    return {"done": done, "rate": done / (time.perf_counter() - began)}


def by_row(messages):
    """Write so many orders as `get_or_create` for each row does."""
    bodies = new(messages)
    began = time.perf_counter()
    for body in bodies:
        row_by_row.write(json.loads(body))
    return {"rate": messages / (time.perf_counter() - began)}


DEEDS = {"enter": enter, "drain": drain, "by_row": by_row}


def handle(deed, **arguments):
    """One of the deeds."""
    return DEEDS[deed](**arguments)


if __name__ == "__main__":
    answer(handle)
