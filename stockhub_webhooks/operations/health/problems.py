"""A problem of a health report, with its level and the changelist that shows its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone

from stockhub_webhooks.models.alarm import MAX_NAME

# problems that are one alarm: the breaker opens for a receiver that has only failed
SAME_ALARM = {"breaker": "receiver_fails"}

# changelist filter that leaves tests out, because health does not count them
REAL = {"account": "~real"}


class Level(IntEnum):
    """Severity; the number is the exit code of `stockhub_status`."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Problem(NamedTuple):
    """A problem found in a report.

    Attributes:
        code: its identifier, for programs.
        level: its severity.
        text: a sentence with the number of rows.
        model: the name of the model of these rows.
        filters: the filters of the model's changelist that select these rows; None if no changelist shows them.
        subject: what the problem is about if the rule finds several, such as a receiver; with the code it makes the
            `identity`.
        newest: a number that grows with each new row of the problem; None if new rows make no new problem.
    """

    code: str
    level: Level
    text: str
    model: str = "message"
    filters: Mapping[str, Any] | None = None
    subject: str = ""
    newest: int | None = None

    @property
    def identity(self) -> str:
        """The same for the same problem, in each report: its rule and its subject."""
        rule = SAME_ALARM.get(self.code, self.code)
        return (f"{rule}:{self.subject}" if self.subject else rule)[:MAX_NAME]

    @property
    def link(self) -> str:
        """The path of the changelist with the rows, "" if there is none."""
        return self.link_in(None)

    def link_in(self, site: str | None) -> str:
        """Return the path of the changelist in the admin site of that name; None is the default site."""
        return "" if self.filters is None else admin_link(self.model, self.filters, site)


def worst_level(problems: Iterable[Problem]) -> Level:
    """Return the highest level of the problems, `OK` if there are none."""
    return max((problem.level for problem in problems), default=Level.OK)


def admin_link(model: str, filters: Mapping[str, Any], site: str | None = None) -> str:
    """Return the path of a changelist in the admin; "" if the model is not registered there."""
    try:
        path = reverse(f"admin:stockhub_webhooks_{model}_changelist", current_app=site)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(filters)}" if filters else path


def absolute(link: str, base: str) -> str:
    """Return a link below the address of the site; "" stays "", and without an address it stays a path."""
    return f"{base}{link}" if link else ""


def format_time(at: Any) -> str:
    """Format a time in the active language and the time zone of the host, which is named; None becomes a dash."""
    if not at:
        return "-"
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"
