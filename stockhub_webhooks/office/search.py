"""Search of documents by number, tracking number, article or customer.

A word is a case-insensitive prefix, because an index can answer that on every database. Words of `SHORT` characters
must match exactly, because too many values begin with them. One UNION with a LIMIT searches all columns, so that the
cost of a search does not grow with the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

from django.db.models import CharField, F, Q, QuerySet, Value
from django.utils.text import smart_split, unescape_string_literal

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract.telephones import telephone
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.fields import starts_with as key_starts_with
from stockhub_webhooks.models import Address, Order, search_keys
from stockhub_webhooks.models.numbers import in_any_case
from stockhub_webhooks.models.shipment import normalize_tracking_number
from stockhub_webhooks.processing.apply import BY_TOPIC

LIMIT = 300  # documents; users narrow the search instead of reading further
INTERMEDIATE_LIMIT = 1000  # documents of one word, if other words narrow them down
SHORT = 2  # characters
WORDS_LIMIT = 5
NUMBER_LENGTH = 9  # Stock Hub's numbers have leading zeros, which users leave out
ADDRESSES = ("shipping_address", "billing_address")

POSTCODE = re.compile(r"(?<!\S)(\d{4})\s?([a-z]{2})(?!\S)", re.IGNORECASE)  # Dutch: with a space or without


# the columns that a search covers
NUMBER, PO_NUMBER, TRACK, SKU, MPN, PERSON = "number", "po_number", "track", "sku", "mpn", "person"


class Hit(NamedTuple):
    """Document that matches a search; `by` names the column that matched."""

    pk: int
    order_id: int | None
    account: str
    increment_id: str
    topic: str
    by: str


@dataclass
class SearchResult:
    """Documents that match a search; `is_cut_off` is True if there are more."""

    hits: list[Hit] = field(default_factory=list)
    is_cut_off: bool = False

    def pks(self, topic: str) -> set[int]:
        """Return the primary keys of the matching documents of one topic."""
        return {hit.pk for hit in self.hits if hit.topic == topic}

    @property
    def messages(self) -> Q:
        """Condition that selects the messages about the matching documents."""
        ids: dict[tuple[str, str], set[str]] = {}
        for hit in self.hits:
            ids.setdefault((hit.topic, hit.account), set()).add(hit.increment_id)
        conditions = (
            Q(topic=topic, account=account, increment_id__in=sorted(increment_ids))
            for (topic, account), increment_ids in ids.items()
        )
        return reduce(or_, conditions, Q(pk__in=[]))


# ---------------------------------------------------------------- from text to words


def words(text: str) -> list[str]:
    """Split a search into words, with quoted text as one word; words beyond the limit become one word."""
    split = [
        piece
        for word in smart_split(POSTCODE.sub(r"\1\2", text))
        for piece in (
            [unescape_string_literal(word)]
            if word[0] == word[-1] and word[0] in "\"'" and len(word) > 1
            else word.replace(",", " ").replace(";", " ").split()
        )
    ]
    kept = split[: WORDS_LIMIT - 1]
    return split if len(split) <= WORDS_LIMIT else [*kept, " ".join(split[len(kept) :])]


def numbers(word: str) -> list[str]:
    """Return the spellings of a number: as typed, and padded with leading zeros."""
    return list(dict.fromkeys((word, word.zfill(NUMBER_LENGTH)))) if word.isdecimal() and word.isascii() else [word]


# ---------------------------------------------------------------- from words to documents


class Scope(NamedTuple):
    """What a search covers, see `find`."""

    topics: Sequence[str]
    persons: bool
    tests: bool


def find(text: str, topics: Sequence[str] = tuple(BY_TOPIC), *, persons: bool, tests: bool = False) -> SearchResult:
    """Return the documents that match all words; if there are none, those that match the text without spaces.

    Args:
        text: the search as the user typed it.
        topics: topics to search.
        persons: search by customer, too, which needs a permission.
        tests: search the documents of the test account instead of the real ones, so that neither hides the other.
    """
    scope = Scope(topics, persons, tests)
    all_words = [word for word in words(text.replace("\0", "")) if word.strip()]
    if not all_words:
        return SearchResult()
    result = _match_all(all_words, scope)
    if len(all_words) > 1 and any(character.isdecimal() for character in text):
        for separator in (
            "",
            "-",
        ):  # a tracking or telephone number typed with blanks, an order number without its hyphen
            result = result if result.hits else _query([separator.join(all_words)], scope, LIMIT)
    return result


def _match_all(all_words: list[str], scope: Scope) -> SearchResult:
    """Search the longest word first, because it probably has the fewest matches; filter these by the other words."""
    if len(all_words) == 1:
        return _query(all_words, scope, LIMIT)
    people = _query(all_words, scope, LIMIT) if scope.persons else SearchResult()
    first: SearchResult | None = None
    rest = sorted(all_words, key=len, reverse=True)
    for word in rest:
        first = _query([word], scope, INTERMEDIATE_LIMIT)
        if not first.is_cut_off:
            rest.remove(word)
            break
    hits, is_cut_off = (first.hits, first.is_cut_off) if first else ([], False)
    for word in rest:
        if hits:
            matching = {(hit.topic, hit.pk) for hit in _query([word], scope, INTERMEDIATE_LIMIT, hits).hits}
            hits = [hit for hit in hits if (hit.topic, hit.pk) in matching]
    return SearchResult(list(dict.fromkeys([*people.hits, *hits])), people.is_cut_off or is_cut_off)


def _query(all_words: list[str], scope: Scope, limit: int, among: Sequence[Hit] = ()) -> SearchResult:
    """Return matches of one word, or of several words as one customer; addresses are a query of their own."""
    addresses: Any = ()
    is_cut_off = False
    if scope.persons:
        addresses, is_cut_off = _find_addresses(all_words, bool(among), limit)
    branches = []
    for topic in scope.topics:
        within = Q(pk__in={hit.pk for hit in among if hit.topic == topic}) if among else Q()
        for by, rows in _conditions(topic, scope.tests, all_words, addresses):
            branches.append(_as_hits(rows.filter(within), topic, by))
    if not branches:
        return SearchResult()
    first, *others = branches
    # Django 5.2.0 fails at a slice of a union of one
    hit_rows = list((first.union(*others, all=True) if others else first)[: limit + 1])
    hits = dict.fromkeys(Hit(*row) for row in hit_rows[:limit])
    return SearchResult(list(hits), is_cut_off or len(hit_rows) > limit)


def _find_addresses(all_words: list[str], is_narrowed: bool, limit: int) -> tuple[Any, bool]:
    """Return the matching addresses and whether there are more; a subquery if other conditions narrow them down."""
    matching = Address.objects.using(database_alias()).filter(matches_address(all_words))
    if is_narrowed:
        return matching.values("pk"), False
    # The database would collect all matches of a common word, so search the rare words first.
    for word in sorted(all_words, key=len, reverse=True) if len(all_words) > 1 else ():
        candidates, has_more = _find_addresses([word], False, INTERMEDIATE_LIMIT)
        pks = [] if has_more else list(matching.filter(pk__in=candidates).values_list("pk", flat=True))
        if pks or not (has_more or _may_be_name(word)):
            return pks, False
    pks = list(matching.values_list("pk", flat=True)[: limit + 1])
    return pks[:limit], len(pks) > limit


def _as_hits(rows: QuerySet[Any], topic: str, by: str) -> QuerySet[Any]:
    order = F("pk") if rows.model is Order else F("order_id")
    constant = CharField(max_length=32)
    return rows.order_by().values_list(
        "pk", order, "account", "increment_id", Value(topic, constant), Value(by, constant)
    )


def _conditions(topic: str, tests: bool, all_words: list[str], addresses: Any) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Yield a queryset per column of the topic and of its order; several words match addresses only."""
    model = BY_TOPIC[topic].model
    rows = (model.objects.of_account(TEST_ACCOUNT) if tests else model.objects.real()).using(database_alias())
    paths = [""] if model is Order else ["", "order__"]
    if len(all_words) == 1:
        (word,) = all_words
        for path in paths:
            yield NUMBER, rows.filter(matches(f"{path}increment_id", numbers(word)))
            yield PO_NUMBER, rows.filter(matches(f"{path}po_number", [word]))
        yield SKU, rows.filter(matches("items__sku", [word]))
        yield MPN, rows.filter(matches("items__mpn", [word]))
        tracking_number = normalize_tracking_number(word)
        for path in _track_paths(topic) if tracking_number else ():
            yield TRACK, rows.filter(matches(f"{path}__normalized_number", [tracking_number]))
    if isinstance(addresses, QuerySet) or addresses:  # evaluating a subquery here would run it
        for path in paths:
            for name in ADDRESSES:
                if hasattr(Order if path else model, name):
                    yield PERSON, rows.filter(**{f"{path}{name}__in": addresses})


