"""What an examination finds: how bad it is, what it is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.utils.functional import Promise

from stockhub_webhooks.operations.health.rules import Level

Text = str | Promise


class Finding(NamedTuple):
    """One thing that was looked at. `todo` says what to do, "" where there is nothing to be done."""

    level: Level
    text: str
    todo: str = ""


class Section(NamedTuple):
    """What was found on one subject."""

    title: str
    findings: list[Finding]


def fine(text: Text) -> Finding:
    """It is as it should be."""
    return Finding(Level.OK, str(text))


def warning(text: Text, todo: Text) -> Finding:
    """It works, and could be better."""
    return Finding(Level.WARNING, str(text), str(todo))


def problem(text: Text, todo: Text) -> Finding:
    """Messages are lost, or not seen to, until this is mended."""
    return Finding(Level.CRITICAL, str(text), str(todo))


def all_of(sections: Iterable[Section]) -> Iterator[Finding]:
    """The findings, in the order in which they were looked for."""
    return (finding for section in sections for finding in section.findings)


def todos(sections: Iterable[Section]) -> list[str]:
    """What to do, each thing once: first what loses messages, then the rest, and what others rest on before them."""
    found = sorted(all_of(sections), key=lambda finding: -finding.level)
    return list(dict.fromkeys(finding.todo for finding in found if finding.todo))


def worst(sections: Iterable[Section]) -> Level:
    """How bad it is on the whole."""
    return max((finding.level for finding in all_of(sections)), default=Level.OK)
