"""Count the rooms that one new order with one receiver enters, and how often its path moves between them.

    PYTHONPATH=. DATABASE_URL=sqlite:///:memory: python benchmarks/path.py

The message is posted to the view, applied in the request, and delivered after the answer. A move is a call from a
module of one room into a module of another; a climb is a move to a higher layer of `tests/test_architecture.py`.
"""

import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
os.environ.setdefault("DATABASE_URL", "sqlite:///:memory:")

import django

django.setup()

from django.core.management import call_command
from django.test import Client

import stockhub_webhooks
from stockhub_webhooks.signals import order_created
from tests.conftest import KEY, PREFIX
from tests.samples import contract
from tests.test_architecture import LAYER

FOLDER = Path(stockhub_webhooks.__file__).parent


def listen(sender, *, order, **kwargs):
    """A receiver that does nothing."""


def post():
    """Post one new order as Stock Hub does, and close the answer as a server does."""
    headers = {"x-api-key": KEY}
    response = Client().post(f"{PREFIX}order", contract("order"), content_type="application/json", headers=headers)
    assert response.json()["outcome"] == "created"


def measure(function):
    """Return the modules that the function enters, and its calls between rooms."""
    modules, moves = set(), Counter()

    def profile(frame, event, argument):
        if event != "call":
            return
        called, calling = room_of(frame), None
        if called is None:
            return
        modules.add(called[1])
        caller = frame.f_back
        while caller is not None and calling is None:
            calling = room_of(caller)
            caller = caller.f_back
        if calling is not None and calling[0] != called[0]:
            moves[calling[0], called[0]] += 1

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return modules, moves


def room_of(frame):
    """Return the room and the module of a frame of ours; None for any other frame."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(FOLDER):
        return None
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    return name.split("/")[0], name


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    order_created.connect(listen, dispatch_uid="path.listen")
    modules, moves = measure(post)
    rooms = {name.split("/")[0] for name in modules}
    climbs = {pair: count for pair, count in moves.items() if LAYER.get(pair[1], 0) > LAYER.get(pair[0], 0)}
    print(f"{len(rooms)} rooms, {len(modules)} modules; {len(moves)} kinds of moves, {len(climbs)} of them climb")
    for (calling, called), count in sorted(moves.items()):
        print(f"  {calling} -> {called}: {count}{'  (climbs)' if (calling, called) in climbs else ''}")