def _track_paths(topic: str) -> tuple[str, ...]:
    if BY_TOPIC[topic].model is Order:
        return ("shipments__tracks", "rmas__tracks")
    return ("tracks",) if BY_TOPIC[topic].has_tracks else ()


def matches(column: str, spellings: Sequence[str]) -> Q:
    """Match the start of the column with any spelling, or the whole column if the first spelling is short."""
    is_short = len(spellings[0]) <= SHORT
    return _any_of(f"{column}__iexact" if is_short else f"{column}__istartswith", spellings)


def starts_with(column: str, spellings: Sequence[str]) -> Q:
    """Match the start of the column with any spelling."""
    return _any_of(f"{column}__istartswith", spellings)


def _any_of(lookup: str, values: Sequence[str]) -> Q:
    return reduce(or_, (Q(**{lookup: value}) for value in in_any_case(values)))


def matches_address(all_words: Sequence[str]) -> Q:
    """Match addresses with all words; at least one word must match an indexed column."""
    indexed = reduce(or_, (_matches_indexed(word, is_whole=len(word) <= SHORT) for word in all_words))
    if len(all_words) == 1:
        return indexed
    each = (_matches_indexed(word, is_whole=False) | _contains(word) for word in all_words)
    return indexed & reduce(and_, each)


