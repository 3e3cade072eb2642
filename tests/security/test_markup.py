"""Markup in any text of any row: every page shows it, and none obeys it.

Goes by the models and the admin's registry, so that a new field or page is covered without a word here.
"""

import html
import json
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.db import models
from django.template import Context, Template
from django.test import override_settings
from django.urls import reverse

from stockhub_webhooks.models import Event, Message, ReceiverCall, Shipment
from tests.conftest import KEY, PREFIX
from tests.samples import ALPHABETICAL, contract
from tests.security.pages import admins, all_pages

pytestmark = pytest.mark.django_db(databases="__all__")

SHORT = "<x-e>'\"&"  # fits the narrowest column, together with a number
LONG = "'\"></pre></td></script><x-e onerror=alert(1)><script>alert(1)</script>{{7*7}}{% now %}"
OURS = {("event", "type"), ("replay", "choice")}  # our own codes, by which a row is read
ADDRESSES = [
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    " java\tscript:alert(1)",
    "//evil.example",
]


class Reader(HTMLParser):
    """Parser of a page: elements, attributes and text, as a browser sees them."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.links, self.handlers = set(), [], []
        self.inside, self.scripts = "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.inside = tag
        self.handlers += [name for name, _value in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")]

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)


def texts(model):
    """Return the fields of a model with text from outside, or JSON."""
    for field in model._meta.concrete_fields:
        text = isinstance(field, (models.CharField, models.TextField, models.JSONField, models.BinaryField))
        if text and not field.choices and not field.primary_key and (model._meta.model_name, field.name) not in OURS:
            yield field


def hostile(field, row):
    """Return markup that fits a field; different for each row, since some fields are unique."""
    if isinstance(field, models.BinaryField):
        return json.dumps({LONG: LONG, "x": [LONG]}).encode()
    if isinstance(field, models.JSONField):
        return as_json(getattr(row, field.attname))
    length = getattr(field, "max_length", None) or 1000
    return f"{row.pk}{LONG}" if length > len(LONG) + 6 else f"{row.pk}{SHORT}"[:length]


def as_json(value):
    """Return a value of the same shape with markup in it."""
    if isinstance(value, dict):
        return {name: as_json(part) for name, part in value.items()} | {LONG: [LONG, {LONG: LONG}]}
    if isinstance(value, list):
        return [as_json(part) for part in value] or [{"path": LONG, "code": LONG, "detail": LONG}]
    return LONG


@pytest.fixture
def infected(filled):
    """Fill the admin, with markup in every text."""
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        for row in model._base_manager.all():
            for field in texts(model):
                setattr(row, field.attname, hostile(field, row))
            row.save()


def pages():
    """Return all pages, with and without a search for markup."""
    return all_pages(LONG, SHORT)


def is_download(answer):
    """Return True if a browser saves the answer and never shows it."""
    if not answer.get("content-disposition", "").startswith("attachment"):
        return False
    assert answer["content-type"] == "application/octet-stream"
    assert answer["x-content-type-options"] == "nosniff"
    return True


def assert_harmless(page):
    found = Reader(page)
    assert "x-e" not in found.elements
    assert not found.handlers
    assert not [
        link for link in found.links if link.strip().lower().startswith(("javascript", "data:", "//", "java\t"))
    ]
    assert not [script for script in found.scripts if "alert" in script]
    assert "49" + "{% now %}" not in page


def test_no_page_renders_markup_from_a_row(infected, staff):
    shown = 0
    for address in pages():
        answer = staff.get(address)
        assert answer.status_code in (200, 302, 405), address  # some only take a form, or lead on if nothing is to ask
        if is_download(answer):
            continue
        assert_harmless(answer.text)
        shown += html.escape(LONG) in answer.text or html.escape(SHORT) in answer.text
    assert shown > 20  # it was there to be seen


def test_no_page_of_a_broken_message_or_call_renders_markup(infected, staff):
    keys = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    for status, some in (("quarantined", keys[::2]), ("failed", keys[1::2])):
        assert Message.objects.filter(pk__in=some).update(status=status, source="hand", topic="order")
    Event.objects.update(type="order.created")
    ReceiverCall.objects.update(status="given_up")
    for address in pages():
        answer = staff.get(address)
        assert answer.status_code in (200, 302, 405), address  # some only take a form, or lead on if nothing is to ask
        if is_download(answer):
            continue
        assert_harmless(answer.text)


@pytest.mark.parametrize("address", ADDRESSES)
def test_tracking_url_is_a_link_only_if_it_is_http(post, staff, address, page_url):
    for topic in ("shipment", "rma"):
        body = contract(topic)
        body["track"] = {"tracking_number": "T-1", "carrier": LONG, "method": LONG, "tracking_url": address}
        assert post(topic, body).status_code == 200
    for each in admins():
        for row in each.model._base_manager.all():
            assert_harmless(staff.get(page_url(row)).text)


def infect(value):
    """Return the same body with markup in every text."""
    if isinstance(value, dict):
        return {name: infect(part) for name, part in value.items()} | {LONG: LONG}
    if isinstance(value, list):
        return [infect(part) for part in value]
    return f"{LONG}{value}" if isinstance(value, str) else value


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {f"one {SHORT}": KEY, LONG[:60]: "another-key-0123456789"}})
def test_markup_in_a_body_a_header_or_an_account_name_is_escaped(post, staff):
    """Post all topics, then open all pages once."""
    post("any", {LONG: LONG})
    post("order", b"<x-e>")
    for topic in ALPHABETICAL:
        body = infect(contract(topic))
        numbers = ("increment_id", "order_increment_id", "purchase_order_increment_id")
        identified = {name: SHORT for name in numbers if name in body}
        post(topic, body, headers={"user-agent": LONG, "x-version": LONG, "x-request-id": LONG})
        assert post(topic, body | identified).status_code == 200
        assert post(topic, key="another-key-0123456789").status_code == 200
        post(topic, body | identified, key=LONG, REMOTE_ADDR=SHORT)
    for address in pages():
        answer = staff.get(address)
        if not is_download(answer):
            assert_harmless(answer.text)


def test_text_in_the_entry_form_is_escaped(staff, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    enter = reverse("admin:stockhub_webhooks_message_enter")
    for body in (LONG, f"</textarea>{LONG}", json.dumps({LONG: LONG})):
        for topic in ("", "order", LONG):
            assert_harmless(staff.post(enter, {"body": body, "topic": topic}).text)
    for name in ("mend", "entered"):
        assert staff.get(enter, {name: LONG}).status_code == 200


def test_page_for_customers_renders_no_markup_from_a_row(post):
    track = {"tracking_number": SHORT, "carrier": LONG, "method": LONG, "tracking_url": "javascript:alert(1)"}
    post("shipment", contract("shipment") | {"track": track, "status": LONG, "po_number": "REF"})
    order = Shipment.objects.get().order
    page = Template("{% load stockhub %}{% stockhub_tracking order %}").render(Context({"order": order}))
    assert html.escape(SHORT) in page
    assert_harmless(page)


def test_answers_are_json_and_not_sniffed_as_html(infected, client, post, staff):
    answers = [
        post("order", b"<script>alert(1)</script>"),
        post("order", {LONG: LONG}),
        post("order"),
        post("order", key=LONG),
        client.get(PREFIX + "order"),
        client.get(PREFIX + "health"),
        client.get(PREFIX + "health", headers={"x-api-key": KEY}),
        staff.get(PREFIX + "health", headers={"accept": "text/html"}),
    ]
    for answer in answers:
        assert answer["content-type"] in ("application/json", "application/problem+json")
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["cache-control"] == "private, no-store"
        answer.json()
