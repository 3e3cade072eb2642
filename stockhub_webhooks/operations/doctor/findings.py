"""Findings of the doctor: a level, a text, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.utils.functional import Promise

from stockhub_webhooks.operations.health.problems import Level

Text = str | Promise


class Verdict(NamedTuple):
    """The result of one examination.

    Attributes:
        level: the severity.
        text: what was found, in the active language.
        todo: the step to take, "" if there is none.
        code: identifier of the finding, the same in every language.
    """

    level: Level
    text: str
    todo: str = ""
    code: str = ""


class Section(NamedTuple):
    """The findings on one subject."""

    title: str
    findings: list[Verdict]


def fine(code: str, text: Text) -> Verdict:
    """Return a finding without a problem."""
    return Verdict(Level.OK, str(text), "", code)


def warning(code: str, text: Text, todo: Text) -> Verdict:
    """Return a finding that loses no message, but should be improved."""
    return Verdict(Level.WARNING, str(text), str(todo), code)


def problem(code: str, text: Text, todo: Text) -> Verdict:
    """Return a finding that loses or delays messages until it is fixed."""
    return Verdict(Level.CRITICAL, str(text), str(todo), code)


def all_of(sections: Iterable[Section]) -> Iterator[Verdict]:
    """Return the findings of all sections, in their order."""
    return (finding for section in sections for finding in section.findings)


def todos(sections: Iterable[Section]) -> list[str]:
    """Return the steps without duplicates: critical ones first, otherwise in the order of the sections."""
    ordered = sorted(all_of(sections), key=lambda finding: -finding.level)
    return list(dict.fromkeys(finding.todo for finding in ordered if finding.todo))


def worst(sections: Iterable[Section]) -> Level:
    """Return the highest level of all findings."""
    return max((finding.level for finding in all_of(sections)), default=Level.OK)