def _matches_indexed(word: str, *, is_whole: bool) -> Q:
    """Match the word as e-mail, postcode, surname, second half of it, company, street or telephone number."""
    lookup = matches if is_whole else starts_with
    condition = lookup("email", [word])
    if "@" in word:
        return condition
    if not _may_be_name(word):
        number = telephone(word)
        by_number = (
            _key("telephone_key", number, False) if len(number) >= search_keys.SHORTEST_TELEPHONE else Q(pk__in=[])
        )
        return condition | lookup("postcode", [word, *_with_space(word)]) | by_number
    key = search_keys.normalize(word)
    surname = search_keys.without_particles(key)
    condition |= lookup("last_name", [word, f"van {word}"])
    for column, value in (("surname_key", surname), ("second_surname_key", key), ("street_key", key)):
        condition |= _key(column, value, is_whole)
    return condition


def _key(column: str, value: str, is_whole: bool) -> Q:
    """Match a column of a normalised text by its beginning, or as a whole."""
    if not value:
        return Q(pk__in=[])
    return Q(**{column: value}) if is_whole else key_starts_with(column, value)


def _contains(word: str) -> Q:
    """Match the addresses in which words begin with those of `word`."""
    keys = search_keys.normalize(word).split()
    return reduce(and_, (Q(search__contains=f" {key}") for key in keys)) if keys else Q(pk__in=[])


def _may_be_name(word: str) -> bool:
    return "@" not in word and not any(character.isdecimal() for character in word)


def _with_space(word: str) -> list[str]:
    return [POSTCODE.sub(r"\1 \2", word)] if POSTCODE.fullmatch(word) else []
