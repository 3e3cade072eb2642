"""Comparison of secrets: the keys of senders, and the token of the metrics."""

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
    """An authenticated sender: the account, and the fingerprint of the key that was used."""

    account: str
    key_fingerprint: str


@sensitive_variables()
def authenticate(header: str | None) -> Sender:
    """Return the sender that an `x-api-key` header belongs to.

    The header is compared with every key of every account, in constant time and as bytes: WSGI decodes headers as
    latin-1, and a key may contain any character. An empty key is no key. Two equal headers, which servers join with a
    comma, count as one.

    Raises:
        WrongKey: the header is missing or not a known key, or no key is configured.
    """
    try:
        return identify(header)
    except WrongKey:
        if conf.REQUIRE_API_KEY:
            raise
        return Sender(DEFAULT_ACCOUNT, "")


@sensitive_variables()
def identify(header: str | None) -> Sender:
    """Return the sender that an `x-api-key` header belongs to, whether or not a key is required.

    Raises:
        WrongKey: as `authenticate`.
    """
    given = _bytes(header or "").strip()
    values = list(dict.fromkeys([given, _unrepeated(given)]))
    sender: Sender | None = None
    for account, keys in conf.accounts().items():
        for key in keys:
            if _is_secret(values, key):
                # no early return: the time taken must not tell which key matched
                sender = Sender(account, fingerprint(key))
    if sender:
        return sender
    raise WrongKey(_fingerprint(values[-1]) if given else "")


@sensitive_variables()
def may_scrape(authorization: str | None) -> bool:
    """Return True if an `Authorization` header carries `METRICS_TOKEN`. A blank token allows nothing."""
    scheme, _, given = (authorization or "").partition(" ")
    token = conf.METRICS_TOKEN.strip()
    is_right = _is_secret([_bytes(given).strip()], token)
    return bool(token) and scheme.lower() == "bearer" and is_right


@sensitive_variables()
def bearer_fingerprint(authorization: str) -> str:
    """Return the fingerprint of the token in an `Authorization` header, "" if there is none."""
    given = _bytes(authorization.partition(" ")[2]).strip()
    return _fingerprint(given) if given else ""


@sensitive_variables()
def _is_secret(given: list[bytes], secret: str) -> bool:
    """Return True if one of the given values is the secret, compared in each of its encodings, in constant time."""
    matches = [hmac.compare_digest(value, spelling) for spelling in _encodings(secret) for value in given]
    return any(matches)


@sensitive_variables()
def _unrepeated(given: bytes) -> bytes:
    """Return the value of two equal headers, which a server joined with a comma, or else the header as it is."""
    for comma in (b",", b", "):
        half = given[: (len(given) - len(comma)) // 2]
        if half and given == half + comma + half:
            return half
    return given


@lru_cache(maxsize=64)
@sensitive_variables()
def fingerprint(key: str) -> str:
    """Return a short, irreversible identifier of a key."""
    return _fingerprint(key.encode("utf-8", "surrogatepass"))


@sensitive_variables()
def _fingerprint(key: bytes) -> str:
    return salted_hmac("stockhub_webhooks.key", key, algorithm="sha256").hexdigest()[:FINGERPRINT_LENGTH]


@sensitive_variables()
def _encodings(key: str) -> list[bytes]:
    """Return the key as bytes in UTF-8, and also in latin-1 if it can be written so, as some clients do."""
    utf8 = key.encode("utf-8", "surrogatepass")
    try:
        return [utf8] if key.isascii() else [utf8, key.encode("latin-1")]
    except UnicodeEncodeError:
        return [utf8]


def _bytes(header: str) -> bytes:
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:  # Django's test client passes the text unencoded
        return header.encode("utf-8", "surrogatepass")
