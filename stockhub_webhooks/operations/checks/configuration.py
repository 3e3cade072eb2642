"""Checks of the values in `STOCKHUB_WEBHOOKS`, and of Django settings that this app needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections

from stockhub_webhooks.conf import NAME, TEST_ACCOUNT, conf, configured, misspelt, raw_settings
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.office.worklists import rules
from stockhub_webhooks.receiving import spool

ACCOUNT_LENGTH = 64
SHORT_LEASE_SECONDS = 10
AT_LEAST_ONE = {"MAX_BODY_BYTES", "MAX_ATTEMPTS", "LEASE_SECONDS"}


def unknown_settings() -> Iterable[CheckMessage]:
    """E001: unknown setting. A misspelt one would have no effect."""
    if raw_settings() is None and (other := misspelt()):
        yield Error(
            f"The settings have {other}, which is not read, and no {NAME}.",
            hint=f"Rename it to {NAME}.",
            id="stockhub_webhooks.E001",
        )
    known = list(conf.names())
    for name in sorted(set(map(str, configured())) - set(known)):
        suggestion = [f"Did you mean {near}?" for near in get_close_matches(name, known, n=1)]
        yield Error(
            f"{NAME} has no setting {name!r}.",
            hint=" ".join([*suggestion, f"Known settings: {', '.join(known)}."]),
            id="stockhub_webhooks.E001",
        )


def settings_types() -> Iterable[CheckMessage]:
    """E002: wrong type. The setting is ignored, and its default is used."""
    if raw_settings() is not None and not isinstance(raw_settings(), Mapping):
        yield Error(
            f"{NAME} is of type {type(raw_settings()).__name__}, so all settings are ignored.",
            hint="Make it a dict.",
            id="stockhub_webhooks.E002",
        )
    for name in conf.names():
        value, setting = configured().get(name), conf.setting(name)
        if value is not None and not setting.takes(value):
            wanted = " or ".join(each.__name__ for each in setting.types)
            yield Error(
                f"{NAME}[{name!r}] is of type {type(value).__name__}, so the default is used.",
                hint=f"Make it of type {wanted}.",
                id="stockhub_webhooks.E002",
            )


def short_lease() -> Iterable[CheckMessage]:
    """W028: a short `LEASE_SECONDS`. Work that is under way is claimed twice, and one of the two is in vain."""
    if conf.LEASE_SECONDS < SHORT_LEASE_SECONDS:
        yield Warning(
            f"{NAME}['LEASE_SECONDS'] is {conf.LEASE_SECONDS:g}, so a process that is merely slow loses its work.",
            hint=f"Set it to {SHORT_LEASE_SECONDS} or more; the default is 15.",
            id="stockhub_webhooks.W028",
        )


def naive_timezone() -> Iterable[CheckMessage]:
    """E006: `NAIVE_TIMEZONE` is no time zone. Messages with a time stay unprocessed until it is corrected."""
    try:
        ZoneInfo(conf.NAIVE_TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError):
        if conf.NAIVE_TIMEZONE != "UTC":
            yield Error(
                f"{NAME}['NAIVE_TIMEZONE'] is not a time zone: {conf.NAIVE_TIMEZONE!r}.",
                hint='Leave it at "UTC", which is what Stock Hub sends.',
                id="stockhub_webhooks.E006",
            )


def naive_times() -> Iterable[CheckMessage]:
    """E008: `USE_TZ` is off. The database then rejects our times, which are aware."""
    if not conf.uses_time_zones():
        yield Error(
            "USE_TZ is False: the times of this app have a zone, which Django refuses to write then, so messages fail.",
            hint="Set USE_TZ to True, as Django does by default.",
            id="stockhub_webhooks.E008",
        )


def autocommit_off() -> Iterable[CheckMessage]:
    """E009: autocommit is off. Messages would be lost, because nothing commits them."""
    if not connections[database_alias()].settings_dict.get("AUTOCOMMIT", True):
        yield Error(
            f"DATABASES[{database_alias()!r}] has AUTOCOMMIT off, so no message is committed.",
            hint="Remove AUTOCOMMIT.",
            id="stockhub_webhooks.E009",
        )


def long_accounts() -> Iterable[CheckMessage]:
    """E010: an account name that does not fit into its column."""
    for account in conf.accounts():
        if not 0 < len(account) <= ACCOUNT_LENGTH:
            yield Error(
                f"The name of the account {account[:20]!r}… must have 1 to {ACCOUNT_LENGTH} characters.",
                hint="Rename it in API_KEYS.",
                id="stockhub_webhooks.E010",
            )


def opening_times() -> Iterable[CheckMessage]:
    """E012: unreadable `OPENING_HOURS` or `OPENING_WEEKDAYS`. Silence would then be counted around the clock."""
    try:
        conf.opening_hours()
        if set(conf.OPENING_WEEKDAYS) - set(range(7)):
            raise ValueError("weekdays are 0 (Monday) to 6")
    except (TypeError, ValueError) as error:
        yield Error(
            f"{NAME}['OPENING_HOURS'] or ['OPENING_WEEKDAYS'] cannot be read: {error}",
            hint='Write ("08:00", "18:00") and (0, 1, 2, 3, 4), where 0 is Monday.',
            id="stockhub_webhooks.E012",
        )


def deadline_days() -> Iterable[CheckMessage]:
    """E034: `DEADLINE_DAYS` has an unknown rule, which has no effect, or days that are no number."""
    for code in rules.unknown(conf.DEADLINE_DAYS):
        near = get_close_matches(code, rules.RULES, n=1)
        yield Error(
            f"{NAME}['DEADLINE_DAYS'] has no rule {code!r}.",
            hint=" ".join([*(f"Did you mean {name}?" for name in near), f"Known rules: {', '.join(rules.RULES)}."]),
            id="stockhub_webhooks.E034",
        )
    for code, days in conf.DEADLINE_DAYS.items():
        is_number = isinstance(days, (int, float)) and not isinstance(days, bool) and days >= 0
        if days is not None and not is_number:
            yield Error(
                f"{NAME}['DEADLINE_DAYS'][{code!r}] is {days!r}, so the default is used.",
                hint="Make it a number of days, or None to turn the rule off.",
                id="stockhub_webhooks.E034",
            )


def useless_numbers() -> Iterable[CheckMessage]:
    """E017: a number so low that no message is accepted or no work is done."""
    for name in conf.names():
        value = getattr(conf, name)
        if isinstance(value, (int, float)) and value < (1 if name in AT_LEAST_ONE else 0):
            yield Error(
                f"{NAME}[{name!r}] is {value:g}, which is too low.",
                hint=f"Remove it to use the default, {conf.setting(name).default:g}.",
                id="stockhub_webhooks.E017",
            )


def no_spool() -> Iterable[CheckMessage]:
    """W004: no `SPOOL_DIR`. Stock Hub does not repeat a message that could not be delivered."""
    if spool.directory() is None:
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is not set: messages that arrive while the database is unavailable are lost.",
            hint="Set it to a directory on a local disk that only this application can read.",
            id="stockhub_webhooks.W004",
        )


def only_tests() -> Iterable[CheckMessage]:
    """W012: the only account is named "test", so real orders would be treated as tests."""
    if set(conf.accounts()) == {TEST_ACCOUNT}:
        yield Warning(
            f"The only account is {TEST_ACCOUNT!r}, a reserved name: every message is treated as a test, "
            "left out of exports and alarms, and passed only to receivers with test=True.",
            hint="Give the account of your shop another name; use this one for a key to try things out.",
            id="stockhub_webhooks.W012",
        )


def almost_test() -> Iterable[CheckMessage]:
    """W013: an account name that differs from "test" only by case, probably by mistake."""
    for account in conf.accounts():
        if account != TEST_ACCOUNT and account.strip().casefold() == TEST_ACCOUNT:
            yield Warning(
                f"The account {account!r} is not {TEST_ACCOUNT!r}, the account reserved for tests, but looks like it.",
                hint=f"Rename it to {TEST_ACCOUNT!r} if it is for tests; otherwise choose another name.",
                id="stockhub_webhooks.W013",
            )


CHECKS = (
    unknown_settings,
    settings_types,
    short_lease,
    naive_timezone,
    naive_times,
    autocommit_off,
    long_accounts,
    opening_times,
    deadline_days,
    useless_numbers,
    no_spool,
    only_tests,
    almost_test,
)
