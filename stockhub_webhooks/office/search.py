"""Finds documents by what the office knows of them: numbers, parcels, articles, and who the customer is.

A word finds what *begins* with it, whatever its case: that is what an index can answer, on each database. A very short
one finds only what it is the whole of, for too much begins with it. All ways are gone along in one statement, which
stops at `LIMIT`: so a search costs the same however much there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

from django.db.models import CharField, F, Model, Q, QuerySet, Value
from django.utils.text import smart_split, unescape_string_literal

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address, Order
from stockhub_webhooks.processing.apply import BY_TOPIC

LIMIT = 300  # documents; nobody reads on
LIMIT_OF_SEVERAL = 1000  # where another word will leave few of them
SHORT = 2  # characters
# Nobody looks for six things at once.
WORDS_LIMIT = 5
NUMBER_LENGTH = 9  # Stock Hub's numbers have leading zeros, which nobody types
ADDRESSES = ("shipping_address", "billing_address")

POSTCODE = re.compile(r"(?<!\S)(\d{4})\s?([a-z]{2})(?!\S)", re.IGNORECASE)  # Dutch: with a space or without
# What stands before a surname that people leave out, as the telephone book does.
PARTICLES = (
    "d'", "da ", "de ", "de la ", "den ", "der ", "di ", "du ", "el ", "in 't ", "op de ", "op den ", "'s ", "'t ",
    "te ", "ten ", "ter ", "van ", "van 't ", "van de ", "van den ", "van der ", "van het ", "vander ", "von ", "zu ",
)  # fmt: skip


# what a document is found by
NUMBER, PO_NUMBER, TRACK, SKU, MPN, PERSON = "number", "po_number", "track", "sku", "mpn", "person"


class Hit(NamedTuple):
    """A document that was found; `by` is one of the words above."""

    pk: int
    order_id: int | None
    account: str
    increment_id: str
    topic: str
    by: str


@dataclass
class Found:
    """What a search has found; `is_cut_off` where there is more of it."""

    hits: list[Hit] = field(default_factory=list)
    is_cut_off: bool = False

    def pks(self, topic: str) -> set[int]:
        """The documents of one topic."""
        return {hit.pk for hit in self.hits if hit.topic == topic}

    @property
    def messages(self) -> Q:
        """The messages that speak of what was found."""
        numbers: dict[tuple[str, str], set[str]] = {}
        for hit in self.hits:
            numbers.setdefault((hit.topic, hit.account), set()).add(hit.increment_id)
        spoken = (
            Q(topic=topic, account=account, increment_id__in=sorted(found))
            for (topic, account), found in numbers.items()
        )
        return reduce(or_, spoken, Q(pk__in=[]))


# ---------------------------------------------------------------- from text to words


def words(text: str) -> list[str]:
    """The words of a search, those in quotes as one; each of them must be found. What is too much is one word."""
    found = [
        unescape_string_literal(word) if word[0] == word[-1] and word[0] in "\"'" and len(word) > 1 else word
        for word in smart_split(POSTCODE.sub(r"\1\2", text))
    ]
    kept = found[: WORDS_LIMIT - 1]
    return found if len(found) <= WORDS_LIMIT else [*kept, " ".join(found[len(kept) :])]


def numbers(word: str) -> list[str]:
    """How Stock Hub may write a number: as it was typed, and with its leading zeros."""
    return list(dict.fromkeys((word, word.zfill(NUMBER_LENGTH)))) if word.isdecimal() and word.isascii() else [word]


# ---------------------------------------------------------------- from words to documents


def find(text: str, topics: Sequence[str] = tuple(BY_TOPIC), *, persons: bool) -> Found:
    """The documents that all words of the text find; the text written together, where they find none.

    Args:
        text: as it was typed.
        topics: of which documents.
        persons: whether to look for people too, which not everybody may.
    """
    all_words = [word for word in words(text.replace("\0", "")) if word.strip()]
    if not all_words:
        return Found()
    found = _all_of(all_words, topics, persons)
    if len(all_words) > 1 and not found.hits and any(character.isdecimal() for character in text):
        return _look(["".join(all_words)], topics, persons, LIMIT)  # a parcel's number with spaces
    return found


def _all_of(all_words: list[str], topics: Sequence[str], persons: bool) -> Found:
    """What all of the words find: first the longest, as the likeliest to find little, then the others among that."""
    if len(all_words) == 1:
        return _look(all_words, topics, persons, LIMIT)
    people = _look(all_words, topics, persons, LIMIT) if persons else Found()
    first: Found | None = None
    rest = sorted(all_words, key=len, reverse=True)
    for word in rest:
        first = _look([word], topics, persons, LIMIT_OF_SEVERAL)
        if not first.is_cut_off:
            rest.remove(word)
            break
    hits, is_cut_off = (first.hits, first.is_cut_off) if first else ([], False)
    for word in rest:
        if hits:
            among = {(hit.topic, hit.pk) for hit in _look([word], topics, persons, LIMIT_OF_SEVERAL, hits).hits}
            hits = [hit for hit in hits if (hit.topic, hit.pk) in among]
    return Found(list(dict.fromkeys([*people.hits, *hits])), people.is_cut_off or is_cut_off)


def _look(all_words: list[str], topics: Sequence[str], persons: bool, limit: int, among: Sequence[Hit] = ()) -> Found:
    """What one word finds, or people whom several words name: one statement for the people, one for all the rest."""
    people: Any = ()
    is_cut_off = False
    if persons:
        people, is_cut_off = _people(all_words, bool(among), limit)
    branches = []
    for topic in topics:
        within = Q(pk__in={hit.pk for hit in among if hit.topic == topic}) if among else Q()
        for by, rows in _ways(topic, all_words, people):
            branches.append(_as_hits(rows.filter(within), topic, by))
    if not branches:
        return Found()
    first, *others = branches
    together = list(first.union(*others, all=True)[: limit + 1])
    hits = dict.fromkeys(Hit(*row) for row in together[:limit])
    return Found(list(hits), is_cut_off or len(together) > limit)


def _people(all_words: list[str], is_narrowed: bool, limit: int) -> tuple[Any, bool]:
    """The addresses that the words fit, and whether there are more; not yet looked up where that is narrowed down."""
    fitting = Address.objects.using(database_alias()).filter(named(all_words))
    if is_narrowed:
        return fitting.values("pk"), False
    # one common word among several: the database would gather all that fit it, so the rare ones are asked first
    for word in sorted(all_words, key=len, reverse=True) if len(all_words) > 1 else ():
        few, are_more = _people([word], False, LIMIT_OF_SEVERAL)
        found = [] if are_more else list(fitting.filter(pk__in=few).values_list("pk", flat=True))
        if found or not (are_more or _may_be_name(word)):
            return found, False
    found = list(fitting.values_list("pk", flat=True)[: limit + 1])
    return found[:limit], len(found) > limit


def _as_hits(rows: QuerySet[Any], topic: str, by: str) -> QuerySet[Any]:
    order = F("pk") if rows.model is Order else F("order_id")
    constant = CharField(max_length=32)
    return rows.order_by().values_list(
        "pk", order, "account", "increment_id", Value(topic, constant), Value(by, constant)
    )


def _ways(topic: str, all_words: list[str], people: Any) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Each way from the words to documents of the topic, their order's ways included. Several words are people."""
    model: type[Model] = BY_TOPIC[topic].model
    rows = model._default_manager.using(database_alias())
    paths = [""] if model is Order else ["", "order__"]
    if len(all_words) == 1:
        (word,) = all_words
        for path in paths:
            yield NUMBER, rows.filter(fits(f"{path}increment_id", numbers(word)))
            yield PO_NUMBER, rows.filter(fits(f"{path}po_number", [word]))
        yield SKU, rows.filter(fits("items__sku", [word]))
        yield MPN, rows.filter(fits("items__mpn", [word]))
        for path in _ways_to_tracks(topic):
            yield TRACK, rows.filter(fits(f"{path}__tracking_number", [word]))
    if isinstance(people, QuerySet) or people:
        for path in paths:
            for name in ADDRESSES:
                if hasattr(Order if path else model, name):
                    yield PERSON, rows.filter(**{f"{path}{name}__in": people})


