"""Checks of the keys: the shared secret is the only protection."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import NAME, conf, configured

SHORTEST_SECRET = 16
QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"
SCHEME = re.compile(r"(bearer|basic|token|apikey|(x-)?api[-_]key)[\s:=]", re.IGNORECASE)
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # categories of Unicode
LOOKS_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols without a visible form


def no_key() -> Iterable[CheckMessage]:
    """E003: no key. Every message is refused, and Stock Hub does not send it again."""
    if conf.REQUIRE_API_KEY and not any(conf.accounts().values()):
        yield Error(
            f"{NAME}['API_KEYS'] holds no key, so every message is refused with 401.",
            hint="Set it to the secret that Stock Hub sends as x-api-key. Read it from the environment.",
            id="stockhub_webhooks.E003",
        )


def shared_keys() -> Iterable[CheckMessage]:
    """E004: one key in two accounts. The key decides which account a message belongs to."""
    counts = Counter(key for keys in conf.accounts().values() for key in set(keys))
    if any(count > 1 for count in counts.values()):
        yield Error(
            "Two accounts have the same key, so messages would be stored in the wrong account.",
            hint="Give each account its own keys.",
            id="stockhub_webhooks.E004",
        )


def weak_keys() -> Iterable[CheckMessage]:
    """W001: a short key, although the key is the only protection."""
    if any(is_short(key) for keys in conf.accounts().values() for key in keys):
        yield Warning(
            f"A key has fewer than {SHORTEST_SECRET} characters, although it is the only protection.",
            hint='Agree on a longer one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.W001",
        )


def is_short(secret: str) -> bool:
    """Return True if a secret can be guessed: refusals are limited, but a right secret always passes."""
    return len(secret) < SHORTEST_SECRET


def short_secrets() -> Iterable[CheckMessage]:
    """E022: a short key or token where the app is deployed; in development W001 and W024 are enough."""
    secrets = [(f"{NAME}['API_KEYS']", key) for keys in conf.accounts().values() for key in keys]
    secrets += [(f"{NAME}['METRICS_TOKEN']", token)] if (token := conf.METRICS_TOKEN.strip()) else []
    for setting in dict.fromkeys(setting for setting, secret in secrets if is_short(secret)):
        yield Error(
            f"{setting} has fewer than {SHORTEST_SECRET} characters and can be guessed.",
            hint='Make a longer one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.E022",
        )


def open_door() -> Iterable[CheckMessage]:
    """W002: the host has switched authentication off."""
    if not conf.REQUIRE_API_KEY:
        yield Warning(
            f"{NAME}['REQUIRE_API_KEY'] is False: anyone on the internet can write orders, parcels and refunds "
            "into your shop.",
            hint="Set API_KEYS, ask Winkelstraat to send the key, and remove this setting.",
            id="stockhub_webhooks.W002",
        )


def blank_keys() -> Iterable[CheckMessage]:
    """W003: a blank key, usually from an environment variable that is not set."""
    value = configured().get("API_KEYS", ())
    by_account = value.items() if isinstance(value, dict) else [("default", value)]
    for account, keys in by_account:
        configured_keys = keys if isinstance(keys, (list, tuple)) else [keys]
        if len(configured_keys) != len(conf.accounts().get(str(account), ())):
            yield Warning(
                f"Account {account!r} has a key that is blank or not a string; the key is ignored.",
                hint="Check that the environment variable of the key is set.",
                id="stockhub_webhooks.W003",
            )


@sensitive_variables()
def odd_keys() -> Iterable[CheckMessage]:
    """W030: a key that was copied with something else, such as quotes or an invisible character."""
    for account, keys in conf.accounts().items():
        for number, key in enumerate(keys, start=1):
            if faults := list(_faults(key)):
                yield Warning(
                    f"Key {number} of account {account!r} {', '.join(faults)}. Messages with the key that you "
                    "agreed on are probably refused.",
                    hint="Look where the key is set, such as .env, and write the bare key there. Silence this check if "
                    "the key is meant to be so.",
                    id="stockhub_webhooks.W030",
                )


@sensitive_variables()
def _faults(key: str) -> Iterator[str]:
    """Yield in words what is odd about a key, without any part of it."""
    if key[0] in QUOTES or key[-1] in QUOTES:
        yield "begins or ends with a quotation mark"
    if SCHEME.match(key.lstrip(QUOTES)):
        yield 'begins with the name of a header or scheme, such as "Bearer "'
    if re.search(r"\s#", key):
        yield 'holds a comment (" #")'
    if any(character.isspace() for character in key):
        yield "holds a blank"
    if any(unicodedata.category(character) in INVISIBLE or character in LOOKS_BLANK for character in key):
        yield "holds an invisible character"
    if not key.isascii():
        yield "holds a character that is not ASCII, and may only look like the right one"


ONLY_IF_DEPLOYED = (short_secrets,)
CHECKS = (no_key, shared_keys, weak_keys, open_door, blank_keys, odd_keys)
