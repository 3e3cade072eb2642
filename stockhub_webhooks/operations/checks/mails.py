"""Checks of the mails that tell a person what is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.operations.checks.imports import import_error


def alert() -> Iterable[CheckMessage]:
    """E011: `ALERT` cannot be imported or is not a function."""
    if error := import_error(conf.ALERT):
        yield Error(
            f"{NAME}['ALERT'] {error}",
            hint="Set it to the dotted path of a function (subject, text) -> None, or remove it to mail ADMINS.",
            id="stockhub_webhooks.E011",
        )


def no_alert_recipient() -> Iterable[CheckMessage]:
    """W017: the alarm mails `ADMINS`, which is empty."""
    if conf.alert_has_no_recipient():
        yield Warning(
            "ADMINS is empty, so no mail is sent when something is wrong, or before refused messages are deleted.",
            hint=f"Set ADMINS, or set {NAME}['ALERT'] to your own function, or to \"\" if a monitor runs "
            "stockhub_status.",
            id="stockhub_webhooks.W017",
        )


def nobody_is_told() -> Iterable[CheckMessage]:
    """W040: nobody can be told by mail of what is deleted undecided, so it is announced on the overview alone."""
    if not conf.ALERT and conf.KEEP_REFUSED > 0:  # W017 says it if only ADMINS is missing
        yield Warning(
            "Nobody gets a mail before refused messages are deleted: they are announced on the overview of the admin "
            "alone, and wait until somebody opens it.",
            hint=f"Set ADMINS and {NAME}['ALERT'], or look at the overview each week.",
            id="stockhub_webhooks.W040",
        )


def patient_mails() -> Iterable[CheckMessage]:
    """W032: mails to `ADMINS` wait without a limit for a mail server that accepts a connection and says nothing."""
    is_default = conf.setting("ALERT").default == conf.ALERT and not conf.alert_has_no_recipient()
    if is_default and conf.mails_wait_forever():
        yield Warning(
            "EMAIL_TIMEOUT is not set, so a mail waits without a limit for a mail server that does not answer.",
            hint='Set EMAIL_TIMEOUT = 10, in seconds, or "OPTIONS": {"timeout": 10} in MAILERS. The alarm of this app '
            "has its own limit; other mails have none.",
            id="stockhub_webhooks.W032",
        )


CHECKS = (
    alert,
    no_alert_recipient,
    nobody_is_told,
    patient_mails,
)