def _ways_to_tracks(topic: str) -> tuple[str, ...]:
    if BY_TOPIC[topic].model is Order:
        return ("shipments__tracks", "rmas__tracks")
    return ("tracks",) if BY_TOPIC[topic].has_tracks else ()


def fits(column: str, ways_to_write: Sequence[str]) -> Q:
    """The column begins with one of these; it is one of these where that is short."""
    is_short = len(ways_to_write[0]) <= SHORT
    return _any_of(f"{column}__iexact" if is_short else f"{column}__istartswith", ways_to_write)


def begins(column: str, ways_to_write: Sequence[str]) -> Q:
    """The column begins with one of these."""
    return _any_of(f"{column}__istartswith", ways_to_write)


def _any_of(lookup: str, values: Sequence[str]) -> Q:
    return reduce(or_, (Q(**{lookup: value}) for value in values))


def named(all_words: Sequence[str]) -> Q:
    """Addresses that all of the words fit; one at least fits a column with an index."""
    by_index = reduce(or_, (_by_index(word, fits) for word in all_words))
    if len(all_words) == 1:
        return by_index
    each = (
        _by_index(word, begins) | begins("first_name", [word]) | Q(first_name__icontains=f" {word}")
        for word in all_words
    )
    return by_index & reduce(and_, each)


def _by_index(word: str, asked: Callable[[str, Sequence[str]], Q]) -> Q:
    """Addresses with the word as e-mail, postcode or surname, whatever stands before the surname."""
    found = asked("email", [word])
    if _may_be_name(word):
        return found | asked("last_name", [word, *(particle + word for particle in PARTICLES)])
    return found if "@" in word else found | asked("postcode", [word, *_with_space(word)])


def _may_be_name(word: str) -> bool:
    return "@" not in word and not any(character.isdecimal() for character in word)


def _with_space(word: str) -> list[str]:
    return [POSTCODE.sub(r"\1 \2", word)] if POSTCODE.fullmatch(word) else []
