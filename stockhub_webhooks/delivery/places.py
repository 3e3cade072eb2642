"""Places for receiver calls in the web threads of a process, so that a receiver that hangs cannot use up all threads.

One call of each receiver and two calls in all may run at a time. A thread that gets no place leaves the calls due and
notes its message here: the thread that gives up the place makes them.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Lock

from stockhub_webhooks.models import Message

MAX_CALLS = 2
MAX_NOTED = 1000  # the calls of further messages are left-over work
ANY_RECEIVER = ""


class Places:
    """The places of one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: set[str] = set()
        self._noted: dict[str, dict[int, Message]] = {}  # by the receiver whose place was taken

    def take(self, receiver: str, message: Message | None) -> bool:
        """Take the place of a receiver; return False and note the message if there is none."""
        with self._lock:
            if receiver not in self._taken and len(self._taken) < MAX_CALLS:
                self._taken.add(receiver)
                return True
            noted = self._noted.setdefault(receiver if receiver in self._taken else ANY_RECEIVER, {})
            if message is not None and len(noted) < MAX_NOTED:
                noted[message.pk] = message
            return False

    def give_up(self, receiver: str) -> list[Message]:
        """Give up the place; return the messages that were noted meanwhile."""
        with self._lock:
            self._taken.discard(receiver)
            return [message for key in (receiver, ANY_RECEIVER) for message in self._noted.pop(key, {}).values()]

    def after_fork(self) -> None:
        """Start with fresh state: threads do not survive a fork, and another thread may have held the lock."""
        self._lock, self._taken, self._noted = Lock(), set(), {}


PLACES = Places()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=PLACES.after_fork)


class Unlimited:
    """The rights of a thread of a worker: it may begin any call."""

    def take(self, receiver: str, message: Message | None) -> bool:
        """Return True if a call of the receiver may begin."""
        return True

    def give_up(self, receiver: str) -> None:
        """End what `take` began."""


class WebThread(Unlimited):
    """The rights of a thread that serves requests.

    Attributes:
        left: messages whose calls other threads left due, since this thread had the place.
    """

    def __init__(self) -> None:
        self.left: deque[Message] = deque()

    def take(self, receiver: str, message: Message | None) -> bool:
        """Return True if there was a place; otherwise the thread that has it makes the calls of the message."""
        return PLACES.take(receiver, message)

    def give_up(self, receiver: str) -> None:
        """Give up the place and learn what was left meanwhile."""
        self.left.extend(PLACES.give_up(receiver))
