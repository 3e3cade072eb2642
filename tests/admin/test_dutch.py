"""A Dutch office reads Dutch: all pages of the admin, with a filled shop."""

import re
from html import unescape
from pathlib import Path

import polib
import pytest
from django.utils import timezone

from stockhub_webhooks.exceptions import RetryLater
from stockhub_webhooks.models import Alarm, Message, Note, ReceiverCall
from stockhub_webhooks.operations.health import rules
from tests.security.pages import all_pages
from tests.test_locale import CATALOGUE

pytestmark = pytest.mark.django_db(databases="__all__")

# Words that no Dutch sentence has, and codes that the office never reads.
WORDS = (
    "the", "and", "with", "this", "that", "not", "has", "have", "been", "could", "should", "asked", "again",
    "seconds", "minutes", "unknown", "refused", "rejected", "shipment", "shipments", "invoice", "invoices", "refund",
    "refunds", "received", "needs", "waiting", "failed", "no_reason", "purchaseorder",
    "given_up", "quarantined", "refusals",
)  # fmt: skip
# Content of others: bodies and tracebacks, names of code, what the test's receivers raise.
FOREIGN = re.compile(
    r'<(pre|code|script|style|title|textarea)\b.*?</\1>|<span class="stockhub-quiet">.*?</span>|the stock system|'
    r"\w+(?:\.\w+)+",
    re.DOTALL,
)
SHOPS = {"receivers"}  # a usual name of a module of the shop
SHORTEST = 8  # characters of an English text that is looked for


def dutch_text(page):
    """Return the visible text of a page, with what a screen reader says, without the content of others."""
    main = page.partition('id="content-main"')[2] or page.partition('id="content"')[2]
    said = " ".join(re.findall(r'(?:aria-label|alt|placeholder|title)="([^"]*)"', main))
    text = re.sub(r"<[^>]+>", " ", FOREIGN.sub(" ", main.partition("<footer")[0]))
    return re.sub(r"\s+", " ", unescape(f"{text} {FOREIGN.sub(' ', said)}"))


def english_texts():
    """Return the texts of the app that are others in Dutch, without those with placeholders."""
    for entry in polib.pofile(f"{CATALOGUE}.po"):
        dutch = entry.msgstr or entry.msgstr_plural[0]
        if (
            len(entry.msgid) >= SHORTEST
            and "%" not in entry.msgid
            and entry.msgid not in SHOPS
            and entry.msgid.lower() not in dutch.lower()
        ):
            yield entry.msgid


@pytest.fixture
def worst(filled):
    """A filled shop in which everything that can be said in English is said."""
    errors = [
        str(RetryLater(60, "the shop has no such order yet")),
        str(RetryLater(3600, "HOST_ORDER_RESOLVER is not set")),
        "the shop has no such order yet, 7200 seconds after the message came in",
        "the process that made the call died each time",
    ]
    for call, error in zip(ReceiverCall.objects.order_by("pk"), errors, strict=False):
        ReceiverCall.objects.filter(pk=call.pk).update(status="given_up", last_error=error, cause="died")
    reasons = [
        "not_json: Unterminated string starting at at line 3 column 5", "not_json: the body is nested too deep",
        "not_an_object: the body is a list", "not_json: byte 7 is not utf-8",
        "no_identifier: the body has no number of its rma (increment_id)",
        "not_json: Expecting value at line 1 column 2", "too_many_documents: more than 1000",
        "no_topic: the fields of the body fit no topic, or more than one",
        "no_identifier: the body has no order_increment_id", "not_json: the gzip compression of the body is damaged",
    ]  # fmt: skip
    for message, error in zip(Message.objects.order_by("-pk"), reasons, strict=False):
        Message.objects.filter(pk=message.pk).update(status="quarantined", outcome="", error=error, cause=error)
    Note.objects.update(text="vervoerder gebeld")  # a colleague wrote it
    codes = re.findall(r'Problem\(\s*"(\w+)"', "".join(map(Path.read_text, Path(rules.__file__).parent.glob("*.py"))))
    for code in {*codes, "backlog", "no_worker", "paused", "breaker"} - {"quarantined"}:
        Alarm.objects.create(name=code, since=timezone.now())


def test_no_page_has_english_for_a_dutch_office(worst, staff):
    texts = sorted(english_texts(), key=len, reverse=True)
    assert len(texts) > 400
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in (*texts, *WORDS)))
    found = {}
    pages = list(all_pages())
    assert len(pages) > 60
    for url in pages:
        answer = staff.get(url, headers={"accept-language": "nl"})
        is_page = answer.status_code == 200 and not answer.streaming and "html" in answer["Content-Type"]
        if english := set(pattern.findall(dutch_text(answer.text))) if is_page else set():
            found[url] = english
    assert found == {}


def test_months_are_in_lower_case(worst, staff):
    page = staff.get("/admin/stockhub_webhooks/", headers={"accept-language": "nl"}).text
    months = ["Jan", "Feb", "Mrt", "Apr", "Mei", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dec"]
    assert not re.search(rf"\d (?:{'|'.join(months)})\b", page)
