"""A shop in which two busy days have passed, to look at in the admin: whole lives of orders, and what went wrong.

`python3 run.py office` from the root of the repository sets everything up, runs this, and serves until Ctrl-C.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from demo import HERE, KEY, LOGIN, PASSWORD, PATIENCE_SECONDS, ROOT, MailService, set_up, shop_server

ORDERS = 28
UNKNOWN_TO_THE_SHOP = 9  # every ninth order was never placed here
HOURS = 46


@contextmanager
def filled_shop(directory: Path):
    """The shop under gunicorn, filled; its address. The same orders each time."""
    set_up(directory, MailService())  # which stays down: the mails are waiting
    with shop_server(directory) as address:
        play(address)
        spread_over_two_days()
        worker = [sys.executable, str(HERE / "manage.py"), "stockhub_worker", "--once"]
        subprocess.run(worker, check=True, timeout=PATIENCE_SECONDS)
        yield address


def play(address: str) -> None:
    """Send the lives of some orders, one after the other, and a few things that no order is made of."""
    from django.utils import timezone
    from shop.models import ShopOrder

    from stockhub_webhooks import samples
    from stockhub_webhooks.simulator.scenarios import BY_NAME, Plan, posts
    from stockhub_webhooks.simulator.sending import Target
    from stockhub_webhooks.simulator.simulation import Simulation

    names = list(samples.LIVES)
    start = timezone.now() - timedelta(weeks=3)
    lives = [
        samples.life(names[number % len(names)], number, start=start, po_number=f"WEB-{4001 + number}")
        for number in range(ORDERS)
    ]
    for number, life in enumerate(lives):
        order = life.steps[0].payload
        if number % UNKNOWN_TO_THE_SHOP:
            total = order.get("grand_total") or 0
            ShopOrder.objects.create(number=life.po_number, customer_email="klant@example.com", total=total)
    target = Target.at(f"{address}api/v1/stockhub/")
    for plan in (
        *(BY_NAME[name].plan(1, 1, timezone.now()) for name in ("wrong-key", "malformed", "drift")),
        Plan([posts(life) for life in lives], lives),
    ):
        Simulation(target, KEY, plan, concurrency=1).run()


def spread_over_two_days() -> None:
    """As if the messages had come in one after the other, more of them by day than by night."""
    from django.utils import timezone

    from stockhub_webhooks.models import Message, Refusal, RefusedBody

    chance = random.Random(1)
    pks = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    now = timezone.localtime()
    moments: list = []
    while len(moments) < len(pks):
        moment = now - timedelta(hours=chance.random() * HOURS)
        if chance.random() < (1 if 8 <= moment.hour < 22 else 0.15):
            moments.append(moment)
    moments.sort()
    for pk, moment in zip(pks, moments, strict=True):
        Message.objects.filter(pk=pk).update(received_at=moment)
    refused = moments[len(moments) * 3 // 4]
    Refusal.objects.update(last_at=refused, hour=refused.replace(minute=0, second=0, microsecond=0))
    RefusedBody.objects.update(refused_at=refused)


def main() -> int:
    """Serve the filled shop until somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=ROOT / ".run" / "office", help="where to make the shop")
    parent = parser.parse_args().directory.resolve()
    parent.mkdir(parents=True, exist_ok=True)
    print("filling a shop …", flush=True)
    with filled_shop(Path(tempfile.mkdtemp(dir=parent, prefix=""))) as address:
        print(
            f"{address}admin/stockhub_webhooks/   login: {LOGIN}   password: {PASSWORD}   (Ctrl-C ends it)", flush=True
        )
        try:
            while True:
                input()
        except (EOFError, KeyboardInterrupt):
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
