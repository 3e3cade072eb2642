"""Changes to a body."""

from __future__ import annotations

import copy
from typing import Any


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a copy of a body with changed values.

    `status="complete"` sets a field, `shipping_address__city="Delft"` a field of an object in the body, and
    `items__qty=3` a field of the first line. Amounts that depend on a changed value stay as they are.
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
