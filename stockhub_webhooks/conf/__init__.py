"""The settings of the app. Only this package reads `django.conf.settings`, at each access, for `override_settings`.

``host`` says what the host's other settings mean for this app.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta, timezone, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings

from stockhub_webhooks.conf.host import HostSettings

T = TypeVar("T")

NAME = "STOCKHUB_WEBHOOKS"
DEFAULT_ACCOUNT = "default"
TEST_ACCOUNT = "test"  # reserved: messages with a key of this account are tests


class Setting(Generic[T]):
    """A key of `STOCKHUB_WEBHOOKS`: its default, its types, and a sentence for the documentation.

    A value of another type fails the system check, and counts as not set: receiving must not break on it.
    """

    def __init__(self, default: T, sentence: str, *, types: tuple[type, ...] | None = None) -> None:
        self.default = default
        self.sentence = sentence
        self.types = types or (type(default),)
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        value: T = configured().get(self.name, self.default)
        return value if self.takes(value) else self.default

    def takes(self, value: object) -> bool:
        """Return True if a value has the right type; True and False are no numbers."""
        return isinstance(value, self.types) and (type(value) is not bool or bool in self.types)


def raw_settings() -> Any:
    """Return the value of `settings.STOCKHUB_WEBHOOKS`, of any type, or None if it is not set."""
    return getattr(settings, NAME, None)


def configured() -> Mapping[str, Any]:
    """Return the host's dict; a value of another type counts as empty, and fails the system check."""
    value = raw_settings()
    # dict first: it is the common case, and isinstance of an ABC is slow
    return value if isinstance(value, (dict, Mapping)) else {}


def misspelt() -> str:
    """Return the name of a Django setting that looks like a misspelt `STOCKHUB_WEBHOOKS`, or "" if there is none."""
    others = [name for name in dir(settings) if name != NAME]
    return next(iter(get_close_matches(NAME, others, n=1, cutoff=0.85)), "")


