"""The exceptions of this app, and descriptions of errors for logs and for the office.

Two questions decide the class: is the sender, the shop or the set-up at fault, and can a retry help?

::

    StockHubError
    ├── Refused              sender: the delivery is not accepted
    │   ├── WrongKey         401
    │   └── BodyTooLarge     413
    ├── Unreadable           sender: the message is stored and quarantined; a retry helps only after a correction
    ├── NotStored            set-up: neither the database nor the spool stored the message, 503
    ├── AlreadySettled       no fault: another process finished the same message first
    ├── OrderLocked          no fault: another transaction holds an order's row; the work is done later
    ├── WriterBusy           no fault: another connection writes to the SQLite file; the work is done later
    ├── TransactionLost      receiver of the shop: it swallowed a database error, so its transaction is lost
    ├── TransactionEnded     receiver of the shop: it ended its transaction by hand
    ├── ConnectionLost       set-up: the database ended the connection in the middle of a call
    ├── ReceiverRefused      developer of the shop: the function cannot be connected
    ├── MultipleAccounts     developer of the shop: an order number exists in several accounts, and none is named
    ├── RestError            Stock Hub or the set-up: a REST call did not give what was asked for
    │   ├── RestNotConfigured    set-up: the settings of the REST calls are missing or wrong; a retry does not help
    │   ├── RestRefused          set-up: the token or the address is wrong; a retry does not help
    │   ├── RestNotFound         no fault: Stock Hub does not know the number, at least not yet
    │   └── RestUnavailable      Stock Hub: a time-out, a broken connection, 429 or 5xx, after several attempts
    ├── PullUnderWay         operator: another run of the same account has not ended
    ├── CannotUninstall      operator: messages wait, or models of the shop refer to ours
    ├── RetryLater           receiver of the shop: call again later, without counting an attempt
    └── PermanentFailure     receiver of the shop: never call again for this event

    BaseException
    └── WorkerStopped        operator: end the worker at once

``tracebacks`` has places in the code and tracebacks of errors, for logs and for the office.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import OperationalError

from stockhub_webhooks.exceptions.tracebacks import error_location as error_location
from stockhub_webhooks.exceptions.tracebacks import format_error as format_error
from stockhub_webhooks.exceptions.tracebacks import innermost_own_frame
from stockhub_webhooks.exceptions.tracebacks import own_place as own_place

CAUSE_LIMIT = 200
DIED = "died"  # the cause of work that ended without an error: its process died
CONNECTION_LOST = "connection_lost"  # a cause: the database ended the connection in the middle of a call
IDLE_IN_TRANSACTION = "idle_in_transaction"  # a cause: likewise, since the receiver took too long
DEADLOCK = "deadlock"  # a cause: the database ended the transaction for another one, twice
CALLER_DIED = "the process that made the call died each time"
ORDER_LOCKED = "order_locked"  # the cause of work that waits for another transaction
WORKER_DIED = "the process that worked on the message died each time"


def to_seconds(duration: float | timedelta) -> float:
    """Return a duration, given in seconds or as a timedelta, in seconds."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


class StockHubError(Exception):
    """Base class of all exceptions of this app."""


