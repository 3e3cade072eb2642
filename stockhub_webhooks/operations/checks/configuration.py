"""Checks of `STOCKHUB_WEBHOOKS`, of the URLs, and of the receivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections
from django.urls import NoReverseMatch, Resolver404, URLResolver, get_resolver, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from stockhub_webhooks import signals
from stockhub_webhooks.conf import NAME, TEST_ACCOUNT, conf, configured, misspelt, raw_settings
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import discovery
from stockhub_webhooks.office.worklists import rules
from stockhub_webhooks.receiving import spool
from stockhub_webhooks.signals.event_signal import place_of

ACCOUNT_LENGTH = 64
SHORT_LEASE_SECONDS = 10
NEARBY_PATTERN = "(?P<path>.+)$"  # the last one of stockhub_webhooks.urls
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
        value, types = configured().get(name), conf.setting(name).types
        if value is not None and not isinstance(value, types):
            wanted = " or ".join(each.__name__ for each in types)
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


def resolver() -> Iterable[CheckMessage]:
    """E007: `HOST_ORDER_RESOLVER` or `HOST_LINE_RESOLVER` cannot be imported or is not a function."""
    resolvers = {
        "HOST_ORDER_RESOLVER": (conf.HOST_ORDER_RESOLVER, "(po_number, order)"),
        "HOST_LINE_RESOLVER": (conf.HOST_LINE_RESOLVER, "(item, host_order)"),
    }
    for name, (path, arguments) in resolvers.items():
        if error := _import_error(path):
            yield Error(
                f"{NAME}[{name!r}] {error}",
                hint=f"Set it to the dotted path of a function {arguments} -> object or None.",
                id="stockhub_webhooks.E007",
            )


def receivers_of_no_app() -> Iterable[CheckMessage]:
    """E023: a module of receivers that belongs to no installed app. Django imports it in no process, or in some."""
    for name in discovery.modules_of_no_app():
        package = name.rpartition(".")[0]
        yield Error(
            f"The receivers of {name} are not connected: {package or 'its directory'} is no installed app.",
            hint=f"Add {package!r} to INSTALLED_APPS." if package else "Move the file into an installed app.",
            id="stockhub_webhooks.E023",
        )


def naive_times() -> Iterable[CheckMessage]:
    """E008: `USE_TZ` is off. The database then rejects our times, which are aware."""
    if not conf.uses_time_zones():
        yield Error(
            "USE_TZ is False, so no message can be stored.",
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


def alert() -> Iterable[CheckMessage]:
    """E011: `ALERT` cannot be imported or is not a function."""
    if error := _import_error(conf.ALERT):
        yield Error(
            f"{NAME}['ALERT'] {error}",
            hint="Set it to the dotted path of a function (subject, text) -> None, or remove it to mail ADMINS.",
            id="stockhub_webhooks.E011",
        )


def _import_error(path: str) -> str:
    """Return why a dotted path does not lead to a function; "" if it does, or if it is empty."""
    try:
        return "" if not path or callable(import_string(path)) else f"is not a function: {path}"
    except ImportError as error:
        return f"cannot be imported: {error}"


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


def not_mounted() -> Iterable[CheckMessage]:
    """W023: the URLs are not included, so no message can arrive."""
    if conf.has_urls() and not any(_is_ours(each) for each in _callbacks(get_resolver().url_patterns)):
        yield Warning(
            "ROOT_URLCONF does not include stockhub_webhooks.urls, so no message can be received.",
            hint='Add path("api/v1/stockhub/", include("stockhub_webhooks.urls")) to the urls.py of ROOT_URLCONF.',
            id="stockhub_webhooks.W023",
        )


def no_slash() -> Iterable[CheckMessage]:
    """W031: the prefix without its slash is no address, so a message to it is redirected and lost, or gets 404."""
    if not conf.has_urls():
        return
    try:
        prefix = reverse("stockhub_webhooks:any").removeprefix(get_script_prefix()).rstrip("/")
    except NoReverseMatch:
        return
    if prefix and _view_class(f"/{prefix}") is not _view_class(f"/{prefix}/"):
        yield Warning(
            f"A message to /{prefix}, without the slash at the end, is lost: Django redirects it, or answers 404.",
            hint=f'Add path("{prefix}", ReceiveView.as_view()) to urls.py, with '
            '"from stockhub_webhooks.views import ReceiveView".',
            id="stockhub_webhooks.W031",
        )


def _callbacks(patterns: Iterable[Any]) -> Iterable[Any]:
    """Yield all views, also of patterns in a namespace of the host."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _is_ours(view: Any) -> bool:
    view_class = getattr(view, "view_class", None)
    return any(base.__module__ == "stockhub_webhooks.views" for base in getattr(view_class, "__mro__", ()))


