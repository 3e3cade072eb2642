"""Reads the same order over and over, in three ways."""

import json
import time

import django

django.setup()

from benchmarks.measure.baselines.nested import WithoutLookup
from benchmarks.measure.conversation import answer
from benchmarks.measure.payload import with_number
from stockhub_webhooks import serializers

BODY = with_number("3000000042")


def _nested():
    WithoutLookup(data=json.loads(BODY)).is_valid(raise_exception=True)


WAYS = {
    "json": lambda: json.loads(BODY),
    "ours": lambda: serializers.read(BODY, "order"),
    "nested": _nested,
}


def handle(way, seconds):
    """How many microseconds one reading takes."""
    read = WAYS[way]
    read()
    times, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(10):
            read()
        times += 10
    return {"microseconds": (time.perf_counter() - began) / times * 1e6}


if __name__ == "__main__":
    answer(handle)
