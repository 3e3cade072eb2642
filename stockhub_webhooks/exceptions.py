"""Everything that can go wrong, as a small tree.

Two questions decide the classes: whose fault is it, and can trying again help?

::

    StockHubError
    ├── Refused              the sender: not let in, and nothing is kept
    │   ├── WrongKey         401
    │   └── BodyTooLarge     413
    ├── Unreadable           the sender: kept, but quarantined; trying again helps only after a mend
    ├── NotStored            the set-up: neither the database nor the spool would take the message, 503
    ├── AlreadySettled       nobody: another process finished the same message first
    ├── TransactionLost      the shop's receiver: it swallowed a database error, so nothing it wrote is kept
    ├── ReceiverRefused      the shop's developer: this function cannot be connected
    ├── RetryLater           the shop's receiver: ask me again later, no attempt is counted
    └── PermanentFailure     the shop's receiver: never ask me this again
"""

from __future__ import annotations

import re
import sysconfig
import traceback
from types import TracebackType

TRACEBACK_LIMIT = 4000
CAUSE_LIMIT = 200
LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
DIED = "died"  # the cause of what failed without an error: the process that was at it died, or took too long
CALLER_DIED = "the process that was calling it died, or took longer than LEASE_SECONDS, each time"
WORKER_DIED = "the process that was working on it died each time"


class StockHubError(Exception):
    """The root of everything that this app raises on purpose."""


class Refused(StockHubError):
    """The delivery is not let in.

    Attributes:
        status: the HTTP status of the answer.
        title: what the answer says, in two words.
        reason: as it is counted.
        key_fingerprint: of the key that was tried, "" where there was none.
    """

    status: int
    title: str

    def __init__(self, detail: str, reason: str, key_fingerprint: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.key_fingerprint = key_fingerprint


class WrongKey(Refused):
    """There is no `x-api-key` header, or its value is none of the configured keys."""

    status = 401
    title = "Wrong key"

    def __init__(self, key_fingerprint: str = "") -> None:
        reason = "wrong_key" if key_fingerprint else "no_key"
        super().__init__("The x-api-key header is missing or is not a known key.", reason, key_fingerprint)


class BodyTooLarge(Refused):
    """The body is longer than `MAX_BODY_BYTES`; `size` is what was declared or read, in bytes."""

    status = 413
    title = "Body too large"

    def __init__(self, size: int, key_fingerprint: str = "") -> None:
        super().__init__(f"The body has at least {size} bytes.", "too_large", key_fingerprint)
        self.size = size


class Unreadable(StockHubError):
    """The message is stored, but cannot be applied as it is. `reason` is one of `REASONS`."""

    REASONS = {
        "not_json": "The body is not JSON.",
        "not_an_object": "The body is JSON, but not an object.",
        "no_topic": "Nothing tells what the body speaks of: neither the URL nor the body's fields.",
        "no_identifier": "The body does not say which document it speaks of.",
    }

    def __init__(self, reason: str, detail: str, *, topic: str = "", increment_id: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.topic = topic
        self.increment_id = increment_id


class NotStored(StockHubError):
    """Neither the database nor the spool took the message, so it must not be answered with 2xx."""


class AlreadySettled(StockHubError):
    """Another process finished this message while we worked on it; our work is rolled back."""


class TransactionLost(StockHubError):
    """A receiver returned, but its transaction can only be rolled back."""

    def __init__(self) -> None:
        super().__init__(
            "the receiver swallowed a database error or closed the connection, so nothing it wrote is kept: "
            "let the error out, or put the statement that may fail into transaction.atomic()"
        )


class ReceiverRefused(StockHubError, TypeError):
    """This receiver cannot be connected; the text says what to do."""


class RetryLater(StockHubError):
    """Raised by a receiver: ask again in `seconds`. It counts no attempt, so it may go on for ever.

    For what is not there yet, not for what failed: a failure is any other exception, and is retried
    with growing pauses. `reason` is shown to who looks at the call meanwhile.
    """

    def __init__(self, seconds: float = 60, reason: str = "") -> None:
        super().__init__(f"asked to be called again in {seconds:g} seconds" + (reason and f": {reason}"))
        self.seconds = float(seconds)


class PermanentFailure(StockHubError):
    """Raised by a receiver: trying again cannot help. The receiver call is given up at once with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def error_location(error: BaseException) -> str:
    """The kind of an error and where it was raised, for logs: its text may carry personal data."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    if frame is None:
        return type(error).__name__
    return f"{type(error).__name__} at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"


def error_fingerprint(error: BaseException) -> str:
    """What errors of one cause share, whatever ids their texts hold: the kind, and where in the shop's code it was.

    Of a message that cannot be read it is the reason, with what was found, its digits left out. It is short, carries
    no personal data, and is stored beside the error, so that failures are grouped by the database.
    """
    if isinstance(error, Unreadable):
        return re.sub(r"(?<![-\w])\d+", "…", str(error))[:CAUSE_LIMIT]
    name, frame = type(error).__name__, _telling_frame(error)
    if frame is None:
        return name[:CAUSE_LIMIT]
    code, module = frame.tb_frame.f_code, frame.tb_frame.f_globals.get("__name__", "?")
    return f"{name} at {module}.{code.co_name}:{frame.tb_lineno}"[:CAUSE_LIMIT]


def _telling_frame(error: BaseException) -> TracebackType | None:
    """The innermost step that is the shop's own code; where there is none, the innermost.

    All errors of a database or of the network are raised at the same few lines of libraries, which tells nothing.
    """
    frame, innermost, own = error.__traceback__, None, None
    while frame:
        innermost = frame
        if not _is_library(frame):
            own = frame
        frame = frame.tb_next
    return own or innermost


def _is_library(frame: TracebackType) -> bool:
    module = str(frame.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == "stockhub_webhooks" or frame.tb_frame.f_code.co_filename.startswith(LIBRARIES)


def format_error(error: BaseException) -> str:
    """What went wrong and the end of the traceback, for the office; an exception whose text fails is described too."""
    try:
        text = str(error)
    except Exception:
        text = "(its text cannot be had)"
    lines = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {text}\n\n{lines[-TRACEBACK_LIMIT:]}"
