"""Start a real Redis, Celery processes and a worker of django-tasks-db."""

import json
import shutil
import signal
import subprocess

import pytest

from tests.processes import free_port, wait_for_port
from tests.samples import sample
from tests.test_server import send

STATUSES = ["pending", "processing", "complete", "closed"]


class Redis:
    """Real Redis server that keeps nothing on disk."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None

    def start(self):
        """Wait until Redis listens."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([shutil.which("redis-server"), *arguments], stdout=subprocess.DEVNULL)
        wait_for_port(self.process, self.port)

    def hang(self):
        """Suspend Redis: it accepts connections but does not answer."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self):
        """Kill Redis, as a loss of power would."""
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def redis(tmp_path):
    """Yield a Redis for one test."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def order(number, version=0):
    """An order as it was told for the n-th time."""
    return sample(
        "order", increment_id=f"{number:09d}", status=STATUSES[version], updated_at=f"2024-06-01T10:0{version}:00+00:00"
    )


def post(address, *bodies):
    """Return the statuses of the answers."""
    return [send(address, "order", json.dumps(body).encode())[0] for body in bodies]


def assert_each_event_was_told_once_and_in_sequence(found, orders, versions):
    """What `Shop.inventory` says: all is done, nothing twice, and for each order in the sequence of the events."""
    assert found["left"] == {"spooled": 0, "messages": 0, "calls": 0}
    statuses = dict(found["orders"])
    assert len(statuses) == len(found["orders"]) == orders
    assert set(statuses.values()) == {STATUSES[versions - 1]}
    types = [kind for _, kind, _, _ in found["events"]]
    assert types.count("order.created") == orders
    # each message with an effect has an event of its purchase, too; several workers may apply an older version after a
    # newer one, which is silent
    assert 2 * orders <= len(types) <= orders * (3 * versions - 1)
    heard = [(receiver, event, number) for receiver, event, _, number in found["heard"]]
    assert len(heard) == len(set(heard))
    told = [(event, number) for receiver, event, number in heard if receiver == "every"]
    assert sorted(event for event, _ in told) == [pk for pk, *_ in found["events"]]
    for number in statuses:
        of_order = [event for event, its_order in told if its_order == number]
        assert of_order == sorted(of_order)
        assert of_order == [pk for pk, _, of, _ in found["events"] if of == number]
