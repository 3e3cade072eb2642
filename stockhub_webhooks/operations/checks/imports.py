"""Import of the functions that settings name by a dotted path."""

from __future__ import annotations

from django.utils.module_loading import import_string


def import_error(path: str) -> str:
    """Return why a dotted path does not lead to a function; "" if it does, or if it is empty."""
    try:
        return "" if not path or callable(import_string(path)) else f"is not a function: {path}"
    except ImportError as error:
        return f"cannot be imported: {error}"
