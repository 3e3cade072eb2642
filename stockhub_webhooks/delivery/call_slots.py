"""Limit on receiver calls in the web threads of a process, so that a receiver that hangs cannot hold all threads.

One call of each receiver and two calls in all may run at a time: each needs a slot. A thread that gets no slot leaves
its calls due and hands its message over to the thread that holds the slot, which makes these calls afterwards.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Lock
from typing import Protocol

from stockhub_webhooks.models import Message

MAX_CALLS = 2
MAX_HANDED_OVER = 1000  # the calls of further messages are left-over work
ANY_RECEIVER = ""


class CallSlots(Protocol):
    """The slots that a thread asks for before it claims calls of a receiver."""

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Acquire a slot for a receiver; return False if there is none."""

    def release(self, receiver: str) -> None:
        """Release the slot of a receiver."""


class UnlimitedSlots(CallSlots):
    """Slots without a limit, for the thread of a worker."""

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Return True: the call may begin."""
        return True

    def release(self, receiver: str) -> None:
        """Release what `acquire` has acquired: nothing."""


class WebSlots(CallSlots):
    """The slots of its process, for a thread that serves requests.

    Attributes:
        handed_over: messages whose calls waited for a slot that this thread held.
    """

    def __init__(self) -> None:
        self.handed_over: deque[Message] = deque()

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Acquire a slot; if there is none, hand the message over to the thread that holds it."""
        return PROCESS_SLOTS.acquire(receiver, message)

    def release(self, receiver: str) -> None:
        """Release the slot, and add the messages that wait for it to `handed_over`."""
        self.handed_over.extend(PROCESS_SLOTS.release(receiver))


class _ProcessSlots:
    """The slots of one process, which its web threads share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: set[str] = set()  # receivers
        self._waiting: dict[str, dict[int, Message]] = {}  # by the receiver whose slot was taken

    def acquire(self, receiver: str, message: Message | None) -> bool:
        """Acquire a slot for a receiver; if there is none, keep the message and return False."""
        with self._lock:
            if receiver not in self._taken and len(self._taken) < MAX_CALLS:
                self._taken.add(receiver)
                return True
            waiting = self._waiting.setdefault(receiver if receiver in self._taken else ANY_RECEIVER, {})
            if message is not None and len(waiting) < MAX_HANDED_OVER:
                waiting[message.pk] = message
            return False

    def release(self, receiver: str) -> list[Message]:
        """Release the slot; return the messages that wait for it."""
        with self._lock:
            self._taken.discard(receiver)
            return [message for key in (receiver, ANY_RECEIVER) for message in self._waiting.pop(key, {}).values()]

    def after_fork(self) -> None:
        """Start with fresh state: threads do not survive a fork, and another thread may have held the lock."""
        self._lock, self._taken, self._waiting = Lock(), set(), {}


PROCESS_SLOTS = _ProcessSlots()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=PROCESS_SLOTS.after_fork)
