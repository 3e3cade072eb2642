"""A sender like Stock Hub: it posts each message once, whatever it hears, and goes on.

What it sends is made so that each body is sent once: it tells which message it is.
"""

import http.client
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass

from tests.samples import sample

PATH = "/api/v1/stockhub/"
HEADERS = {"x-api-key": "the-key-of-the-tests-0123456789", "x-version": "V1", "content-type": "application/json"}
ORDER_STATUSES = ("pending", "processing", "holded", "complete")
SHIPMENT_STATUSES = ("READY_FOR_PICKUP", "IN_TRANSIT", "DELIVERED")
ORDERS_AT_ONCE = 3


@dataclass(frozen=True)
class Answer:
    """What the sender heard of one message: `status` is 0 where nobody answered. Times are of `time.monotonic`."""

    topic: str
    body: bytes
    status: int
    asked_at: float
    heard_at: float

    @property
    def accepted(self):
        """Whether it was promised that the message is safe."""
        return 200 <= self.status < 300


def messages(start=1):
    """Orders and their shipments without end, each in several versions, a few orders mixed at a time."""
    for first in itertools.count(start, ORDERS_AT_ONCE):
        block = [message for number in range(first, first + ORDERS_AT_ONCE) for message in of_order(number)]
        random.shuffle(block)
        yield from block


def of_order(number):
    """(topic, body) of all versions of one order and its shipment; the later have the later `updated_at`."""
    name = f"{number:09d}"
    for version, status in enumerate(ORDER_STATUSES):
        at = f"2024-06-01T10:00:{version:02d}.000+00:00"
        yield "order", sample("order", increment_id=name, po_number=f"PO-{name}", status=status, updated_at=at)
    for version, status in enumerate(SHIPMENT_STATUSES):
        at = f"2024-06-01 10:00:{version:02d}"
        yield "shipment", sample("shipment", increment_id=name, order_increment_id=name, status=status, updated_at=at)


def post(address, topic, body, timeout=30):
    """The status of one POST, 0 where nobody answered."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request("POST", PATH + topic, body, HEADERS)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Load:
    """Threads that post until they are stopped; `answers` grows meanwhile.

    Args:
        address: the server's host and port.
        threads: how many messages are under way at once.
        pause: seconds that each thread rests between two messages.
        source: an iterator of (topic, data) to post instead of `messages`.
        may_post: returns False while no further message may be posted.
    """

    def __init__(self, address, threads=4, pause=0.01, *, source=None, may_post=lambda: True):
        self.address = address
        self.pause = pause
        self.answers = []
        self.posted = 0
        self._may_post = may_post
        self._messages = source or messages()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post_on, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def send(self, topic, body):
        """Post one message; return the status, 0 if there is no answer."""
        return post(self.address, topic, body)

    def accepted(self):
        """How many messages were answered 2xx so far."""
        return sum(answer.accepted for answer in list(self.answers))

    def wait_for(self, number, seconds=120):
        """Go on until so many messages were accepted: a busy machine takes longer."""
        deadline = time.monotonic() + seconds
        while self.accepted() < number and time.monotonic() < deadline:
            time.sleep(0.1)

    def _post_on(self):
        while not self._stop.is_set():
            with self._lock:
                if may_post := self._may_post():
                    topic, data = next(self._messages)
                    self.posted += 1
            if not may_post:
                self._stop.wait(0.01)
                continue
            body = json.dumps(data).encode()
            asked_at = time.monotonic()
            status = self.send(topic, body)
            self.answers.append(Answer(topic, body, status, asked_at, time.monotonic()))
            # a server that is starting anew answers nobody: do not run through all numbers meanwhile
            self._stop.wait(self.pause if status else 0.1)
