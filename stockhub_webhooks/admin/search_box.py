"""Conditions on the rows of a list from the text in its search box."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib import messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Event, Message, RefusedBody
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.models.personal import is_personal
from stockhub_webhooks.office import search, unprocessed
from stockhub_webhooks.office.access import may_see_persons

HELP = _("How it begins: Stock Hub number, our order number, tracking number, SKU or MPN")
HELP_WITH_PERSONS = _(
    "How it begins: Stock Hub number, our order number, tracking number, SKU, MPN, surname, company, street, e-mail "
    "address, telephone number or postcode"
)


def help_text(request: HttpRequest) -> Any:
    """Return what can be searched for; names of customers only if the user may see personal data."""
    return HELP_WITH_PERSONS if may_see_persons(request) else HELP


def find(
    request: HttpRequest, text: str, of_topics: tuple[str, ...] = topics.ALL, *, tests: bool = False
) -> search.SearchResult:
    """Return the real documents, or the tests, that match the text; warn if there are too many."""
    result = search.find(text, of_topics, persons=may_see_persons(request), tests=tests)
    if result.is_cut_off:
        _warn(request)
    return result


def _warn(request: HttpRequest) -> None:
    warning = _("There are more documents than those shown. Type more to narrow it down.")
    messages.warning(request, warning, fail_silently=True)


def find_with_tests(request: HttpRequest, text: str, of_topics: tuple[str, ...] = topics.ALL) -> search.SearchResult:
    """Return the documents that match the text, tests among them; tests take no place of real ones."""
    real, tests = find(request, text, of_topics), find(request, text, of_topics, tests=True)
    return search.SearchResult([*real.hits, *tests.hits], real.is_cut_off)


def documents(request: HttpRequest, text: str, topic: str) -> Q:
    """Return a condition on documents of one topic: the text finds them."""
    return Q(pk__in=find_with_tests(request, text, (topic,)).pks(topic))


def about(request: HttpRequest, text: str) -> Q:
    """Return a condition on messages: the text finds their document, or is a number in a message without one."""
    number = Q(topic__in=(*topics.ALL, ""), increment_id__in=spellings(text))
    return find_with_tests(request, text).messages | number | without_document(request, text, Message)


def without_document(request: HttpRequest, text: str, model: type[Message] | type[RefusedBody]) -> Q:
    """Return a condition on messages that were not applied, or on refused ones: the text is a number in them."""
    is_message = model is Message
    found = unprocessed.find(text, persons=may_see_persons(request), messages=is_message, refused=not is_message)
    if found.is_cut_off:
        _warn(request)
    return Q(pk__in=[row.pk for row in (*found.messages, *found.refused)])


def spellings(text: str) -> list[str]:
    """Return the numbers that a text may stand for, as an index answers them."""
    ways = [text.strip(), text.strip().upper(), text.strip().lower()]
    return sorted({number for way in ways for number in search.numbers(way)})


def related_to_messages(request: HttpRequest, text: str, path: str) -> Q:
    """Return a condition on rows: the text finds the document of their message, which `path` leads to."""
    return Q(**{f"{path}__in": Message.objects.filter(find_with_tests(request, text).messages).values("pk")})


def found_events(request: HttpRequest, text: str) -> QuerySet[Any]:
    """Return the keys of the events whose document the text finds, by their message or, of a deadline, by its number.

    A union, since each half has an index of its own.
    """
    events = Event.objects.using(database_alias()).order_by()
    of_messages = events.filter(related_to_messages(request, text, "message")).values("pk")
    return of_messages.union(events.filter(type=DEADLINE, increment_id__in=spellings(text)).values("pk"))


def holds(request: HttpRequest, model: type[Model], text: str, *columns: str) -> Q:
    """Return a condition: each word is in one of the columns that the user may see, in any case.

    No index helps, so this is for small tables only.
    """
    searched = [column for column in columns if may_see_persons(request) or not is_personal(model, column)]
    by_word = (
        reduce(or_, (Q(**{f"{column}__icontains": word}) for column in searched), Q()) for word in search.words(text)
    )
    return reduce(and_, by_word, Q())
