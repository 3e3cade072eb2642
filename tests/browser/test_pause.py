"""A receiver is paused before work on its service, and resumed after it."""

import pytest

from stockhub_webhooks.models import ReceiverState
from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP, PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


@pytest.mark.parametrize(
    ("language", "size", "pause", "resume"),
    [("en", DESKTOP, "Pause …", "Resume"), ("nl", PHONE, "Pauzeren …", "Hervatten")],
)
def test_receiver_is_paused_with_a_reason_and_resumed(visit, filled_shop, language, size, pause, resume):
    window = visit(language=language, size=size)
    page = window.go(PAGES["receivers"]())
    page.locator("button", has_text=pause).first.click()
    page.locator("textarea[name=reason]").fill("the warehouse gets a new server")
    window.check(f"pause-{language}")
    page.locator("#content-main [type=submit], #content [type=submit]").last.click()
    page.get_by_role("button", name=resume).first.wait_for()
    window.check(f"paused-{language}")
    assert ReceiverState.objects.exclude(paused_at=None).get().pause_reason == "the warehouse gets a new server"
    window.go(PAGES["overview"]())
    window.check(f"overview-paused-{language}")
    window.go(PAGES["receivers"]())
    page.get_by_role("row", name="the warehouse gets a new server").get_by_role("button").click()
    page.wait_for_load_state("load")
    window.check()
    assert not ReceiverState.objects.exclude(paused_at=None).exists()
