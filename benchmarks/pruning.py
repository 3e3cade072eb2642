#!/usr/bin/env python3
"""Removes old bodies while a message comes in every 20 ms, and measures the answers, with and without.

    DATABASE_URL=postgres://… python3 -m benchmarks.pruning
    DATABASE_URL=postgres://… python3 -m benchmarks.pruning 1000000

The argument is the number of old messages in all, 20,000 without one. In five turns a fifth of them is inserted,
messages are posted to a real gunicorn for some seconds, and then again while the rows are pruned. The median of the
answers meanwhile may be 1.25 times that without, as the median of the five turns. Ends with 1 if it is more, or if a
message was lost. DATABASE_URL names a database on a server on which databases may be made.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

TURNS = 5
EVERY_SECONDS = 0.02
GOAL = 1.25
BATCH = 1000
AGE_DAYS = 200
BODY = b'{"a": "bytes of a message that is as long as those of Stock Hub"}' * 20


def main():
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=int, nargs="?", default=20_000, help="old messages in all")
    parser.add_argument("--seconds", type=float, default=5, help="how long each turn without pruning takes")
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--prune", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.shop.settings")
    import django

    django.setup()
    if options.prune:
        return prune()
    return fill(options.messages) if options.fill else play(options)


def prune():
    """Do what `stockhub_prune` does, once the start of the process is over."""
    from stockhub_webhooks.operations.privacy import retention

    print("ready", flush=True)
    print(sum(batch.rows for batch in retention.prune()), "rows", flush=True)
    return 0


def fill(count):
    """Insert old messages that are settled."""
    from django.utils import timezone

    from stockhub_webhooks.models import Message

    first = timezone.now() - timedelta(days=AGE_DAYS)
    for start in range(0, count, BATCH):
        rows = (
            Message(
                url_topic="order",
                topic="order",
                account="default",
                body=BODY,
                headers={"x-version": "V1"},
                received_at=first + timedelta(seconds=number),
                applied_at=first,
                status="applied",
                outcome="unchanged",
                increment_id=f"{number:09d}",
            )
            for number in range(start, min(start + BATCH, count))
        )
        Message.objects.bulk_create(rows)
    return 0


def play(options):
    """Measure all turns, print them, and return the exit code."""
    from tests.processes import Shop, scratch_database

    with tempfile.TemporaryDirectory() as folder, scratch_database(Path(folder)) as url:
        shop = Shop(url, Path(folder), SHOP_RETENTION='{"bodies": 90}')
        try:
            with shop.serve("-w", "2", "-k", "gthread", "--threads", "2") as address:
                return report(*measure(shop, Sender(address), options))
        finally:
            shop.close()


def measure(shop, sender, options):
    """Return the ratios and the answers of each kind, and how many messages were lost or not pruned."""
    ratios, plain, busy = [], [], []
    for turn in range(TURNS):
        shop.run("-m", "benchmarks.pruning", "--fill", str(options.messages // TURNS), timeout=3600)
        until = time.monotonic() + options.seconds
        without = sender.post_while(lambda until=until: time.monotonic() < until)
        process = shop.start("-m", "benchmarks.pruning", "--prune")
        assert process.stdout.readline() == "ready\n"
        during = sender.post_while(lambda process=process: process.poll() is None)
        assert process.returncode == 0, process.communicate()
        ratios.append(statistics.median(during) / statistics.median(without))
        print(f"turn {turn + 1}: {len(without)} without, {len(during)} while pruning, ratio {ratios[-1]:.2f}")
        plain += without
        busy += during
    stored = shop.query("Message.objects.exclude(key_fingerprint='').exclude(body=b'').count()")
    left = shop.query("Message.objects.filter(key_fingerprint='', body_removed_at=None).count()")
    return ratios, plain, busy, sender.count - stored, left


def report(ratios, plain, busy, lost, left):
    """Print the result; return the exit code."""
    ratio = statistics.median(ratios)
    for name, answers in (("without", plain), ("while pruning", busy)):
        p99 = statistics.quantiles(answers, n=100)[98]
        print(f"{name}: median {statistics.median(answers) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    print(f"ratio of the medians: {ratio:.2f} (goal {GOAL}); lost: {lost}; old bodies left: {left}")
    return int(ratio > GOAL or lost != 0 or left != 0)


class Sender:
    """Posts an order every 20 ms, each a purchase of its own."""

    def __init__(self, address):
        from tests.conftest import KEY, PREFIX
        from tests.samples import contract

        self.connection = http.client.HTTPConnection(address)
        self.headers = {"x-api-key": KEY, "content-type": "application/json"}
        self.path = f"{PREFIX}order"
        self.body = contract("order")
        self.count = 0

    def post_while(self, goes_on):
        """Post for as long as `goes_on` says, ten messages at least; return the seconds of each answer."""
        self.connection.close()  # the server has closed it meanwhile
        answers = []
        due = time.monotonic()
        while goes_on() or len(answers) < 10:
            time.sleep(max(due - time.monotonic(), 0))
            self.count += 1
            number = f"{900_000_000 + self.count}"
            body = json.dumps(self.body | {"increment_id": number, "po_number": f"PO-{number}"})
            began = time.monotonic()
            self.connection.request("POST", self.path, body, self.headers)
            answer = self.connection.getresponse()
            answer.read()
            answers.append(time.monotonic() - began)
            assert answer.status == 200, answer.status
            due = max(due + EVERY_SECONDS, time.monotonic())
        return answers


if __name__ == "__main__":
    sys.exit(main())
