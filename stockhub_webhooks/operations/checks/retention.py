"""Checks of `RETENTION_DAYS`."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import Error as DatabaseFault

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.models.personal import DEFAULT_DAYS, configured_days, is_term
from stockhub_webhooks.operations.privacy import retention


def unknown_terms() -> Iterable[CheckMessage]:
    """E025: a kind or a term that does not exist. The default of the kind is used."""
    for kind, days in (conf.RETENTION_DAYS or {}).items():
        if kind not in DEFAULT_DAYS or not is_term(days):
            yield Error(
                f"{NAME}['RETENTION_DAYS'][{kind!r}] is {days!r}, which is ignored.",
                hint=f"Use the kinds {', '.join(DEFAULT_DAYS)}, each with a number of days, or None to keep them.",
                id="stockhub_webhooks.E025",
            )


def unset_terms() -> Iterable[CheckMessage]:
    """W045: `RETENTION_DAYS` is not set, and there is personal data that the defaults would remove."""
    if conf.RETENTION_DAYS is not None:
        return
    try:
        counts = retention.past_term(configured_days())
    except DatabaseFault:
        return
    if found := ", ".join(f"{count} {kind}" for kind, count in counts.items() if count):
        yield Warning(
            f"{NAME}['RETENTION_DAYS'] is not set, so personal data is kept for ever. The defaults remove: {found}.",
            hint="Set it; {} takes the defaults. docs/guides/privacy.md has the kinds. "
            "Look first: stockhub_prune --dry-run.",
            id="stockhub_webhooks.W045",
        )
