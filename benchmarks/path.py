"""Count the modules, rooms, moves and climbs on the path of one new order: `python benchmarks/path.py [CHECKOUT]`.

The order is posted to the view with the inline runner and one receiver, on SQLite in memory; a first order fills the
caches and is not counted. A module is counted if one of its functions is called, in the order of the first calls: the
order in which a reader opens the files. A room is a name in LAYERS of the checkout's tests/test_architecture.py. A
move leads from one room to the next; a climb is a move to a higher layer. The lowest layer is left out, since every
room reads the settings and writes to the log.

CHECKOUT is the folder of another version of this project, whose package, layers and settings are then used.
"""

import argparse
import json
import os
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORDER = ROOT / "tests" / "samples" / "contract" / "order.json"
RECEIVED = []  # numbers of the orders that the receiver was called for


def room_of(module):
    """Return the first name of a path below the package, which LAYERS assigns to a layer."""
    return module.partition("/")[0].removesuffix(".py")


def without_lowest(modules, layers):
    """Leave out the modules of the lowest layer, and `__init__.py` of the package itself, which has no layer."""
    return [module for module in modules if layers.get(room_of(module), 0) > 0]


def count(modules, layers):
    """Count the rooms, moves, climbs and modules of a path.

    Args:
        modules: paths below the package, in the order of their first calls.
        layers: number of the layer by room; 0 is the lowest.
    """
    path = without_lowest(modules, layers)
    rooms = [room_of(module) for module in path]
    moves = [(start, end) for start, end in pairwise(rooms) if start != end]
    climbs = [(start, end) for start, end in moves if layers[end] > layers[start]]
    return {"rooms": len(set(rooms)), "moves": len(moves), "climbs": len(climbs), "modules": len(path)}


def called_modules(folder, action):
    """Run `action`; return the modules below `folder` with a called function, in the order of their first calls."""
    prefix = f"{folder}{os.sep}"
    modules = {}

    def profile(frame, event, _):
        code = frame.f_code
        # "<module>" is an import, not a step of the message
        if event == "call" and code.co_filename.startswith(prefix) and code.co_name != "<module>":
            modules.setdefault(Path(code.co_filename).relative_to(folder).as_posix())

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return list(modules)


def set_up(checkout):
    """Import Django and the package from `checkout`, on SQLite in memory."""
    sys.path.insert(0, str(checkout))
    for name in ("DATABASE_URL", "TEST_SQLITE_FILE", "OTHER_SQLITE_FILE"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.host.settings"
    import django

    django.setup()


def note_order(sender, *, order, **kwargs):
    """Receive an order as a shop does: the app refuses nested functions."""
    RECEIVED.append(order.increment_id)


def trace_order():
    """Post two orders through the view; return the modules that the second one calls."""
    from django.conf import settings
    from django.test import Client

    import stockhub_webhooks
    from stockhub_webhooks.signals import order_created

    client = Client()
    document = json.loads(ORDER.read_text(encoding="utf-8"))
    keys = settings.STOCKHUB_WEBHOOKS["API_KEYS"]
    key = keys if isinstance(keys, str) else keys[0]

    def post(number):
        body = json.dumps(document | {"increment_id": number, "po_number": f"PO-{number}"})
        answer = client.post(
            "/api/v1/stockhub/order", body, content_type="application/json", headers={"x-api-key": key}
        )
        if answer.status_code != 200 or answer.json().get("outcome") != "created" or RECEIVED[-1:] != [number]:
            raise SystemExit(f"order {number} was not applied and delivered: {answer.status_code} {answer.content!r}")

    order_created.connect(note_order, dispatch_uid="benchmarks.path")
    try:
        post("000000901")
        return called_modules(Path(stockhub_webhooks.__file__).parent, lambda: post("000000902"))
    finally:
        order_created.disconnect(dispatch_uid="benchmarks.path")


def measure(checkout):
    """Return the path of one order in `checkout`, and the number of the layer by room."""
    set_up(checkout)
    from django.test.runner import DiscoverRunner

    from tests.test_architecture import LAYER

    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        return trace_order(), LAYER
    finally:
        runner.teardown_databases(databases)
        runner.teardown_test_environment()


def main():
    """Print the counts, and the modules in the order of their first calls."""
    parser = argparse.ArgumentParser(description="count the rooms, moves and climbs on the path of one new order")
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT, help="another version of this project")
    parser.add_argument("--json", action="store_true", help="print JSON, with the modules as a list")
    options = parser.parse_args()
    modules, layers = measure(options.checkout.resolve())
    counts, path = count(modules, layers), without_lowest(modules, layers)
    if options.json:
        print(json.dumps({**counts, "path": path}))
        return
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    print(*path, sep="\n")


if __name__ == "__main__":
    main()
