"""Logging with context: each record has the attributes `message_id`, `event_id` and `receiver`.

All loggers of the app are below `stockhub_webhooks`. A line holds numbers, types of errors and places in the code. It
never holds a key, a body, or the text of an error, which may name a customer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stockhub_webhooks.visible import visible_line

NO_CONTEXT = MappingProxyType({"message_id": None, "event_id": None, "receiver": None})
_context: ContextVar[MappingProxyType[str, Any]] = ContextVar("stockhub_webhooks.log_context", default=NO_CONTEXT)

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter  # Python 3.10's cannot be subscripted


@contextmanager
def about(**context: Any) -> Iterator[None]:
    """Add the context to each record that is logged inside the `with` block.

    Args:
        context: `message_id` (the `Message`'s primary key, or its `uid` if it has none), `event_id`, `receiver`.
    """
    token = _context.set(MappingProxyType({**_context.get(), **context}))
    try:
        yield
    finally:
        _context.reset(token)


class ContextLogger(Adapter):
    """A logger that adds the context to each record."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the context as `extra`."""
        return msg, {**kwargs, "extra": {**_context.get(), **(kwargs.get("extra") or {})}}


def logger_of(module: str) -> ContextLogger:
    """Return the logger of a module of the app."""
    logger = logging.getLogger(module)
    logger.addFilter(make_visible)
    return ContextLogger(logger, {})


def make_visible(record: logging.LogRecord) -> bool:
    """Let a record pass, with arguments that cannot forge a line, reorder it, or command a terminal."""
    if isinstance(record.args, tuple):
        record.args = tuple(visible_line(value) if isinstance(value, str) else value for value in record.args)
    return True


class SubjectFilter(logging.Filter):
    """A filter for handlers: adds the context to the records of other loggers too, such as those of receivers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the context to the record, and let each record pass."""
        for name, value in _context.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class JSONLines(logging.Formatter):
    """A formatter that writes one JSON object a line; attributes without a value are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname, "logger": record.name, "text": record.getMessage()}
        line |= {name: value for name in NO_CONTEXT if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
