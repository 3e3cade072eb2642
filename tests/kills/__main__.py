"""Kill processes, or cut connections, at points of the lives of orders; print how many, and each fault.

python -m tests.kills kills --count 30 --seed 7          points that a seed chooses
python -m tests.kills kills --count 2000 --drill FILE    2,000 points that FILE does not have yet; they are added
"""

import argparse
import json
import random
import sys
import threading
import time
from itertools import cycle, product
from pathlib import Path

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.conf import settings
from django.db import connection, connections

from stockhub_webhooks import signals
from stockhub_webhooks.testing.samples import LIVES
from tests.kills import breakages, rows
from tests.kills.cuts import CuttingProxy
from tests.kills.play import AT_ONCE, RUNNERS, WAYS, Cuts, Fault, Kills, Lane, Player
from tests.kills.victim import Here, Zygote

try:
    from django.tasks.backends.dummy import DummyBackend
except ImportError:  # Django 5.2
    from django_tasks.backends.dummy import DummyBackend

SHARES = 29  # points of one lane in one share are so far apart


def main(arguments):
    """Run as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("what", choices=["kills", "cuts"])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--drill", type=Path)
    parser.add_argument("--break", dest="breakage", choices=breakages.BY_NAME)
    options = parser.parse_args(arguments)
    if options.breakage:
        breakages.BY_NAME[options.breakage]()
    outside = Path(settings.STOCKHUB_WEBHOOKS["SPOOL_DIR"]).parent / "outside.txt"
    use_dummy_tasks()
    listen_outside(outside)
    warm_up(outside)
    zygote = Zygote()
    try:
        if options.what == "kills":
            return run(Player(Kills(zygote), outside), options)
        server = connection.settings_dict
        with CuttingProxy(connection.vendor, server["HOST"], server["PORT"]) as proxy:
            return run(Player(Cuts(zygote, proxy), outside), options)
    finally:
        zygote.close()


def run(player, options):
    """Play at random, or all of it; return 1 if a promise was broken."""
    print(f"{connection.vendor}, {options.what}, seed {options.seed}", flush=True)
    play = in_shares if options.drill else at_random
    done, faults = play(player, list(finding_lanes(options.breakage) if options.breakage else lanes()), options)
    print(f"{done} {options.what}, {faults} faults")
    return int(bool(faults))


def lanes():
    """Yield each way to play each life with each runner."""
    for way, is_spooled in ((AT_ONCE, False), (AT_ONCE, True), *((way, False) for way in WAYS if way != AT_ONCE)):
        for runner, life in product(RUNNERS, LIVES):
            yield Lane(life, runner, way, is_spooled)


def finding_lanes(breakage):
    """Yield the shortest lanes that find a breakage."""
    return (Lane("cancelled", runner, is_spooled=breakage == "spool") for runner in RUNNERS)


def at_random(player, all_lanes, options):
    """Play random lanes with a random point for each message, until `count` points were reached or a fault is found."""
    dice = random.Random(options.seed)
    runners = cycle(dice.sample(RUNNERS, len(RUNNERS)))
    done = 0
    while done < options.count:
        runner = next(runners)
        lane = dice.choice([lane for lane in all_lanes if lane.runner == runner])
        measured = player.measure(lane)
        try:
            done += player.play(lane, measured, [dice.randint(0, point) for point in measured.points])
        except Fault as fault:
            print(f"FAULT {fault}", flush=True)
            return done, 1
    return done, 0


def in_shares(player, all_lanes, options):
    """Play the points that were not played yet, a share of each lane's at a time, until `count` more were reached."""
    known = [json.loads(line) for line in options.drill.read_text().splitlines()] if options.drill.exists() else []
    played = {(each["lane"], each["point"]) for each in known}
    highest = {each["lane"]: each["highest"] for each in known}
    done = sum(each["done"] for each in known)
    target = (done // options.count + 1) * options.count  # an interrupted run is completed
    faults = 0
    for share, (number, lane) in product(range(SHARES), enumerate(all_lanes)):
        name = str(lane)
        first = (share + number * 7) % SHARES
        points = [point for point in range(first, highest.get(name, first) + 1, SHARES) if (name, point) not in played]
        if not points:
            continue
        if done >= target:
            break
        measured = player.measure(lane)
        highest[name] = max(measured.points)
        for point in range(first, highest[name] + 1, SHARES):
            if (name, point) in played:
                continue
            try:
                reached = player.play(lane, measured, [point if point <= last else None for last in measured.points])
            except Fault as fault:  # the next run plays it again
                faults += 1
                print(f"FAULT {fault}", flush=True)
                continue
            done += reached
            with options.drill.open("a") as file:
                line = {"lane": name, "point": point, "highest": highest[name], "done": reached}
                file.write(json.dumps(line) + "\n")
        print(f"{done} of {target}: {lane}, points up to {highest[name]}", flush=True)
    return done, faults


# ---------------------------------------------------------------- the process


def use_dummy_tasks():
    """Give Django's tasks a queue that nothing works on, if the shop has none: the work is done by hand here."""
    if "TASKS" not in vars(settings._wrapped):
        settings.TASKS = {"default": {"BACKEND": f"{DummyBackend.__module__}.{DummyBackend.__qualname__}"}}


def listen_outside(path):
    """Connect a receiver that writes to a file, which is called at least once for each event."""

    def write(sender, *, event, **kwargs):
        with path.open("a") as file:
            file.write(f"{event.id}\n")

    signals.event_recorded.connect(write, dispatch_uid=rows.OUTSIDE)


def warm_up(outside):
    """Fill the caches of this process, and leave it without connections and threads, so that it can be forked."""
    player = Player(Kills(Here()), outside)
    for runner, life in zip(RUNNERS, ("returned", "happy", "cancelled", "cancelled"), strict=True):
        player.measure(Lane(life, runner))
    connections.close_all()
    while threading.active_count() > 1:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
