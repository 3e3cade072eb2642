"""Search of messages that have no document: those that were not applied, and refused ones, by any number in them.

The worker writes their numbers, see `operations.search_index`. The newest ones that it has not read yet are read by the
search itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.contract.telephones import DIGITS, telephone
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.fields import starts_with
from stockhub_webhooks.models import MentionedNumber, Message, RefusedBody
from stockhub_webhooks.models.mentioned_number import unread
from stockhub_webhooks.office import search
from stockhub_webhooks.serializers.mentioned_numbers import key, numbers_in

LIMIT = 50  # rows of each kind that are shown
UNREAD_LIMIT = 50  # bodies that a search reads


@dataclass
class Found:
    """Messages without a document that hold the numbers; `is_cut_off` is True if there are more."""

    messages: list[Message] = field(default_factory=list)
    refused: list[RefusedBody] = field(default_factory=list)
    is_cut_off: bool = False

    @property
    def needs_attention(self) -> bool:
        """True if one of them was not dismissed."""
        return bool(self.refused) or any(each.status != Message.Status.DISMISSED for each in self.messages)


def unapplied() -> QuerySet[Message]:
    """Return the real messages that were not applied."""
    return Message.objects.using(database_alias()).real().exclude(status=Message.Status.APPLIED)


def kept() -> QuerySet[RefusedBody]:
    """Return the refused messages that were not let in."""
    return RefusedBody.objects.using(database_alias()).filter(message=None)


def find(text: str, *, persons: bool, messages: bool = True, refused: bool = True) -> Found:
    """Return the messages without a document in which a number begins with each word of the text.

    If there are none, those in which a number begins with the text without its blanks.

    Args:
        text: the search as the user typed it.
        persons: search by numbers that may be a customer's, too, such as a telephone number.
        messages: search the messages that were not applied.
        refused: search the refused ones.
    """
    words = [word for word in search.words(text.replace("\0", "")) if key(word)]
    found = Found()
    for chosen in (words, ["".join(words)]) if len(words) > 1 else (words,):
        if not chosen or any(len(key(word)) <= search.SHORT for word in chosen):
            continue
        if messages:
            found.messages = _matching(unapplied().defer("headers"), "message", chosen, persons)
        if refused:
            found.refused = _matching(kept().defer("headers"), "refused_body", chosen, persons)
        if found.messages or found.refused:
            break
    found.is_cut_off = len(found.messages) > LIMIT or len(found.refused) > LIMIT
    found.messages, found.refused = found.messages[:LIMIT], found.refused[:LIMIT]
    return found


def _matching(rows: QuerySet[Any], relation: str, words: list[str], persons: bool) -> list[Any]:
    condition = Q()
    for word in words:
        numbers = MentionedNumber.objects.using(database_alias()).filter(
            _begins(word), **{f"{relation}__isnull": False}
        )
        if not persons:
            numbers = numbers.filter(is_personal=False)
        condition &= Q(pk__in=numbers.values(relation))
    found = list(rows.filter(condition).defer("body", "headers").order_by("-pk")[: LIMIT + 1])
    read = [
        row for row in unread(rows.defer(None), relation).order_by("-pk")[:UNREAD_LIMIT] if _holds(row, words, persons)
    ]
    return sorted({row.pk: row for row in [*read, *found]}.values(), key=lambda row: -row.pk)


def _begins(word: str) -> Q:
    condition = Q()
    for spelling in _spellings(word):
        condition |= starts_with("number", spelling)
    return condition


def _spellings(word: str) -> list[str]:
    """Return the spellings of a number in `MentionedNumber`; that of a telephone number if it looks like one."""
    number = telephone(word) if word[0] in "+0(" else ""
    return [*map(key, search.numbers(word)), *([number] if len(number) == DIGITS else [])]


@sensitive_variables()
def _holds(row: Any, words: Iterable[str], persons: bool) -> bool:
    numbers = [
        number for number, personal in numbers_in(bytes(row.body), row.headers).items() if persons or not personal
    ]
    return all(
        any(number.startswith(spelling) for number in numbers for spelling in _spellings(word)) for word in words
    )
