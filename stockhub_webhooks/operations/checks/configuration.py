"""Every setting is one that there is and what it should be, the keys are good, and the addresses there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from stockhub_webhooks import signals
from stockhub_webhooks.conf import NAME, TEST_ACCOUNT, conf, configured, given, misspelt
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.receiving import spool

WEAK_KEY_LENGTH = 20
ACCOUNT_LENGTH = 64
MORE_THAN_NONE = {"MAX_BODY_BYTES", "MAX_ATTEMPTS", "LEASE_SECONDS"}


def unknown_settings() -> Iterable[CheckMessage]:
    """E001: a misspelt setting would silently do nothing."""
    if given() is None and (other := misspelt()):
        yield Error(
            f"The settings hold no {NAME}, but {other}, which nobody reads.",
            hint=f"Write {NAME}.",
            id="stockhub_webhooks.E001",
        )
    known = list(conf.names())
    for name in sorted(set(map(str, configured())) - set(known)):
        meant = [f"Is {near} meant?" for near in get_close_matches(name, known, n=1)]
        yield Error(
            f"{NAME} has no setting {name!r}.",
            hint=" ".join([*meant, f"Known are {', '.join(known)}."]),
            id="stockhub_webhooks.E001",
        )


def settings_types() -> Iterable[CheckMessage]:
    """E002: a value of another type counts as not given."""
    if given() is not None and not isinstance(given(), Mapping):
        yield Error(
            f"{NAME} is of type {type(given()).__name__}, so all of it counts as not given.",
            hint="Make it a dict of settings.",
            id="stockhub_webhooks.E002",
        )
    for name in conf.names():
        value, types = configured().get(name), conf.setting(name).types
        if value is not None and not isinstance(value, types):
            wanted = " or ".join(kind.__name__ for kind in types)
            yield Error(
                f"{NAME}[{name!r}] is of type {type(value).__name__}, so it counts as not given.",
                hint=f"Make it of type {wanted}.",
                id="stockhub_webhooks.E002",
            )


def no_key() -> Iterable[CheckMessage]:
    """E003: without a key every delivery is refused, and never sent again."""
    if conf.REQUIRE_API_KEY and not any(conf.accounts().values()):
        yield Error(
            f"{NAME}['API_KEYS'] holds no key, so every delivery is refused with 401.",
            hint="Set it from the environment to the secret that Winkelstraat sends as x-api-key.",
            id="stockhub_webhooks.E003",
        )


def shared_keys() -> Iterable[CheckMessage]:
    """E004: a key tells the account, so it belongs to one."""
    counts = Counter(key for keys in conf.accounts().values() for key in set(keys))
    if any(count > 1 for count in counts.values()):
        yield Error(
            "One key stands in two accounts, so its messages would go to the wrong one.",
            hint="Give each account keys of its own.",
            id="stockhub_webhooks.E004",
        )


def naive_timezone() -> Iterable[CheckMessage]:
    """E006: messages with a time would stay open until this is mended."""
    try:
        ZoneInfo(conf.NAIVE_TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError):
        if conf.NAIVE_TIMEZONE != "UTC":
            yield Error(
                f"{NAME}['NAIVE_TIMEZONE'] is no time zone: {conf.NAIVE_TIMEZONE!r}.",
                hint='Leave it at "UTC", which is what Stock Hub sends.',
                id="stockhub_webhooks.E006",
            )


def resolver() -> Iterable[CheckMessage]:
    """E007: a resolver that cannot be imported finds no order."""
    if fault := _fault_of(conf.HOST_ORDER_RESOLVER):
        yield Error(
            f"{NAME}['HOST_ORDER_RESOLVER'] {fault}",
            hint="Name a function (po_number, order) -> object or None by its dotted path.",
            id="stockhub_webhooks.E007",
        )


def naive_times() -> Iterable[CheckMessage]:
    """E008: our times are aware, and a database without time zones takes none of them."""
    if not conf.uses_time_zones():
        yield Error(
            "USE_TZ is False, so no message can be stored.",
            hint="Set USE_TZ to True, as Django does by default.",
            id="stockhub_webhooks.E008",
        )


def autocommit_off() -> Iterable[CheckMessage]:
    """E009: what is never committed is lost."""
    if not connections[database_alias()].settings_dict.get("AUTOCOMMIT", True):
        yield Error(
            f"DATABASES[{database_alias()!r}] has AUTOCOMMIT off, so no message is committed.",
            hint="Remove AUTOCOMMIT.",
            id="stockhub_webhooks.E009",
        )


def long_accounts() -> Iterable[CheckMessage]:
    """E010: an account's name is kept with each row."""
    for account in conf.accounts():
        if not 0 < len(account) <= ACCOUNT_LENGTH:
            yield Error(
                f"The account {account[:20]!r}… has no name of 1 to {ACCOUNT_LENGTH} characters.",
                hint="Rename it in API_KEYS.",
                id="stockhub_webhooks.E010",
            )


def alert() -> Iterable[CheckMessage]:
    """E011: an alert that cannot be imported tells nobody."""
    if fault := _fault_of(conf.ALERT):
        yield Error(
            f"{NAME}['ALERT'] {fault}",
            hint="Name a function (subject, text) -> None by its dotted path, or leave it out to mail ADMINS.",
            id="stockhub_webhooks.E011",
        )


def _fault_of(path: str) -> str:
    """What is wrong with the dotted path of a function; "" where it is right, or there is none."""
    try:
        return "" if not path or callable(import_string(path)) else f"is not a function: {path}"
    except ImportError as error:
        return f"cannot be imported: {error}"


