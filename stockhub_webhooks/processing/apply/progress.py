"""Compare the progress of a return in a message with the progress of the stored return. Pure: no database.

The contract gives returns no `updated_at`. But their dates and quantities are null until they are known, and not null
again later. So a message that gives null for a value that we have was written before that value was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from stockhub_webhooks.processing.apply.document_types import DocumentType

Values = Mapping[str, Any]


class Progress(NamedTuple):
    """The progress of a message, compared with the stored rows.

    Attributes:
        nulled: the places of values that we have and that the message gives as null, such as `items[0].qty_returned`.
        is_further: True if the message gives a value that we lack.
    """

    nulled: tuple[str, ...] = ()
    is_further: bool = False

    @property
    def is_outdated(self) -> bool:
        """True if the message was written before the stored state, whatever its status."""
        return bool(self.nulled) and not self.is_further


def compare_progress(
    document_type: DocumentType, fields: Values, stored: Values, lines: Iterable[tuple[Values, Values]]
) -> Progress:
    """Return which of our values the message gives as null, and whether it gives anything that we lack.

    Args:
        document_type: the type, which names the fields to compare; none of them makes no progress.
        fields: the document's values of the message. A name that is missing was not given, which proves nothing.
        stored: the stored values of the document. A name that is missing has no value.
        lines: the values of each line of the message, with the stored ones of the line.
    """
    given = [("", name, fields, stored) for name in document_type.progress_fields]
    for index, (values, stored_values) in enumerate(lines):
        given += [(f"items[{index}].", name, values, stored_values) for name in document_type.item_progress_fields]
    erased: list[str] = []
    is_further = False
    for path, name, values, known in given:
        if name not in values:
            continue
        is_given, is_known = values[name] is not None, known.get(name) is not None
        if is_known and not is_given:
            erased.append(f"{path}{name}")
        is_further |= is_given and not is_known
    return Progress(tuple(erased), is_further)
