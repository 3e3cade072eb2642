"""Compare the progress of a return in a message with the progress of the stored return.

The contract gives returns no `updated_at`. But their dates and quantities are null until they are known, and not null
again later. So a message that gives null for a value that we have was written before that value was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Part(NamedTuple):
    """The document or one of its lines: the values of the message and the stored ones.

    Attributes:
        path: the place in the body, such as `items[0]`; "" for the document.
        given: the values of the message. A name that is missing was not given, which proves nothing.
        stored: the stored values of the fields to compare; None if we have no value, or if the line is new.
    """

    path: str
    given: Mapping[str, Any]
    stored: Mapping[str, Any]


class Progress(NamedTuple):
    """The progress of a message, compared with the stored rows.

    Attributes:
        erased: the places of values that we have and that the message gives as null.
        is_further: True if the message gives a value that we lack.
    """

    erased: tuple[str, ...] = ()
    is_further: bool = False

    @property
    def is_outdated(self) -> bool:
        """True if the message was written before the stored state, whatever its status."""
        return bool(self.erased) and not self.is_further


def compare_progress(parts: Iterable[Part]) -> Progress:
    """Return what the message would erase, and whether it gives anything that we lack."""
    erased: list[str] = []
    is_further = False
    for part in parts:
        for name, known in part.stored.items():
            if name not in part.given:
                continue
            given = part.given[name]
            if given is None and known is not None:
                erased.append(f"{part.path}.{name}".lstrip("."))
            if given is not None and known is None:
                is_further = True
    return Progress(tuple(erased), is_further)
