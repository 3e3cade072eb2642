"""Findings as text for `stockhub_doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from stockhub_webhooks.operations.doctor.findings import Section, todos
from stockhub_webhooks.operations.health.problems import Level

MARKS = {Level.OK: "ok", Level.WARNING: "!", Level.CRITICAL: "!!"}


def lines(section: Section) -> Iterator[str]:
    """Yield the lines of a section."""
    yield f"{section.title}:"
    for finding in section.findings:
        yield f"  {MARKS[finding.level]:<3}{finding.text}"
    if not section.findings:
        yield "  -"
    yield ""


def what_to_do(sections: Iterable[Section]) -> Iterator[str]:
    """Yield the steps to take, in order."""
    steps = todos(sections)
    if not steps:
        yield _("All is well.")
        return
    yield _("What to do, in this order:")
    yield from (f"  {number}. {step}" for number, step in enumerate(steps, 1))