def redirects() -> Iterable[CheckMessage]:
    """W048: Django redirects messages before this app sees them, and Stock Hub does not follow."""
    for reason, hint in conf.redirects():
        yield Warning(
            f"{reason}, so a message may be redirected instead of received: it is lost, and nothing here notices.",
            hint=f'{hint} "stockhub_doctor --url https://…" posts a test message to each address.',
            id="stockhub_webhooks.W048",
        )


def _view_class(path: str) -> Any:
    try:
        return getattr(resolve(path).func, "view_class", None)
    except Resolver404:
        return None


def shadowed_patterns() -> Iterable[CheckMessage]:
    """W029: a later URL pattern begins with our prefix. Our last pattern takes all addresses below the prefix."""
    if not conf.has_urls():
        return
    routes = list(_routes(get_resolver().url_patterns))
    ours = next((number for number, route in enumerate(routes) if route.endswith(NEARBY_PATTERN)), None)
    if ours is None:
        return
    prefix = routes[ours].removesuffix(NEARBY_PATTERN)
    shadowed = [route for route in routes[ours + 1 :] if route.startswith(prefix)]
    if shadowed:
        yield Warning(
            f"The URL pattern {shadowed[0]!r} is never reached: it comes after stockhub_webhooks.urls and begins with "
            f"the same prefix, {prefix!r}.",
            hint="Put it before the include of stockhub_webhooks.urls, or give one of them another prefix.",
            id="stockhub_webhooks.W029",
        )


def _routes(patterns: Iterable[Any], prefix: str = "") -> Iterable[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def no_alert_recipient() -> Iterable[CheckMessage]:
    """W017: the alarm mails `ADMINS`, which is empty."""
    if conf.alert_has_no_recipient():
        yield Warning(
            "ADMINS is empty, so no mail is sent when something is wrong.",
            hint=f"Set ADMINS, or set {NAME}['ALERT'] to your own function, or to \"\" if a monitor runs "
            "stockhub_status.",
            id="stockhub_webhooks.W017",
        )


def nobody_is_told() -> Iterable[CheckMessage]:
    """W040: nobody can be told by mail of what is deleted undecided, so it is announced on the overview alone."""
    if not conf.mails_alarms() and conf.KEEP_REFUSED > 0:
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
            hint="Set EMAIL_TIMEOUT = 10, in seconds. The alarm of this app has its own limit; other mails have none.",
            id="stockhub_webhooks.W032",
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


def shared_identities() -> Iterable[CheckMessage]:
    """W026: two functions with one identity. The ledger would treat their calls as those of one receiver."""
    places: dict[str, set[str]] = {}
    for signal in signals.BY_NAME.values():
        for receiver in signal.connected():
            places.setdefault(receiver.identity, set()).add(receiver.dotted_path)
    for identity, functions in places.items():
        if len(functions) > 1:
            yield Warning(
                f"{' and '.join(sorted(functions))} have the same identity, {identity!r}: while one of them fails for "
                "an order, the other one waits.",
                hint="Give each function its own dispatch_uid.",
                id="stockhub_webhooks.W026",
            )


def imported_twice() -> Iterable[CheckMessage]:
    """W046: a module of receivers that was imported under two names, so that each function is called twice."""
    for name, signal in signals.BY_NAME.items():
        places: dict[tuple[str, str], set[str]] = {}
        for receiver in signal.connected():
            if place := place_of(receiver.function):
                places.setdefault(place, set()).add(receiver.dotted_path)
        for (file, _qualified_name), paths in places.items():
            if len(paths) > 1:
                yield Warning(
                    f"{' and '.join(sorted(paths))} are one function, which is called twice for {name}: {file} is "
                    "imported under two names.",
                    hint="Import it everywhere by the name that INSTALLED_APPS leads to.",
                    id="stockhub_webhooks.W046",
                )


CHECKS = (
    unknown_settings,
    settings_types,
    short_lease,
    naive_timezone,
    resolver,
    receivers_of_no_app,
    naive_times,
    autocommit_off,
    long_accounts,
    alert,
    opening_times,
    deadline_days,
    useless_numbers,
    no_spool,
    not_mounted,
    no_slash,
    shadowed_patterns,
    no_alert_recipient,
    nobody_is_told,
    patient_mails,
    only_tests,
    almost_test,
    shared_identities,
    imported_twice,
    redirects,
)
