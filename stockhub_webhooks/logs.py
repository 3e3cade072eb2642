"""What a line in the log is about: `message_id`, `event_id` and `receiver` are on each line as attributes.

All of our loggers are below `stockhub_webhooks`. A line says numbers, kinds of errors and places in code; never a key,
a body, or the text of an error, which may speak of a customer.
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

NOTHING = MappingProxyType({"message_id": None, "event_id": None, "receiver": None})
_subject: ContextVar[MappingProxyType[str, Any]] = ContextVar("stockhub_webhooks.subject", default=NOTHING)

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter  # Python 3.10's cannot be subscripted


@contextmanager
def about(**subject: Any) -> Iterator[None]:
    """Whatever is logged inside is about this.

    Args:
        subject: `message_id` (the `Message`'s primary key, its `uid` while it has none), `event_id`, `receiver`.
    """
    token = _subject.set(MappingProxyType({**_subject.get(), **subject}))
    try:
        yield
    finally:
        _subject.reset(token)


class SubjectLogger(Adapter):
    """A logger whose lines say what they are about."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the attributes, of now."""
        return msg, {**kwargs, "extra": {**_subject.get(), **(kwargs.get("extra") or {})}}


def logger_of(module: str) -> SubjectLogger:
    """The logger of one of our modules."""
    return SubjectLogger(logging.getLogger(module), {})


class SubjectFilter(logging.Filter):
    """For a handler: the attributes are on others' lines too, such as those that a receiver of the shop logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, with the attributes."""
        for name, value in _subject.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class JSONLines(logging.Formatter):
    """One JSON object a line; what a line is not about is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname, "logger": record.name, "text": record.getMessage()}
        line |= {name: value for name in NOTHING if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
