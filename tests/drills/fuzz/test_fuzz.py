"""Variations of the documented bodies, for STOCKHUB_FUZZ_DRILL_SECONDS (60 by default).

The numbers of each topic are those of other customers' documents of every other topic, which are there first. No answer
is 5xx, each body is kept byte for byte, no row of another customer changes, and a second send has no effect.
STOCKHUB_FUZZ_SEED repeats a run; STOCKHUB_FUZZ_SERVER=1 sends to a gunicorn. What fails is kept in tests/samples/found.
"""

import http.client
import json
import os
import random
import time
from collections import Counter
from itertools import cycle

import pytest
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message
from tests.conftest import KEY, PREFIX
from tests.drills.fuzz import rows
from tests.drills.fuzz.variations import NUMBERS_OF, SEEDED_ORDERS, numbered, variation
from tests.security.fuzz.mutations import Shot

SECONDS = float(os.environ.get("STOCKHUB_FUZZ_DRILL_SECONDS", "60"))
SEED = int(os.environ.get("STOCKHUB_FUZZ_SEED", random.SystemRandom().randrange(10**9)))


class InProcess:
    """Sends to the view of this process."""

    def __init__(self):
        self.client = Client(raise_request_exception=False)

    def send(self, topic, body, headers):
        answer = Shot(
            topic, body, headers={f"HTTP_{name.upper().replace('-', '_')}": headers[name] for name in headers}
        )
        if "content-type" in headers:
            answer.headers["CONTENT_TYPE"] = answer.headers.pop("HTTP_CONTENT_TYPE")
        response = answer.send(self.client)
        return response.status_code, response.content

    def stored(self, pk):
        message = Message.objects.get(pk=pk)
        return bytes(message.body), message.status, message.error

    highest = staticmethod(rows.highest)
    digests = staticmethod(rows.digests)


class Server:
    """Sends to a gunicorn of a shop."""

    def __init__(self, shop, address):
        self.shop, self.address = shop, address

    def send(self, topic, body, headers):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        headers = {"content-type": "application/json", **headers, "x-api-key": KEY}
        connection.request("POST", PREFIX + topic, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def stored(self, pk):
        return self.shop.query(f"[(bytes(m.body), m.status, m.error) for m in Message.objects.filter(pk={pk})][0]")

    def highest(self):
        return self.shop.query("__import__('tests.drills.fuzz.rows', fromlist=['rows']).highest()")

    def digests(self, until):
        return self.shop.query(f"__import__('tests.drills.fuzz.rows', fromlist=['rows']).digests({until!r})")


def fill(target):
    """Send documents of other customers: for each number those of all topics but its own."""
    orders = cycle(SEEDED_ORDERS)
    for owner in topics.ALL:
        for number in NUMBERS_OF[owner]:
            for topic in topics.ALL:
                if topic != owner:
                    body = json.dumps(numbered(topic, number, next(orders))).encode()
                    assert target.send(topic, body, {})[0] == 200
    until = target.highest()
    return until, target.digests(until)


def judge(target, sent, until, before):
    """Send a variation twice, and check what is promised; return the first outcome."""
    status, content = target.send(sent.topic, sent.body, sent.headers)
    assert status in {200, 406}, (status, content)
    first = json.loads(content)
    body, state, error = target.stored(first["message"])
    assert body == sent.body
    assert state == ("applied" if status == 200 else "quarantined")
    again, content = target.send(sent.topic, sent.body, sent.headers)
    second = json.loads(content)
    assert again == status, "the second answer differs"
    if status == 200:
        expected = {"unchanged", *({first["outcome"]} & {"stale", "split"})}
        assert second["outcome"] in expected, (first, second)
    else:
        assert target.stored(second["message"])[2] == error
    after = target.digests(until)
    assert after == before, [name for name in before if after[name] != before[name]]
    return first.get("outcome", "quarantined")


def run(target):
    """Send variations until the time is over; return how many."""
    until, before = fill(target)
    dice = random.Random(SEED)
    end = time.monotonic() + SECONDS
    count = Counter()
    while time.monotonic() < end:
        sent = variation(dice)
        try:
            count[judge(target, sent, until, before)] += 1
        except Exception as fault:
            headers = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in sent.headers.items()}
            path = Shot(sent.topic, sent.body, headers=headers).save(f"drill {SEED} {hash(sent.body) & 0xFFFFFFFF:08x}")
            raise AssertionError(
                f"{sent} failed after {count.total()}, seed {SEED}; it is kept as {path.name}"
            ) from fault
    print(f"{count.total()} variations, seed {SEED}: {', '.join(f'{count[name]} {name}' for name in sorted(count))}")
    return count.total()


@pytest.mark.django_db(databases="__all__")
@pytest.mark.timeout(SECONDS + 300)
def test_no_variation_is_lost_or_changes_what_it_does_not_name():
    assert run(InProcess())


if "STOCKHUB_FUZZ_SERVER" in os.environ:

    @pytest.mark.server
    @pytest.mark.timeout(SECONDS + 300)
    def test_no_variation_is_lost_by_a_server(shop):
        with shop.serve("--workers", "1") as address:
            assert run(Server(shop, address))
