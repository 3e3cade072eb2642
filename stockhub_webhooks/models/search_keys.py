"""Normalised forms of names, streets and telephone numbers, by which people search.

They are computed here and not by the database, so that a search finds the same on each one: without case and accents,
a telephone number without country code, a surname without its prefixes and by its second half.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from stockhub_webhooks.contract.telephones import telephone

KEY_LENGTH = 100  # of a key that an index has
SHORTEST_TELEPHONE = 6  # digits that are looked for as a telephone number
# letters that have no decomposition
LETTERS = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
# Surname prefixes (tussenvoegsels) that people leave out, as normalised words.
PARTICLES = frozenset(
    {"aan", "d", "da", "de", "del", "den", "der", "di", "du", "el", "het", "in", "la", "le", "op", "s", "t", "te",
     "ten", "ter", "van", "vander", "von", "zu"}
)  # fmt: skip
KEYS = ("search", "surname_key", "second_surname_key", "telephone_key", "street_key")


def normalize(text: str | None) -> str:
    """Return the words of a text in lower case, without accents and punctuation, with a blank between two."""
    decomposed = unicodedata.normalize("NFKD", (text or "").casefold().translate(LETTERS))
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", letters))


def without_particles(key: str) -> str:
    """Return a normalised surname without the prefixes at its beginning; one that consists of them stays as it is."""
    words = key.split()
    while len(words) > 1 and words[0] in PARTICLES:
        del words[0]
    return " ".join(words)


def of_address(address: Any) -> dict[str, str]:
    """Return the values of `KEYS` for an address."""
    surname, company = without_particles(normalize(address.last_name)), normalize(address.company_name)
    first, *further = surname.split() or [""]
    second = further[-1] if further else company if first else ""
    number = telephone(address.telephone)
    texts = (
        address.first_name, address.last_name, address.company_name, address.street, address.house_number,
        address.postcode, (address.postcode or "").replace(" ", ""), address.city, address.email, number,
    )  # fmt: skip
    return {
        "search": f" {' '.join(filter(None, map(normalize, texts)))}",
        "surname_key": (surname or company)[:KEY_LENGTH],
        "second_surname_key": second[:KEY_LENGTH],
        "telephone_key": number,
        "street_key": normalize(f"{address.street or ''} {address.house_number or ''}")[:KEY_LENGTH],
    }
