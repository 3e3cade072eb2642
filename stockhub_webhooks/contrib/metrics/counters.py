"""Counters of this process, driven by the operational signals; tests are not counted, but for their answers.

Labels have few values: topics, outcomes, statuses and receivers, never an order number or an address.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter, Histogram

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message, ReceiverCall

ANY_TOPIC = "any"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

RECEIVED = Counter(
    "stockhub_webhooks_received_messages_total",
    'Messages stored in the database, by the topic of the URL ("any" for the shared URL) and the source.',
    ["topic", "source"],
)
PROCESSED = Counter(
    "stockhub_webhooks_processed_messages_total",
    "Attempts to process a message, by topic and outcome; put_off will be tried again, failed will not.",
    ["topic", "outcome"],
)
PROCESSING = Histogram(
    "stockhub_webhooks_processing_seconds",
    "Seconds of reading and applying a message.",
    ["topic"],
    buckets=SECONDS,
)
ANSWERS = Histogram(
    "stockhub_webhooks_answer_seconds",
    "Seconds until a delivery was answered, by HTTP status; each 503 is a lost message. Tests are counted, too.",
    ["code"],
    buckets=SECONDS,
)
CALLS = Counter(
    "stockhub_webhooks_receiver_calls_total",
    "Receiver calls, by result; failed and later (RetryLater) will be called again.",
    ["receiver", "result"],
)
CALLING = Histogram(
    "stockhub_webhooks_receiver_call_seconds",
    "Seconds of a receiver call, with its transaction.",
    ["receiver"],
    buckets=SECONDS,
)
ALL = (RECEIVED, PROCESSED, PROCESSING, ANSWERS, CALLS, CALLING)


def received(message: Message, **kwargs: Any) -> None:
    """Count a stored message."""
    if not message.is_test:
        RECEIVED.labels(topic_of(message), message.source).inc()


def processed(message: Message, seconds: float, **kwargs: Any) -> None:
    """Count an attempt to process a message."""
    if not message.is_test:
        PROCESSED.labels(topic_of(message), outcome_of(message)).inc()
        PROCESSING.labels(topic_of(message)).observe(seconds)


def answered(status: int, seconds: float, **kwargs: Any) -> None:
    """Count an answered request."""
    ANSWERS.labels(str(status)).observe(seconds)


def called(call: ReceiverCall, seconds: float, **kwargs: Any) -> None:
    """Count a receiver call."""
    if not call.event.is_test:
        CALLS.labels(call.receiver, result_of(call)).inc()
        CALLING.labels(call.receiver).observe(seconds)


COUNTING_FUNCTIONS = (
    (signals.message_received, received),
    (signals.message_processed, processed),
    (signals.delivery_answered, answered),
    (signals.receiver_called, called),
)


def connect() -> None:
    """Connect the counters to their signals."""
    for signal, count in COUNTING_FUNCTIONS:
        signal.connect(count, dispatch_uid=f"{__name__}.{count.__name__}")


def topic_of(message: Message) -> str:
    """Return the topic, or "any" if it is unknown: a spool file may hold any text."""
    return message.topic if message.topic in topics.ALL else ANY_TOPIC


def outcome_of(message: Message) -> str:
    """Return the outcome of an applied message, else its status; "put_off" if it will be tried again."""
    if message.status == Message.Status.APPLIED:
        return message.outcome
    return "put_off" if message.status == Message.Status.RECEIVED else str(message.status)


def result_of(call: ReceiverCall) -> str:
    """Return the status of a call; of a pending one "failed" or "later", of a running one "taken_over"."""
    if call.status == ReceiverCall.Status.PENDING:
        return "failed" if call.cause else "later"
    return "taken_over" if call.status == ReceiverCall.Status.RUNNING else str(call.status)
