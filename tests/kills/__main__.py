"""Kill processes, or cut connections, at points of the lives of orders; print how many, and each fault.

python -m tests.kills kills --count 30 --seed 7    points that a seed chooses
python -m tests.kills kills --drill FILE           all points; FILE keeps which are done, and the next run goes on
"""

import argparse
import json
import random
import sys
import threading
import time
from itertools import cycle
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
from tests.kills.play import AT_ONCE, LATE, RUNNERS, TOGETHER, Cuts, Fault, Kills, Lane, Player
from tests.kills.victim import Here, Zygote

try:
    from django.tasks.backends.dummy import DummyBackend
except ImportError:  # Django 5.2
    from django_tasks.backends.dummy import DummyBackend


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
            return run(Player(Kills(zygote), outside), lanes(), options)
        server = connection.settings_dict
        with CuttingProxy(connection.vendor, server["HOST"], server["PORT"]) as proxy:
            return run(Player(Cuts(zygote, proxy), outside), lanes(), options)
    finally:
        zygote.close()


def run(player, all_lanes, options):
    """Play at random, or all of it; return 1 if a promise was broken."""
    print(f"{connection.vendor}, {options.what}, seed {options.seed}", flush=True)
    play = at_all_points if options.drill else at_random
    done, faults = play(player, all_lanes, options)
    print(f"{done} {options.what}, {faults} faults")
    return int(bool(faults))


def lanes(seed=0):
    """Yield each way to play each life with each runner."""
    for way, is_spooled in ((AT_ONCE, False), (AT_ONCE, True), (LATE, False), (TOGETHER, False)):
        for runner in RUNNERS:
            for life in LIVES:
                yield Lane(life, runner, way, is_spooled, seed)


def at_random(player, all_lanes, options):
    """Play random lanes with a random point for each message, until `count` points were reached."""
    dice = random.Random(options.seed)
    done = faults = 0
    runners = cycle(dice.sample(RUNNERS, len(RUNNERS)))
    all_lanes = list(all_lanes)
    while done < options.count and not faults:
        runner = next(runners)
        lane = dice.choice([lane for lane in all_lanes if lane.runner == runner])
        measured = player.measure(lane)
        points = [dice.randint(0, point) for point in measured.points]
        try:
            done += player.play(lane, measured, points)
        except Fault as fault:
            faults += 1
            print(f"FAULT {fault}", flush=True)
    return done, faults


def at_all_points(player, all_lanes, options):
    """Play each lane once for each point, each message at that point; go on where the last run stopped."""
    known = [json.loads(line) for line in options.drill.read_text().splitlines()] if options.drill.exists() else []
    rounds = {(each["lane"], each["point"]): each["done"] for each in known}
    faults = 0
    for lane in all_lanes:
        measured = None
        highest = next((each["highest"] for each in known if each["lane"] == str(lane)), None)
        if highest is not None and all((str(lane), point) in rounds for point in range(highest + 1)):
            continue
        measured = player.measure(lane)
        highest = max(measured.points)
        for point in range(highest + 1):
            if (str(lane), point) in rounds:
                continue
            try:
                done = player.play(lane, measured, [point if point <= last else None for last in measured.points])
            except Fault as fault:
                faults += 1
                print(f"FAULT {fault}", flush=True)
                continue
            rounds[str(lane), point] = done
            with options.drill.open("a") as file:
                file.write(json.dumps({"lane": str(lane), "point": point, "highest": highest, "done": done}) + "\n")
        print(f"{lane}: points 0 to {highest}", flush=True)
    return sum(rounds.values()), faults


# ---------------------------------------------------------------- the process


def use_dummy_tasks():
    """Give Django's tasks a queue that nothing works on, if the shop has none: the work is done by hand here."""
    if "TASKS" not in vars(settings._wrapped):
        settings.TASKS = {"default": {"BACKEND": f"{DummyBackend.__module__}.{DummyBackend.__qualname__}"}}


def listen_outside(path):
    """Connect a receiver that writes to a file, so that it hears each event at least once."""

    def write(sender, *, event, **kwargs):
        with path.open("a") as file:
            file.write(f"{event.id}\n")

    signals.event_recorded.connect(write, dispatch_uid=rows.OUTSIDE)


def warm_up(outside):
    """Fill the caches of this process, and leave it without connections and threads, so that it can be forked."""
    player = Player(Kills(Here()), outside)
    for runner in RUNNERS:
        player.measure(Lane("returned", runner))
    connections.close_all()
    while threading.active_count() > 1:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
