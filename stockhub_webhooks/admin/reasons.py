"""Translations of the error texts that this app writes itself: why a message cannot be read, why a task waits.

The texts are stored in English, since they are written before anybody asks for them in a language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.models import Topic

# What the JSON parser of Python says; its words end in "at" or not.
JSON_ERRORS: Labels = {
    "Expecting value": _("a value is missing"),
    "Expecting ',' delimiter": _("a comma is missing"),
    "Expecting ':' delimiter": _("a colon is missing"),
    "Expecting property name enclosed in double quotes": _("a field name in quotation marks is missing"),
    "Unterminated string starting": _("the text is not closed"),
    "Invalid control character": _("a control character in a text"),
    "Invalid \\escape": _("a wrong backslash in a text"),
    "Invalid \\uXXXX escape": _("a wrong backslash in a text"),
    "Extra data": _("something follows the end"),
    "Illegal trailing comma before end of object": _("a comma too many"),
    "Illegal trailing comma before end of array": _("a comma too many"),
}
TYPES: Labels = {
    "list": _("a list"),
    "str": _("a text"),
    "int": _("a number"),
    "float": _("a number"),
    "Decimal": _("a number"),
    "bool": _("a single value"),
    "NoneType": _("a single value"),
}
# The reasons of `ReceiverEvent.require_host_order`.
WAITING: Labels = {
    "the shop has no such order yet": _("our shop has no such order yet"),
    "HOST_ORDER_RESOLVER is not set": _("the setting HOST_ORDER_RESOLVER is missing"),
    "looking for the order failed": _("looking for the order failed"),
}

# The details of `exceptions.Unreadable`, as patterns; one that says no more than its reason has no words.
DETAILS: tuple[tuple[str, Any], ...] = (
    (r"the body is empty|the body is an empty object|the fields of the body fit no topic, or more than one", ""),
    (r"the body is nested too deep", _("it is nested too deep")),
    (r"the body has too many objects and lists for its size", _("it has too many objects and lists for its size")),
    (r"the body is an? (?P<type>\w+)", _("it is %(type)s")),
    (r"more than (?P<most>[\d…]+)", _("more than %(most)s")),
    (r"(?P<json>.+?)(?: at)? at line (?P<line>[\d…]+) column (?P<column>[\d…]+)",
     _("line %(line)s, column %(column)s: %(json)s")),
    (r"the body has no number of its (?P<topic>[\w-]+) \(\w+\)", _("it has no number of the document: %(topic)s")),
    (r"the body has no order_increment_id", _("it has no number of the order")),
    (r"the body has more than (?P<bytes>[\d…]+) bytes when unpacked", _("more than %(bytes)s bytes when unpacked")),
    (r"the (?P<how>\w+) compression of the body is damaged", _("its compression (%(how)s) is damaged")),
    (r"byte (?P<place>[\d…]+) is the start of a character that is cut off",
     _("byte %(place)s is the start of a character that is cut off")),
    (r"byte (?P<place>[\d…]+) is not (?P<charset>[\w-]+)", _("byte %(place)s is not %(charset)s")),
    (r"the body is not (?P<charset>[\w-]+)", _("it is not %(charset)s")),
    (r"a part of a body holds (?P<count>[\d…]+) documents itself", _("a part of it holds %(count)s documents itself")),
)  # fmt: skip
PATTERNS = [(re.compile(pattern), text) for pattern, text in DETAILS]

ASKED_LATER = re.compile(r"asked to be called again in (?P<seconds>[\d.e+]+) seconds(?:: (?P<reason>.+))?")
TOO_OLD = re.compile(rf"(?P<reason>{'|'.join(WAITING)}), (?P<seconds>\d+) seconds after the message came in")

UNITS: tuple[tuple[int, Any], ...] = (
    (86_400, ngettext_lazy("%(count)d day", "%(count)d days", "count")),
    (3600, ngettext_lazy("%(count)d hour", "%(count)d hours", "count")),
    (60, ngettext_lazy("%(count)d minute", "%(count)d minutes", "count")),
    (1, ngettext_lazy("%(count)d second", "%(count)d seconds", "count")),
)


def detail(text: str) -> str:
    """Return a detail of an unreadable message in words; an unknown one unchanged."""
    for pattern, words in PATTERNS:
        if match := pattern.fullmatch(text):
            return str(words) % {name: _in_words(name, value) for name, value in match.groupdict().items()}
    return text


def _in_words(name: str, value: str) -> str:
    by_name: Mapping[str, Mapping[str, Any]] = {"json": JSON_ERRORS, "type": TYPES, "topic": dict(Topic.choices)}
    return str(by_name.get(name, {}).get(value, value))


def waiting(text: str, *, persons: bool) -> str:
    """Return why a receiver asked to be called later, or gave up since it asked for too long; "" for other texts.

    Args:
        text: the first line of the error.
        persons: False to leave out a reason of the shop's own, which may name a customer.
    """
    if match := ASKED_LATER.fullmatch(text):
        asked = str(_("our shop asked to be told again in %(time)s")) % {"time": duration(float(match["seconds"]))}
        given = match["reason"] or ""
        known, _colon, cause = given.partition(": ")
        parts = [asked, str(WAITING[known]), cause] if known in WAITING else [asked, given if persons else ""]
        return ": ".join(filter(None, parts))
    if match := TOO_OLD.fullmatch(text.removeprefix("PermanentFailure: ")):
        late = _("%(reason)s, %(time)s after the message came in")
        return str(late) % {"reason": WAITING[match["reason"]], "time": duration(float(match["seconds"]))}
    return ""


def duration(seconds: float) -> str:
    """Return a number of seconds in the largest unit that it is a multiple of; without one, rounded."""
    whole = next((unit for unit in UNITS[:-1] if seconds >= unit[0] and seconds % unit[0] == 0), None)
    size, words = whole or next((unit for unit in UNITS if seconds >= 2 * unit[0]), UNITS[-1])
    return str(words % {"count": round(seconds / size)})
