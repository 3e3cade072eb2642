"""Checks of the keys: the shared secret is the only protection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from stockhub_webhooks.conf import NAME, conf, configured

WEAK_KEY_LENGTH = 20


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
    if any(len(key) < WEAK_KEY_LENGTH for keys in conf.accounts().values() for key in keys):
        yield Warning(
            f"A key has fewer than {WEAK_KEY_LENGTH} characters, although it is the only protection.",
            hint='Agree on a longer one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="stockhub_webhooks.W001",
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


CHECKS = (no_key, shared_keys, weak_keys, open_door, blank_keys)