class Refused(StockHubError):
    """A delivery that is not accepted.

    Attributes:
        status: HTTP status of the answer.
        title: title of the answer's problem body.
        reason: a value of `RefusalReason`, by which refusals are counted.
        key_fingerprint: fingerprint of the key that was sent; "" if there was none.
    """

    status: int
    title: str

    def __init__(self, detail: str, reason: str, key_fingerprint: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.key_fingerprint = key_fingerprint


class WrongKey(Refused):
    """The `x-api-key` header is missing or is not a configured key."""

    status = 401
    title = "Wrong key"

    def __init__(self, key_fingerprint: str = "") -> None:
        reason = "wrong_key" if key_fingerprint else "no_key"
        super().__init__("The x-api-key header is missing or is not a known key.", reason, key_fingerprint)


class BodyTooLarge(Refused):
    """The body is larger than `MAX_BODY_BYTES`, as received or when unpacked.

    Attributes:
        size: the declared size, or the number of bytes read or unpacked.
        body: the compressed body, if only the unpacked one is too large.
    """

    status = 413
    title = "Body too large"

    def __init__(self, size: int, body: bytes | None = None) -> None:
        super().__init__(f"The body has at least {size} bytes.", "too_large")
        self.size = size
        self.body = body


class MethodNotAllowed(Refused):
    """A request with a valid key by another method than POST."""

    status = 405
    title = "Method not allowed"

    def __init__(self, key_fingerprint: str) -> None:
        super().__init__("Messages are accepted by POST only.", "wrong_method", key_fingerprint)


class Unreadable(StockHubError):
    """A stored message that cannot be applied as it is; `reason` is a key of `REASONS`."""

    EMPTY = "empty"  # nothing is missing, so the message needs no attention
    REASONS = {
        EMPTY: "The body is empty.",
        "not_json": "The body is not JSON.",
        "not_an_object": "The body is JSON, but not an object.",
        "too_many_documents": "The body holds too many documents.",
        "no_topic": "The topic of the body is unknown: neither the URL nor its fields name one.",
        "no_identifier": "The body has no number of a document.",
    }

    def __init__(self, reason: str, detail: str, *, topic: str = "", increment_id: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.topic = topic
        self.increment_id = increment_id


class NotStored(StockHubError):
    """A message that neither the database nor the spool stored; it must not be answered with 2xx."""


class AlreadySettled(StockHubError):
    """Another process finished the same message first; the transaction is rolled back."""


class OrderLocked(StockHubError, OperationalError):
    """Another transaction holds the row of an order or a document; the caller must roll back.

    Attributes:
        model: the model of the row.
        values: the fields that identify the row, such as `account` and `increment_id`, or `id`; of lines and tracks,
            the document that they belong to.
        is_final: True if a short wait did not help, so that the work is for later.
    """

    def __init__(self, model: Any, values: dict[str, Any], *, is_final: bool) -> None:
        name = values.get("increment_id") or " ".join(f"with the {key} {value}" for key, value in values.items())
        super().__init__(f"{model.__name__} {name} is locked by another transaction")
        self.model = model
        self.values = values
        self.is_final = is_final


class WriterBusy(StockHubError, OperationalError):
    """Another connection writes to the SQLite file for longer than the sender of a message should wait."""

    def __init__(self) -> None:
        super().__init__("another connection writes to the SQLite file")


class TransactionLost(StockHubError):
    """A receiver returned, but its transaction can only be rolled back, since it swallowed a database error."""

    def __init__(self) -> None:
        super().__init__(
            "the receiver swallowed a database error or closed the connection, so nothing it wrote is kept: "
            "let the error out, or put the statement that may fail into transaction.atomic()"
        )


class TransactionEnded(StockHubError):
    """A receiver returned, but it had rolled its transaction back by hand, and with it the mark of the call."""

    def __init__(self) -> None:
        super().__init__(
            "the receiver ended its transaction by hand (ROLLBACK), so its call cannot be marked as done and may take "
            "effect twice: remove that statement, or put what may fail into transaction.atomic()"
        )


class ConnectionLost(StockHubError):
    """The database ended the connection in the middle of a receiver call.

    Attributes:
        cause: `CONNECTION_LOST`, or `IDLE_IN_TRANSACTION` if the receiver took longer than the database allows.
    """

    def __init__(self, text: str, cause: str = CONNECTION_LOST) -> None:
        super().__init__(text)
        self.cause = cause


class ReceiverRefused(StockHubError, TypeError):
    """A receiver that cannot be connected; the text says what to change."""


class BookingRefused(StockHubError):
    """`event.book` cannot book: nothing was booked, and the text says what to do."""


class MultipleAccounts(StockHubError):
    """An order number of the shop that several accounts have, looked up without an account."""

    def __init__(self, accounts: Iterable[str]) -> None:
        names = ", ".join(map(repr, sorted(accounts)))
        super().__init__(f"several accounts have orders with this number ({names}): pass one of them as `account`")


class RestError(StockHubError):
    """A REST call of Stock Hub that did not give what was asked for; the text never holds the token."""


class RestNotConfigured(RestError):
    """The settings of the REST calls are missing or wrong, or the extra `[reconcile]` is not installed."""


class RestRefused(RestError):
    """Stock Hub refused the token, or the address is not the one of its REST calls."""


class RestNotFound(RestError):
    """Stock Hub does not know the number, at least not yet."""


class RestUnavailable(RestError):
    """Stock Hub did not answer, or answered 429 or 5xx, several times in a row.

    Attributes:
        retry_after: the pause in seconds that Stock Hub asks for; 0 if it names none.
    """

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class PullUnderWay(StockHubError):
    """Another run of `stockhub_reconcile` for the same account has not ended."""


class CannotUninstall(StockHubError):
    """Something is in the way of removing all that the app has stored, so nothing is removed."""


class RetryLater(StockHubError):
    """Raised by a receiver: call again in `seconds`, without counting an attempt.

    Meant for missing preconditions, such as an order that the shop has not committed yet. Raise any other exception
    for a failure: it is retried with growing pauses, and given up in the end.

    Args:
        seconds: the pause before the next call, in seconds or as a timedelta; one second at least, 30 days at most.
            It ends early if a message names the order's `po_number`, which was not known before.
        reason: shown in the admin while the call waits.
    """

    def __init__(self, seconds: float | timedelta = 60, reason: str = "") -> None:
        self.seconds = to_seconds(seconds)
        self.lookup_fault = ""  # set by the caller if `HOST_ORDER_RESOLVER` raised in this attempt
        super().__init__(f"asked to be called again in {self.seconds:g} seconds" + (reason and f": {reason}"))


class PermanentFailure(StockHubError):
    """Raised by a receiver if a retry cannot help: the call is given up at once, with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WorkerStopped(BaseException):
    """The second signal to the worker: end at once. No failure of the shop's code; the claimed work lapses."""


def must_pass(error: BaseException) -> bool:
    """Return True if an error ends this worker or this greenlet, so that no handler may keep it.

    Any other `BaseException` that the shop's code raises is a failure of that code: `sys.exit` in a library, a
    `KeyboardInterrupt`, a cancelled task.
    """
    greenlet = sys.modules.get("greenlet")  # of gevent and eventlet, if the shop's server uses one of them
    return isinstance(error, WorkerStopped) or (greenlet is not None and isinstance(error, greenlet.GreenletExit))


def error_fingerprint(error: BaseException) -> str:
    """Return a short text that errors of one cause share, whatever ids their messages hold.

    It is the type of the error and the place in the shop's code; for an unreadable message the reason without digits.
    It holds no personal data, and is stored beside the error, so that the database can group failures.
    """
    if isinstance(error, ConnectionLost):
        return error.cause
    if isinstance(error, Unreadable):
        return re.sub(r"(?<![-\w])\d+", "…", str(error))[:CAUSE_LIMIT]
    name, frame = type(error).__name__, innermost_own_frame(error)
    if frame is None:
        return name[:CAUSE_LIMIT]
    code, module = frame.tb_frame.f_code, frame.tb_frame.f_globals.get("__name__", "?")
    return f"{name} at {module}.{code.co_name}:{frame.tb_lineno}"[:CAUSE_LIMIT]
