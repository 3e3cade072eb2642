"""A shop after ten busy days, to be viewed in the admin: lives of orders, and some problems.

`python3 run.py office` in the root of the repository sets everything up, runs this, and serves until Ctrl-C.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path

from demo import DATABASE_TIMEOUT_SECONDS, HERE, KEY, LOGIN, PASSWORD, ROOT, MailService, set_up, shop_server

ORDERS = 60
DAYS = 10
UNKNOWN_TO_THE_SHOP = 9  # every ninth order was never placed here
HOURS = 46
LOG = "worker.log"


@contextmanager
def filled_shop(directory: Path):
    """Run a filled shop under gunicorn, with the same orders each time; yield its URL."""
    set_up(directory, MailService())  # the service stays down, so that mails wait
    with shop_server(directory) as address:
        date_back(play(address))
        worker = [sys.executable, str(HERE / "manage.py"), "stockhub_worker", "--once"]
        with (directory / LOG).open("wb") as log:  # receivers fail on purpose
            subprocess.run(worker, check=True, timeout=DATABASE_TIMEOUT_SECONDS, stderr=log)
        yield address


def play(address: str) -> dict[tuple[str, str, int], datetime]:
    """Send the past messages of some orders, and some messages with faults.

    Returns:
        The time at which each message would have come in, by topic, number, and position among the messages about the
        document.
    """
    from django.utils import timezone
    from shop.models import ShopOrder

    from stockhub_webhooks.testing.simulator.scenarios import BY_NAME, Plan, posts
    from stockhub_webhooks.testing.simulator.sending import Target
    from stockhub_webhooks.testing.simulator.simulation import Simulation

    now = timezone.localtime()
    lives = some_lives(now)
    for number, life in enumerate(lives):
        order = life.steps[0].payload
        if number % UNKNOWN_TO_THE_SHOP:
            total = order.get("grand_total") or 0
            ShopOrder.objects.create(number=life.po_number, customer_email="klant@example.com", total=total)
    steps = [(step.at, post) for life in lives for step, post in zip(life, posts(life), strict=True)]
    sent = sorted((each for each in steps if each[0] < now), key=itemgetter(0))
    target = Target.at(f"{address}api/v1/stockhub/")
    for plan in (
        *(BY_NAME[name].plan(1, 1, timezone.now()) for name in ("wrong-key", "malformed", "drift", "duplicate")),
        Plan([tuple(post for at, post in sent)], lives),
    ):
        Simulation(target, KEY, plan, concurrency=1).run()
    turns: Counter = Counter()
    moments = {}
    for at, post in sent:
        moments[post.topic, post.number, turns[post.topic, post.number]] = at
        turns[post.topic, post.number] += 1
    return moments


def some_lives(now: datetime) -> list:
    """Return lives of orders of the last days, placed by day, with all kinds of lives in turns."""
    from stockhub_webhooks.testing import samples

    names, chance = list(samples.LIVES), random.Random(1)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    placed = (
        midnight - timedelta(days=DAYS - DAYS * number / ORDERS) + timedelta(hours=chance.uniform(8, 22))
        for number in range(ORDERS)
    )
    return [
        samples.life(names[number % len(names)], number, start=start, po_number=f"WEB-{4001 + number}")
        for number, start in enumerate(sorted(start for start in placed if start < now))
    ]


def date_back(moments: dict[tuple[str, str, int], datetime]) -> None:
    """Set past times for messages and receiver calls; messages without an order are within the last two days."""
    from django.db.models import Max
    from django.utils import timezone

    from stockhub_webhooks.models import Event, Message, ReceiverCall, Refusal, RefusedBody
    from stockhub_webhooks.processing.apply import BY_TOPIC

    chance, turns = random.Random(1), Counter()
    now = timezone.localtime()
    for message in Message.objects.order_by("pk"):
        key = (message.topic, message.increment_id, turns[message.topic, message.increment_id])
        turns[message.topic, message.increment_id] += 1
        at = moments.get(key) or now - timedelta(hours=chance.uniform(1, HOURS))
        Message.objects.filter(pk=message.pk).update(received_at=at, applied_at=message.applied_at and at)
        Event.objects.filter(message=message, message__topic="rma").update(
            occurred_at=at
        )  # returns have no time of their own
        done = ReceiverCall.objects.filter(event__message=message, done_at__isnull=False)
        done.update(done_at=at + timedelta(seconds=1))
    for topic, document_type in BY_TOPIC.items():
        latest = Message.objects.filter(topic=topic).values_list("increment_id").annotate(at=Max("received_at"))
        for number, at in latest:
            document_type.model.objects.filter(increment_id=number, received_at__isnull=False).update(received_at=at)
    ReceiverCall.objects.filter(status="pending").update(due_at=now)
    refused = now - timedelta(hours=HOURS / 4)
    Refusal.objects.update(last_at=refused, hour=refused.replace(minute=0, second=0, microsecond=0))
    RefusedBody.objects.update(refused_at=refused)


def main() -> int:
    """Serve the filled shop until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".run" / "office", help="where to make the shop")
    parent = parser.parse_args().directory.resolve()
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=""))
    print("filling a shop, in about half a minute …", flush=True)
    with filled_shop(directory) as address:
        print("Done. Some orders are unknown to the shop, and its mail service is down, so that some of its receivers")
        print(f"failed; their log is {directory / LOG}.\n")
        print(
            f"{address}admin/stockhub_webhooks/\n\nlogin: {LOGIN}   password: {PASSWORD}   (Ctrl-C ends it)", flush=True
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # of a container, or `kill` after nohup
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
