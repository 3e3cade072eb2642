"""The causes of failures in words for the office, and the place in the code for the developer."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import labels

# By how the type of an error ends, also that of a library.
ENDINGS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("PermanentFailure",), _("The receiver says that it cannot be done, however often it is tried.")),
    (("Timeout", "TimeoutError", "TimeoutException"), _("Another system did not answer in time.")),
    (
        (
            *("ConnectionError", "ConnectError", "ConnectionRefusedError", "ConnectionResetError"),
            *("ConnectionAbortedError", "BrokenPipeError", "gaierror", "URLError", "SSLError"),
        ),
        _("There was no connection to another system."),
    ),
    (("HTTPError", "HTTPStatusError"), _("Another system refused it.")),
    (("OperationalError", "DatabaseError", "InterfaceError"), _("The database did not do it.")),
    (("IntegrityError", "DataError"), _("The database refused the values.")),
    (("DoesNotExist",), _("Something that is needed is not there.")),
    (("PermissionError", "PermissionDenied"), _("Access was denied.")),
)
OTHER = _("A fault in the program.")


def in_words(cause: str) -> str:
    """Return a cause in words, without names of the code."""
    name = _error_of(cause)
    if not name:
        return str(labels.CAUSES.get(cause, "")) or labels.reason(cause)
    return str(next((words for endings, words in ENDINGS if name.endswith(endings)), OTHER))


def place(cause: str) -> str:
    """Return the type of an error, and its place in the code, for the developer; "" if the cause is no error."""
    name, _at, where = cause.partition(" at ")
    if not _error_of(cause):
        return ""
    return gettext("%(error)s in %(place)s") % {"error": name, "place": where} if where else name


def label(cause: str) -> str:
    """Return a cause in words, followed by its place in the code."""
    where = place(cause)
    return f"{in_words(cause).removesuffix('.')} ({where})" if where else in_words(cause)


def _error_of(cause: str) -> str:
    """Return the type of error that a cause begins with, see `exceptions.error_fingerprint`; "" for other causes."""
    name, at, _where = cause.partition(" at ")
    is_error = name.isidentifier() and (at or name[0].isupper()) and cause not in labels.CAUSES
    return name if is_error else ""
