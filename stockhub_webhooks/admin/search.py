"""What a word finds: numbers, parcels, articles and e-mail addresses, through subqueries that double no row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from operator import and_, or_
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.text import smart_split, unescape_string_literal

from stockhub_webhooks.apply import BY_TOPIC
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Order, Track

# Each word costs a planner dozens of joins, and nobody looks for six things at once.
WORDS_LIMIT = 5
ADDRESSES = ("shipping_address", "billing_address")


def words(text: str) -> list[str]:
    """The words of a search, those in quotes as one; each of them must be found. What is too much is one word."""
    found = [
        unescape_string_literal(word) if word[0] == word[-1] and word[0] in "\"'" and len(word) > 1 else word
        for word in smart_split(text)
    ]
    kept = found[: WORDS_LIMIT - 1]
    return found if len(found) <= WORDS_LIMIT else [*kept, " ".join(found[len(kept) :])]


def all_of(matching: Callable[[str], Q], all_words: list[str]) -> Q:
    """What all of the words find."""
    return reduce(and_, map(matching, all_words), Q())


def holds(word: str, *columns: str) -> Q:
    """The word stands in one of the columns, whatever its case."""
    return reduce(or_, (Q(**{f"{column}__icontains": word}) for column in columns), Q())


def of_document(model: Any, word: str) -> Q:
    """Documents with the word in a number of theirs or their order's, in a parcel's, an article's or an e-mail."""
    columns = ["increment_id", "po_number", *(f"{name}__email" for name in ADDRESSES if hasattr(model, name))]
    if model is not Order:
        columns += ["order__increment_id", "order__po_number", *(f"order__{name}__email" for name in ADDRESSES)]
    items = model._meta.get_field("items")
    wanted = holds(word, *columns) | Q(pk__in=_owners(items.related_model, items.field.name, word, "sku"))
    for path in _ways_to_tracks(model):
        wanted |= Q(pk__in=_owners(Track, path, word, "tracking_number"))
    return wanted


def _ways_to_tracks(model: Any) -> tuple[str, ...]:
    if model is Order:
        return ("shipment__order", "rma__order")
    return (model._meta.get_field("tracks").field.name,) if hasattr(model, "tracks") else ()


def _owners(model: Any, path: str, word: str, column: str) -> Any:
    return model.objects.filter(holds(word, column), **{f"{path}__isnull": False}).values(path)


def of_order(word: str) -> Q:
    """Rows that hang on an order which the word finds."""
    return Q(order__in=Order.objects.filter(of_document(Order, word)).values("pk"))


def of_message(all_words: list[str]) -> Q:
    """Messages with the words in their number, or that speak of a document which all of them find."""
    wanted = all_of(lambda word: holds(word, "increment_id"), all_words)
    for topic, kind in BY_TOPIC.items():
        documents = kind.model.objects.filter(all_of(partial(of_document, kind.model), all_words))
        # not correlated, so that it is looked up once and not for every message
        found = Q(topic=topic, increment_id__in=documents.values("increment_id"))
        if len(conf.accounts()) > 1:
            same = documents.filter(account=OuterRef("account"), increment_id=OuterRef("increment_id"))
            found &= Q(Exists(same))
        wanted |= found
    return wanted
