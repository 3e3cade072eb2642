"""Changes to a body."""

from __future__ import annotations

import copy
from typing import Any


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a copy of a body with changed values.

    `status="complete"` sets a field, `shipping_address__city="Delft"` a field of an object in the body, and
    `items__qty=3` a field of the first line. Amounts that depend on a changed value stay as they are.

    Raises:
        KeyError: the object or line has no such field, which may be a typing error.
    """
    body = copy.deepcopy(body)
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if not field:
            body[part] = value
            continue
        lines = body[part] if isinstance(body.get(part), list) else []
        inner = lines[0] if lines else body.get(part) or {}
        if inner and field not in inner:
            raise KeyError(f"{part} has no field {field!r}; it has {', '.join(inner)}")
        if lines:
            inner[field] = value
        else:
            body[part] = {**inner, field: value}
    return body