def opening_times() -> Iterable[CheckMessage]:
    """E012: opening times that cannot be read would count silence around the clock."""
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


def useless_numbers() -> Iterable[CheckMessage]:
    """E017: with such a number nothing would be taken, or nothing be done."""
    for name in conf.names():
        value = getattr(conf, name)
        if isinstance(value, (int, float)) and value < (1 if name in MORE_THAN_NONE else 0):
            yield Error(
                f"{NAME}[{name!r}] is {value:g}, which is too little.",
                hint=f"Leave it out: the default is {conf.setting(name).default:g}.",
                id="stockhub_webhooks.E017",
            )


def weak_keys() -> Iterable[CheckMessage]:
    """W001: the key is the only protection."""
    if any(len(key) < WEAK_KEY_LENGTH for keys in conf.accounts().values() for key in keys):
        yield Warning(
            f"A key has fewer than {WEAK_KEY_LENGTH} characters, and it is the only protection.",
            hint='Agree on a longer one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.W001",
        )


def open_door() -> Iterable[CheckMessage]:
    """W002: the host asked for it, and should know what it means."""
    if not conf.REQUIRE_API_KEY:
        yield Warning(
            f"{NAME}['REQUIRE_API_KEY'] is False: anyone on the internet can write orders, parcels and refunds "
            "into your shop.",
            hint="Set API_KEYS, ask Winkelstraat to send the key, and remove this setting.",
            id="stockhub_webhooks.W002",
        )


def blank_keys() -> Iterable[CheckMessage]:
    """W003: an empty environment variable looks like a key, and is none."""
    value = configured().get("API_KEYS", ())
    by_account = value.items() if isinstance(value, dict) else [("default", value)]
    for account, keys in by_account:
        given = keys if isinstance(keys, (list, tuple)) else [keys]
        if len(given) != len(conf.accounts().get(str(account), ())):
            yield Warning(
                f"Account {account!r} has a key that is blank or no text; it is left out.",
                hint="Is the environment variable set?",
                id="stockhub_webhooks.W003",
            )


def no_spool() -> Iterable[CheckMessage]:
    """W004: the sender never repeats what it could not deliver."""
    if spool.directory() is None:
        yield Warning(
            f"{NAME}['SPOOL_DIR'] is not set: what comes in while the database is away is lost.",
            hint="Name a directory on a local disk that only this application can read.",
            id="stockhub_webhooks.W004",
        )


def not_mounted() -> Iterable[CheckMessage]:
    """W023: what has no address receives nothing."""
    if not conf.has_urls():
        return
    try:
        reverse("stockhub_webhooks:any")
    except NoReverseMatch:
        yield Warning(
            "No address leads to stockhub_webhooks.urls, so nothing can be received.",
            hint='Write path("api/v1/stockhub/", include("stockhub_webhooks.urls")) in the urls.py of ROOT_URLCONF.',
            id="stockhub_webhooks.W023",
        )


def nobody_to_tell() -> Iterable[CheckMessage]:
    """W017: the alarm is a mail to nobody."""
    if conf.alert_has_no_recipient():
        yield Warning(
            "ADMINS is empty, so nobody is told when something is wrong.",
            hint=f"Set ADMINS, or {NAME}['ALERT'] to a function of yours, or to \"\" where a monitor asks "
            "stockhub_status.",
            id="stockhub_webhooks.W017",
        )


def only_tests() -> Iterable[CheckMessage]:
    """W012: who names the only account "test" would have orders that no receiver hears of."""
    if set(conf.accounts()) == {TEST_ACCOUNT}:
        yield Warning(
            f"The only account is {TEST_ACCOUNT!r}, a name that is reserved: all that comes in is taken for a test, "
            "so no export and no alarm counts it, and only receivers with test=True hear of it.",
            hint="Give your shop's own account another name; keep this one for a key of your own, to try things out.",
            id="stockhub_webhooks.W012",
        )


def almost_test() -> Iterable[CheckMessage]:
    """W013: a database may not tell capitals apart."""
    for account in conf.accounts():
        if account != TEST_ACCOUNT and account.strip().casefold() == TEST_ACCOUNT:
            yield Warning(
                f"The account {account!r} is not the one that is reserved for tests, and looks like it.",
                hint=f"Write {TEST_ACCOUNT!r} where tests are meant, and choose another name where not.",
                id="stockhub_webhooks.W013",
            )


def shared_identities() -> Iterable[CheckMessage]:
    """W026: two receivers that the ledger takes for one wait for each other, and fail as one."""
    places: dict[str, set[str]] = {}
    for signal in signals.BY_NAME.values():
        for receiver in signal.connected():
            places.setdefault(receiver.identity, set()).add(receiver.dotted_path)
    for identity, found in places.items():
        if len(found) > 1:
            yield Warning(
                f"{' and '.join(sorted(found))} are one receiver to us, {identity!r}: for the same order, one waits "
                "while the other fails.",
                hint="Give each function a dispatch_uid of its own.",
                id="stockhub_webhooks.W026",
            )


CHECKS = (
    unknown_settings,
    settings_types,
    no_key,
    shared_keys,
    naive_timezone,
    resolver,
    naive_times,
    autocommit_off,
    long_accounts,
    alert,
    opening_times,
    useless_numbers,
    weak_keys,
    open_door,
    blank_keys,
    no_spool,
    not_mounted,
    nobody_to_tell,
    only_tests,
    almost_test,
    shared_identities,
)
