"""A body with other values."""

from __future__ import annotations

import copy
from typing import Any


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a copy of a body with other values.

    `status="complete"` changes or adds a field, `shipping_address__city="Delft"` one of a part, and
    `items__qty=3` one of the first line. Amounts that depend on it are not added up anew.
    """
    body = copy.deepcopy(body)
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if not field:
            body[part] = value
        elif isinstance(body.get(part), list):
            body[part][0][field] = value
        else:
            body[part] = {**(body.get(part) or {}), field: value}
    return body
