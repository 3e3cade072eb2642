"""The door: whose key is it? It answers yes or no, and nothing else."""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import NamedTuple

from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import DEFAULT_ACCOUNT, conf
from stockhub_webhooks.exceptions import WrongKey

FINGERPRINT_LENGTH = 12


class Sender(NamedTuple):
    """Who is let in: the account whose key was used, and which key it was."""

    account: str
    key_fingerprint: str


@sensitive_variables()
def authenticate(header: str | None) -> Sender:
    """The sender that an `x-api-key` header belongs to.

    Every key of every account is compared, in constant time and as bytes: WSGI hands headers over as
    latin-1, and a key may hold any character. An empty key is no key.

    Raises:
        WrongKey: the header is missing or no known key, or no key is configured at all.
    """
    given = _bytes(header or "").strip()
    found: Sender | None = None
    for account, keys in conf.accounts().items():
        for key in keys:
            for spelling in _spellings(key):
                if hmac.compare_digest(given, spelling):
                    found = Sender(account, fingerprint(key))
    if found:
        return found
    if not conf.REQUIRE_API_KEY:
        return Sender(DEFAULT_ACCOUNT, "")
    raise WrongKey(_fingerprint(given) if given else "")


@sensitive_variables()
def may_scrape(authorization: str | None) -> bool:
    """Whether an `Authorization` header carries `METRICS_TOKEN`, compared as keys are. A blank token is none."""
    scheme, _, given = (authorization or "").partition(" ")
    token = conf.METRICS_TOKEN.strip()
    fits = [hmac.compare_digest(_bytes(given).strip(), spelling) for spelling in _spellings(token)]
    return bool(token) and scheme.lower() == "bearer" and any(fits)


@lru_cache(maxsize=64)
@sensitive_variables()
def fingerprint(key: str) -> str:
    """A short sign of which of the configured keys was used, of no help to who wants to guess it."""
    return _fingerprint(key.encode("utf-8", "surrogatepass"))


@sensitive_variables()
def _fingerprint(key: bytes) -> str:
    return salted_hmac("stockhub_webhooks.key", key, algorithm="sha256").hexdigest()[:FINGERPRINT_LENGTH]


@sensitive_variables()
def _spellings(key: str) -> list[bytes]:
    """The key as bytes: in UTF-8 and, as some clients write it, in latin-1 where that can hold it."""
    spellings = [key.encode("utf-8", "surrogatepass")]
    try:
        return spellings if key.isascii() else [*spellings, key.encode("latin-1")]
    except UnicodeEncodeError:
        return spellings


def _bytes(header: str) -> bytes:
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:  # Django's test client hands the text over as it is
        return header.encode("utf-8", "surrogatepass")
