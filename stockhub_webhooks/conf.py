"""The one place that reads `settings.STOCKHUB_WEBHOOKS`, at each access, so that `override_settings` works."""

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

T = TypeVar("T")

NAME = "STOCKHUB_WEBHOOKS"
DEFAULT_ACCOUNT = "default"
TEST_ACCOUNT = "test"  # reserved: whatever comes with its key is a test, and no order of a customer


class Setting(Generic[T]):
    """One key of the dict: its default, the types it may have, and one sentence on what it does.

    A value of another type counts as not given (and fails the system check): the door must not break on it.
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
        return value if isinstance(value, self.types) else self.default


def given() -> Any:
    """What the host's settings hold under our name, whatever it is; None where there is nothing."""
    return getattr(settings, NAME, None)


def configured() -> Mapping[str, Any]:
    """The host's dict as it stands; anything but a dict counts as empty (and fails the system check)."""
    value = given()
    return value if isinstance(value, (dict, Mapping)) else {}  # most are dicts, which is seen sooner


def misspelt() -> str:
    """A setting of the host whose name is almost ours; "" where there is none."""
    others = [name for name in dir(settings) if name != NAME]
    return next(iter(get_close_matches(NAME, others, n=1, cutoff=0.85)), "")


class Conf:
    """Every setting of the app. `conf` is its only instance."""

    API_KEYS: Setting[str | list[str] | dict[str, Any]] = Setting(
        {},
        "The secret that Stock Hub sends as `x-api-key`: a string, a list of strings, or a dict of account to these.",
        types=(str, list, tuple, Mapping),
    )
    REQUIRE_API_KEY = Setting(
        True, "Refuse a delivery without a known key; `False` lets anyone on the internet write to your tables."
    )
    RUNNER = Setting(
        "inline",
        'Who does the work: `"inline"` (the request), `"worker"` (only the worker), `"celery"`, `"tasks"`, or a dotted '
        "path.",
    )
    QUEUE = Setting("", 'The queue of the wake-ups of `"celery"` and `"tasks"`; empty for the engine\'s own default.')
    INLINE_BUDGET_SECONDS = Setting(
        5.0, "How long a request may go on, after it was answered, with whatever work is due.", types=(int, float)
    )
    MAX_BODY_BYTES = Setting(1024 * 1024, "The longest body that is accepted; a longer one is answered 413.")
    SPOOL_DIR: Setting[str | Path] = Setting(
        "",
        "A directory on a local disk that takes the messages while the database is away; without one they get 503.",
        types=(str, Path),
    )
    DATABASE_TIMEOUT_SECONDS = Setting(
        20.0,
        "How long one step waits for a database that is there and says nothing; then the connection is cut.",
        types=(int, float),
    )
    NAIVE_TIMEZONE = Setting("UTC", "The time zone of times that are sent without one.")
    MAX_ATTEMPTS = Setting(22, "After how many failed attempts a receiver call or a message is given up.")
    BACKOFF_BASE_SECONDS = Setting(
        30.0, "The pause after the first failure; it doubles with each further one.", types=(int, float)
    )
    BACKOFF_MAX_SECONDS = Setting(21600.0, "The longest pause between two attempts.", types=(int, float))
    LEASE_SECONDS = Setting(
        900.0, "How long taken work may stay unfinished before another process takes it over.", types=(int, float)
    )
    TRUSTED_PROXIES = Setting(
        0, "How many proxies of your own a request comes through; only then is `X-Forwarded-For` believed, so far back."
    )
    KEEP_REFUSED = Setting(
        100, "How many refused messages are kept for a week, in case the key was mistyped; 0 keeps none."
    )
    ALERT = Setting(
        "django.core.mail.mail_admins",
        "Dotted path of `(subject, text) -> None`, which tells somebody that something is wrong; empty tells nobody.",
    )
    SILENCE_AFTER_HOURS = Setting(
        0.0, "After how many opening hours without a message somebody is told; 0 never does.", types=(int, float)
    )
    OPENING_HOURS: Setting[tuple[str, str] | list[str]] = Setting(
        ("00:00", "24:00"), "From when to when silence counts, in the host's `TIME_ZONE`.", types=(tuple, list)
    )
    OPENING_WEEKDAYS: Setting[tuple[int, ...] | list[int]] = Setting(
        (0, 1, 2, 3, 4, 5, 6), "The days on which silence counts; 0 is Monday.", types=(tuple, list)
    )
    HOST_ORDER_RESOLVER = Setting(
        "", "Dotted path of `(po_number, order) -> object or None`, which finds the shop's own order."
    )

    METRICS = Setting(
        False,
        "Count for Prometheus (extra `metrics`): see [docs/metrics.md](docs/metrics.md). Read when Django starts.",
    )
    METRICS_TOKEN = Setting(
        "", "The secret with which Prometheus gets the page of the metrics; without one only staff see it."
    )

    def names(self) -> Iterator[str]:
        """The names of all settings, in the order of the documentation."""
        return (name for name, value in vars(type(self)).items() if isinstance(value, Setting))

    def setting(self, name: str) -> Setting[Any]:
        """The description of one setting.

        Raises:
            KeyError: there is no setting of that name.
        """
        found = vars(type(self))[name]
        if not isinstance(found, Setting):
            raise KeyError(name)
        return found

    def accounts(self) -> dict[str, tuple[str, ...]]:
        """Account to its keys, blank ones left out: an empty key is no key."""
        value = self.API_KEYS
        by_account = value if isinstance(value, Mapping) else {DEFAULT_ACCOUNT: value}
        return {str(account): _keys(keys) for account, keys in by_account.items()}

    def real_accounts(self) -> list[str]:
        """The accounts without the one that is reserved for tests."""
        return [account for account in self.accounts() if account != TEST_ACCOUNT]

    def account(self, named: str = "") -> str:
        """The account of that name; the only one where none is named, beside the tests'.

        Raises:
            ValueError: there are several and none is named, or there is none of that name.
        """
        known = list(self.accounts()) or [DEFAULT_ACCOUNT]
        real = self.real_accounts() or known
        if not named and len(real) > 1:
            raise ValueError(f"say whose messages these are: one of {', '.join(known)}")
        if named and named not in known:
            raise ValueError(f"there is no account {named!r}: one of {', '.join(known)}")
        return named or real[0]

    def pause_after(self, attempts: int) -> float:
        """Seconds to wait after so many failed attempts: doubling, with a multiplicative jitter, never shorter."""
        pause = min(self.BACKOFF_BASE_SECONDS * 2 ** min(attempts - 1, 30), self.BACKOFF_MAX_SECONDS)
        return float(pause * random.uniform(1.0, 1.25))

    def uses_time_zones(self) -> bool:
        """Whether the host's times are aware."""
        return bool(settings.USE_TZ)

    def mails_nobody(self) -> bool:
        """Whether an alert goes to `ADMINS`, and there are none."""
        return self.setting("ALERT").default == self.ALERT and not settings.ADMINS

    def has_addresses(self) -> bool:
        """Whether the host has a URLconf at all."""
        return bool(getattr(settings, "ROOT_URLCONF", None))

    def opening_hours(self) -> tuple[timedelta, timedelta]:
        """From when to when silence counts, since midnight; up to after midnight where the second is the earlier.

        Raises:
            ValueError: they are not two times as `"08:00"` (the system check says so first).
        """
        opens, closes = (_since_midnight(text) for text in self.OPENING_HOURS)
        return opens, closes if closes > opens else closes + timedelta(days=1)

    def language(self) -> str:
        """The host's own language, whoever's request it is that we work in."""
        return str(settings.LANGUAGE_CODE)

    def public_directories(self) -> list[tuple[str, Path]]:
        """The host's directories that a web server hands out, each with the setting that names it."""
        named = [("MEDIA_ROOT", settings.MEDIA_ROOT), ("STATIC_ROOT", settings.STATIC_ROOT)]
        for entry in settings.STATICFILES_DIRS:
            named.append(("STATICFILES_DIRS", entry[1] if isinstance(entry, (list, tuple)) else entry))
        return [(name, Path(place)) for name, place in named if place]

    def form_limit(self) -> int | None:
        """The longest form in bytes that the host's Django takes, None where there is no limit."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return limit

    def naive_timezone(self) -> tzinfo:
        """The zone of times sent without one.

        Raises:
            ZoneInfoNotFoundError: there is no such zone (the system check says so first).
        """
        return timezone.utc if self.NAIVE_TIMEZONE == "UTC" else ZoneInfo(self.NAIVE_TIMEZONE)


def _since_midnight(text: object) -> timedelta:
    found = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", str(text))
    if found is None:
        raise ValueError(f"{text!r} is not a time as 08:00")
    return min(timedelta(hours=int(found[1]), minutes=int(found[2])), timedelta(days=1))


def _keys(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(key.strip() for key in values if isinstance(key, str) and key.strip())


conf = Conf()
