"""Conditions on the rows of a list from the text in its search box."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message
from stockhub_webhooks.office import search
from stockhub_webhooks.office.access import may_see_persons

HELP = _("How it begins: Stock Hub number, our order number, tracking number, SKU or MPN")
HELP_WITH_PERSONS = _(
    "How it begins: Stock Hub number, our order number, tracking number, SKU, MPN, surname, e-mail address or postcode"
)


def help_text(request: HttpRequest) -> Any:
    """Return what the user may search for."""
    return HELP_WITH_PERSONS if may_see_persons(request) else HELP


def find(request: HttpRequest, text: str, of_topics: tuple[str, ...] = topics.ALL) -> search.SearchResult:
    """Return the documents that match the text and that the user may view; warn if there are too many."""
    found = search.find(text, of_topics, persons=may_see_persons(request))
    if found.is_cut_off:
        told = _("That finds more than %(limit)d, and not all of them are shown. Type more of it.")
        messages.warning(request, told % {"limit": search.LIMIT}, fail_silently=True)
    return found


def documents(request: HttpRequest, text: str, topic: str) -> Q:
    """Return the rows of one topic that the text finds."""
    return Q(pk__in=find(request, text, (topic,)).pks(topic))


def about(request: HttpRequest, text: str) -> Q:
    """Return the messages that speak of what the text finds, those too that have only its number."""
    spellings = [text.strip(), text.strip().upper(), text.strip().lower()]  # an index answers these
    numbers = {number for spelling in spellings for number in search.numbers(spelling)}
    number = Q(topic__in=(*topics.ALL, ""), increment_id__in=sorted(numbers))
    return find(request, text).messages | number


def told_by(request: HttpRequest, text: str, path: str) -> Q:
    """Rows that hang, by `path`, on such a message."""
    return Q(**{f"{path}__in": Message.objects.filter(find(request, text).messages).values("pk")})


def holds(text: str, *columns: str) -> Q:
    """Each word of the text stands in one of the columns, whatever its case; for small tables only."""
    found = (
        reduce(or_, (Q(**{f"{column}__icontains": word}) for column in columns), Q()) for word in search.words(text)
    )
    return reduce(and_, found, Q())
