"""Limit on receiver calls in the web threads of a process, so that a receiver that hangs cannot hold all threads.

One call of each receiver and two calls in all may run at a time: each has a place. A thread that gets no place leaves
its calls due and notes its message here: the thread that releases the place makes these calls.
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
        self._taken: set[str] = set()  # receivers
        self._noted: dict[str, dict[int, Message]] = {}  # by the receiver whose place was taken

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Acquire a place for a receiver; if there is none, note the message and return False."""
        with self._lock:
            if receiver not in self._taken and len(self._taken) < MAX_CALLS:
                self._taken.add(receiver)
                return True
            noted = self._noted.setdefault(receiver if receiver in self._taken else ANY_RECEIVER, {})
            if message is not None and len(noted) < MAX_NOTED:
                noted[message.pk] = message
            return False

    def release(self, receiver: str) -> list[Message]:
        """Release the place; return the messages that were noted meanwhile."""
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
    """Places without a limit, for the thread of a worker."""

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Return True: the call may begin."""
        return True

    def release(self, receiver: str) -> None:
        """Release what `acquire` has acquired: nothing."""


class WebThread(Unlimited):
    """The places of its process, for a thread that serves requests.

    Attributes:
        left: messages whose calls other threads have left to this one, which had the place.
    """

    def __init__(self) -> None:
        self.left: deque[Message] = deque()

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Acquire a place; if there is none, leave the calls of the message to the thread that has it."""
        return PLACES.acquire(receiver, message)

    def release(self, receiver: str) -> None:
        """Release the place, and add the messages that were noted meanwhile to `left`."""
        self.left.extend(PLACES.release(receiver))
