"""The numbers in a body that may not be readable as a message, so that it is found by them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.telephones import telephone
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import encodings

TEXT_LIMIT = 200_000  # characters of a body
NUMBERS_LIMIT = 300  # of a body
NUMBER_LENGTH = 100

# Numbers of documents, articles and parcels, also in a body that is no whole JSON.
NAMED = re.compile(
    r'"[a-z_]{0,40}(?:increment_id|po_number|tracking_number|sku|mpn|"id)"\s*:\s*(?:"([^"\\]{1,100})"|([0-9]{1,20}))'
)
TELEPHONE = re.compile(r'"telephone"\s*:\s*"([^"\\]{1,40})"')
TOKEN = re.compile(r"(?<![^\W_])[^\W_](?:[-/.]?[^\W_]){2,99}")
# what stands between the parts of a number, as people like it
SEPARATORS = re.compile("[\\s\u00a0\u202f\u200b\u2060\ufeff\u2010-\u2014\u2212-]")


@sensitive_variables()
def numbers_in(body: bytes, headers: Mapping[str, str]) -> dict[str, bool]:
    """Return the numbers in a body in the spelling of `MentionedNumber.number`, with whether each is personal."""
    text = _text(body, headers)[:TEXT_LIMIT]
    found = {key(value): False for match in NAMED.finditer(text) for value in match.groups() if value}
    for match in TELEPHONE.finditer(text):
        if number := telephone(match[1]):
            found.setdefault(number, True)
    for match in TOKEN.finditer(text):
        if len(found) >= NUMBERS_LIMIT:
            break
        if any(character.isdecimal() for character in match[0]):
            found.setdefault(key(match[0]), True)
    return dict(list(found.items())[:NUMBERS_LIMIT])


@sensitive_variables()
def _text(body: bytes, headers: Mapping[str, str]) -> str:
    try:
        if compression := encodings.compression_of(body, headers.get("content-encoding", "")):
            body = encodings.unpack(body, compression, conf.MAX_BODY_BYTES)
        return encodings.decode(body, headers.get("content-type", ""))[0]
    except Unreadable:
        return body.decode("latin-1")


def key(number: str) -> str:
    """Return a number in the spelling of `MentionedNumber.number`."""
    return SEPARATORS.sub("", number).lower()[:NUMBER_LENGTH]
