"""Check of the configured keys: characters that came in by a mistake, so that Stock Hub's key never equals ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import conf

QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"
SCHEME = re.compile(r"(bearer|basic|token|apikey|(x-)?api[-_]key)[\s:=]", re.IGNORECASE)
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # categories of Unicode
LOOKS_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols without a visible form


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


CHECKS = (odd_keys,)
