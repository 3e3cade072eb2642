"""Places in the code and tracebacks of errors, for logs and for the office."""

from __future__ import annotations

import sysconfig
import traceback
from types import FrameType, TracebackType

TRACEBACK_LIMIT = 4000
LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def error_location(error: BaseException) -> str:
    """Return the type of an error and its place in the shop's code, for logs: its text may hold personal data.

    An error in which the shop's code has no part has the place in the library that raised it.
    """
    frame = innermost_own_frame(error)
    if frame is None:
        return type(error).__name__
    return f"{type(error).__name__} at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"


def own_place(frame: FrameType) -> str:
    """Return the place in the shop's code that a thread is at, for logs; without one, the place in a library."""
    outer: FrameType | None = frame
    while outer and _is_library(outer):
        outer = outer.f_back
    place = outer or frame
    return f"{place.f_globals.get('__name__', '?')}.{place.f_code.co_name}:{place.f_lineno}"


def innermost_own_frame(error: BaseException) -> TracebackType | None:
    """Return the innermost frame of the shop's own code, or the innermost frame if there is none.

    Errors of a database or a network are all raised at the same few lines of libraries.
    """
    frame, innermost, own = error.__traceback__, None, None
    while frame:
        innermost = frame
        if not _is_library(frame.tb_frame):
            own = frame
        frame = frame.tb_next
    return own or innermost


def _is_library(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == "stockhub_webhooks" or frame.f_code.co_filename.startswith(LIBRARIES)


def format_error(error: BaseException) -> str:
    """Return the error and the end of its traceback, for the office, even if the text of the error cannot be made."""
    try:
        text = str(error)
    except Exception:
        text = "(the text of the error cannot be made)"
    lines = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {text}\n\n{lines[-TRACEBACK_LIMIT:]}"
