"""Each page, answer and command with ten thousand of everything; prints the seconds that each took.

They are seconds of the processor, SQLite's included, so that a busy machine changes nothing.
"""

import os
import time

import pytest

from tests.security import large
from tests.security.doors import doors

COUNT = int(os.environ.get("STOCKHUB_ENDLESS", "10000"))
SECONDS = 2.0
PRINTED = 0.2  # seconds; what is faster is only counted
WHOLE = ("export ", "stockhub_dump")  # these write all of the data to a file, line by line
# a purchase of as many orders, each with its lines; the last order of all is one of them
MANY_ORDERS, SECONDS_OF_MANY_ORDERS = ("SPLIT-1", "order_story last"), 3.0


@pytest.mark.django_db(databases="__all__")
def test_everything_is_shown_within_two_seconds(staff, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"METRICS": True}
    large.fill(COUNT)
    took = {}
    for name, door in doors(staff):
        begun = time.process_time()
        shown = door()
        took[name] = time.process_time() - begun
        if took[name] > PRINTED:
            print(f"{took[name]:6.2f} s {len(shown) / 1000:8.0f} kB  {name}", flush=True)
    print(f"{COUNT} of everything: {len(took)} pages, answers and commands, {max(took.values()):.2f} s at most")
    late = [name for name, seconds in took.items() if seconds > limit(name) and not name.startswith(WHOLE)]
    assert not late


def limit(name):
    """Return the seconds that a door may take."""
    return SECONDS_OF_MANY_ORDERS if name.endswith(MANY_ORDERS) else SECONDS