class Conf(HostSettings):
    """The settings of the app; `conf` is the only instance."""

    API_KEYS: Setting[str | list[str] | dict[str, Any]] = Setting(
        {},
        "The secret that Stock Hub sends as `x-api-key`: a string, a list of strings, or a dict of account to these.",
        types=(str, list, tuple, Mapping),
    )
    REQUIRE_API_KEY = Setting(
        True, "Refuse deliveries without a known key; `False` lets anyone on the internet write to your tables."
    )
    RUNNER = Setting(
        "inline",
        'The runner that starts the work: `"inline"` (in the request), `"worker"` (only the worker command), '
        '`"celery"`, `"tasks"`, or the dotted path of a class.',
    )
    QUEUE = Setting("", 'The queue for the wake-up tasks of `"celery"` and `"tasks"`; empty for the default queue.')
    INLINE_BUDGET_SECONDS = Setting(
        5.0,
        "The time in seconds that a request may spend on its receivers after its answer was sent.",
        types=(int, float),
    )
    MAX_BODY_BYTES = Setting(1024 * 1024, "The largest accepted body in bytes; a larger one is answered 413.")
    SPOOL_DIR: Setting[str | Path] = Setting(
        "",
        "A directory on a local disk that stores messages if the database is down; without it they are answered 503.",
        types=(str, Path),
    )
    DATABASE_TIMEOUT_SECONDS = Setting(
        20.0,
        "The time in seconds that one step waits for a database that does not respond; then the connection is closed.",
        types=(int, float),
    )
    NAIVE_TIMEZONE = Setting("UTC", "The time zone of times that are sent without one.")
    MAX_ATTEMPTS = Setting(22, "The number of failed attempts after which a receiver call or a message is given up.")
    BACKOFF_BASE_SECONDS = Setting(
        30.0, "The pause in seconds after the first failure; it doubles with each further failure.", types=(int, float)
    )
    BACKOFF_MAX_SECONDS = Setting(21600.0, "The longest pause in seconds between two attempts.", types=(int, float))
    LEASE_SECONDS = Setting(
        15.0,
        "The time in seconds after which another process takes over claimed work, unless it still goes on.",
        types=(int, float),
    )
    RECEIVER_ALARM_SECONDS = Setting(
        60.0, "The time in seconds after which a receiver that still runs is a critical problem.", types=(int, float)
    )
    TRUSTED_PROXIES = Setting(
        0, "The number of your own proxies in front of Django; so many entries of `X-Forwarded-For` are trusted."
    )
    KEEP_REFUSED = Setting(
        100,
        "The number of refused messages of one topic, key and network that are kept, in case the key was mistyped, and "
        "ten times as many in all; 0 keeps none.",
    )
    KEEP_REFUSED_BYTES = Setting(
        64 * 1024 * 1024, "The size in bytes of all refused messages that are kept, whatever their number."
    )
    ALERT = Setting(
        "django.core.mail.mail_admins",
        "Dotted path of a function `(subject, text) -> None` that sends an alarm; empty sends none.",
    )
    SILENCE_AFTER_HOURS: Setting[float | None] = Setting(
        None,
        "The number of opening hours without a message after which an alarm is raised; 0 raises none, and `None` "
        "learns it: three times the longest gap of the last 14 days with messages, at least 24.",
        types=(int, float, type(None)),
    )
    SITE_URL = Setting(
        "",
        "The address of the site, such as `https://shop.example`, for links in mails; without it that of "
        "`stockhub_doctor --url`.",
    )
    OPENING_HOURS: Setting[tuple[str, str] | list[str]] = Setting(
        ("00:00", "24:00"),
        "The hours of the day that count as opening hours, in the host's `TIME_ZONE`.",
        types=(tuple, list),
    )
    OPENING_WEEKDAYS: Setting[tuple[int, ...] | list[int]] = Setting(
        (0, 1, 2, 3, 4, 5, 6), "The days of the week that have opening hours; 0 is Monday.", types=(tuple, list)
    )
    HOST_ORDER_RESOLVER = Setting(
        "", "Dotted path of a function `(po_number, order) -> object or None` that finds the shop's own order."
    )
    RETENTION_DAYS: Setting[Mapping[str, Any] | None] = Setting(
        None,
        "How many days personal data is kept, by kind (see the guide *Personal data*); `{}` takes the defaults. "
        "Until it is set, only refused messages and failed attempts are removed.",
        types=(Mapping,),
    )
    ERASURE_LOG: Setting[str | Path] = Setting(
        "",
        "A file, outside of the database's disk, that each erasure is appended to, to be repeated after a restore.",
        types=(str, Path),
    )
    HOST_ORDER_NUMBER = Setting(
        "",
        "The name of the attribute or method of the shop's own order that holds the number under which Stock Hub knows "
        "it; used by `{% stockhub_tracking %}`, `{% stockhub_box %}` and the box in the admin.",
    )
    REST_BASE_URL: Setting[str | dict[str, Any]] = Setting(
        "",
        "The address of Stock Hub's REST calls, such as `https://…/rest/all`, for `stockhub_reconcile`; or a dict of "
        "account to address.",
        types=(str, Mapping),
    )
    REST_TOKEN: Setting[str | dict[str, Any]] = Setting(
        "", "The bearer token for the REST calls; or a dict of account to token.", types=(str, Mapping)
    )
    REST_AUTH: Setting[str | dict[str, Any]] = Setting(
        "",
        "Dotted path of a function `(account) -> headers` that authenticates the REST calls instead of `REST_TOKEN`; "
        "or a dict of account to path.",
        types=(str, Mapping),
    )
    RECENT_PO_NUMBERS: Setting[str | dict[str, Any]] = Setting(
        "",
        "Dotted path of a function `() -> numbers` that yields the shop's own order numbers of the last weeks, so that "
        "an order of which nothing arrived is found; or a dict of account to path.",
        types=(str, Mapping),
    )
    JOURNAL_COPY_DIR: Setting[str | Path] = Setting(
        "",
        "A directory on another disk than the database's, in which each accepted message is also appended to a file; "
        "`stockhub_ingest` reads it after a restore.",
        types=(str, Path),
    )
    HOST_LINE_RESOLVER = Setting(
        "", "Dotted path of a function `(item, host_order) -> object or None` that finds the shop's own order line."
    )

    DEADLINE_DAYS: Setting[Mapping[str, Any]] = Setting(
        {},
        "The days after which something that does not proceed is listed and sent as `deadline_passed`: a dict of rule "
        "to days, or to `None` to turn the rule off (see the guide *What does not proceed*).",
        types=(Mapping,),
    )
    METRICS = Setting(
        False,
        "Count for Prometheus (extra `metrics`); it is read when Django starts.",
    )
    METRICS_TOKEN = Setting(
        "",
        "The secret that Prometheus sends to read the metrics page; without it only staff who may view messages can "
        "read the page.",
    )

    def names(self) -> Iterator[str]:
        """Return the names of all settings, in the order of the documentation."""
        return (name for name, value in vars(type(self)).items() if isinstance(value, Setting))

    def setting(self, name: str) -> Setting[Any]:
        """Return the description of one setting.

        Raises:
            KeyError: there is no setting of that name.
        """
        setting = vars(type(self))[name]
        if not isinstance(setting, Setting):
            raise KeyError(name)
        return setting

    def accounts(self) -> dict[str, tuple[str, ...]]:
        """Return a dict of account to its keys. Blank keys are left out: an empty key is no key."""
        value = self.API_KEYS
        by_account = value if isinstance(value, Mapping) else {DEFAULT_ACCOUNT: value}
        return {str(account): _keys(keys) for account, keys in by_account.items()}

    def real_accounts(self) -> list[str]:
        """Return the accounts except the one that is reserved for tests."""
        return [account for account in self.accounts() if account != TEST_ACCOUNT]

    def account(self, named: str = "") -> str:
        """Return the named account, or the only real account if no name is given.

        Raises:
            ValueError: there is no account of that name, or there are several and no name is given.
        """
        known = list(self.accounts()) or [DEFAULT_ACCOUNT]
        real = self.real_accounts() or known
        if not named and len(real) > 1:
            raise ValueError(f"choose an account: one of {', '.join(known)}")
        if named and named not in known:
            raise ValueError(f"there is no account {named!r}: one of {', '.join(known)}")
        return named or real[0]

    def of_account(self, name: str, account: str) -> str:
        """Return the value of a `REST_…` setting or of `RECENT_PO_NUMBERS` for an account, "" if there is none.

        A value that is no dict is that of each real account.
        """
        value = getattr(self, name)
        if not isinstance(value, Mapping):
            value = {} if account == TEST_ACCOUNT else {account: value}
        text = value.get(account, "")
        return text.strip() if isinstance(text, str) else ""

    def rest_accounts(self) -> list[str]:
        """Return the real accounts that have a `REST_BASE_URL`."""
        return [account for account in self.real_accounts() if self.of_account("REST_BASE_URL", account)]

    def pause_after(self, attempts: int) -> float:
        """Return the pause in seconds before the next attempt: exponential back-off plus up to 25 % jitter."""
        pause = min(self.BACKOFF_BASE_SECONDS * 2 ** min(attempts - 1, 30), self.BACKOFF_MAX_SECONDS)
        return float(pause * random.uniform(1.0, 1.25))  # nosec B311  # jitter

    def resolvers(self) -> list[str]:
        """Return the dotted paths of the shop's resolvers that are set."""
        return [path for path in (self.HOST_ORDER_RESOLVER, self.HOST_LINE_RESOLVER) if path]

    def alert_has_no_recipient(self) -> bool:
        """Return True if alarms are mailed to `ADMINS`, which is empty."""
        return self.setting("ALERT").default == self.ALERT and not settings.ADMINS

    def mails_alarms(self) -> bool:
        """Return True if somebody is told of alarms: by mail, or by the shop's own function."""
        return bool(self.ALERT) and not self.alert_has_no_recipient()

    def opening_hours(self) -> tuple[timedelta, timedelta]:
        """Return the opening and the closing time as time since midnight; the shop may close after midnight.

        Raises:
            ValueError: the setting is not two times such as `"08:00"` (a system check reports it).
        """
        opens, closes = (_since_midnight(text) for text in self.OPENING_HOURS)
        return opens, closes if closes > opens else closes + timedelta(days=1)

    def naive_timezone(self) -> tzinfo:
        """Return the time zone of times that are sent without one.

        Raises:
            ZoneInfoNotFoundError: there is no such zone (a system check reports it).
        """
        return timezone.utc if self.NAIVE_TIMEZONE == "UTC" else ZoneInfo(self.NAIVE_TIMEZONE)


def _since_midnight(text: object) -> timedelta:
    time = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", str(text))
    if time is None:
        raise ValueError(f"{text!r} is not a time such as 08:00")
    return min(timedelta(hours=int(time[1]), minutes=int(time[2])), timedelta(days=1))


def _keys(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(key.strip() for key in values if isinstance(key, str) and key.strip())


conf = Conf()
