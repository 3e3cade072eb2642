"""Somebody corrects a body in a browser, which writes line breaks and zero bytes in its own way."""

import gzip

import pytest

from stockhub_webhooks.models import Message
from tests.browser.pages import page_of
from tests.browser.visit import DESKTOP, PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

BROKEN = (
    b'\n{"increment_id": "000000123" "name": "Smits-M\xfcller \x80", "zero": "\x00", "lines": "a\r\nb\nc\rd",\t'
    b'"e": "caf\\u00e9", "n": 1.50, "n": 1.5, "items": []}'
)


def test_what_is_not_touched_keeps_its_bytes_through_a_browser(visit, post):
    assert post("order", BROKEN).status_code == 406
    window = visit(language="nl", size=DESKTOP)
    page = window.go(page_of(Message)())
    assert "Smits-Müller €" in page.inner_text("pre")
    window.check("body-quarantined")
    page.get_by_role("link", name="verbeteren en opnieuw invoeren").click()
    window.check("body-edit")
    body = page.locator("textarea[name=body]")
    body.fill(body.input_value().replace('"000000123" ', '"000000123", '))
    page.get_by_role("button", name="Invoeren").click()
    page.wait_for_url("**/?entered=*")
    window.check("body-entered")
    again = Message.objects.latest("pk")
    assert bytes(again.body) == BROKEN.replace(b'"000000123" ', b'"000000123", ')
    assert again.outcome == "created"


def test_what_is_no_text_can_be_downloaded(visit, post):
    body = gzip.compress(b'{"increment_id": "000000123"}')[:-9]
    assert post("order", body).status_code == 406
    window = visit(language="nl", size=PHONE)
    page = window.go(page_of(Message)())
    window.check("body-no-text")
    with page.expect_download() as download:
        page.get_by_role("link", name="downloaden").click()
    assert download.value.path().read_bytes() == body
