"""Somebody finds the orders that the shop does not have, and tells the shop what it missed."""

import pytest

from stockhub_webhooks.models import HostLink, ReceiverCall, Replay
from tests.browser.conftest import IN_THE_SHOP
from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP, PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


def test_from_the_overview_to_the_rows_that_are_looked_for_again(visit, filled_shop):
    window = visit(language="nl", size=PHONE)
    page = window.go(PAGES["overview"]())
    absent = HostLink.objects.real().absent().count()
    page.get_by_role("link", name=f"{absent} bestellingen zijn niet gevonden in onze winkel.").click()
    page.wait_for_url("**/hostlink/")
    assert page.locator("#result_list tbody tr").count() == absent
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("look_again")
    page.get_by_role("button", name="Uitvoeren").click()
    page.wait_for_url("**/confirm/")
    window.check("hostlink-look")
    page.locator(".submit-row input[type=submit]").click()
    page.get_by_text(f"{absent} van {absent}").wait_for()
    window.check("hostlink-looked")


def test_what_was_missed_is_shown_told_and_can_be_followed(visit, filled_shop):
    row = HostLink.objects.found_later().get()
    assert row.document.po_number in IN_THE_SHOP
    window = visit(language="en", size=DESKTOP)
    page = window.go(PAGES["hostlink-list"]() + "?found=later")
    page.get_by_role("link", name=row.document.increment_id).click()
    page.get_by_role("button", name="Tell our shop what it missed").click()
    page.get_by_role("heading", name="What would happen").wait_for()
    window.check("hostlink-tell")
    page.get_by_label("Reason").fill("our shop has it now")
    page.get_by_role("button", name="Do it").click()
    page.wait_for_url("**/replay/*/change/")
    assert Replay.objects.latest("pk").owed >= 1  # a call whose service is away may wait anyway
    assert not ReceiverCall.objects.filter(order=row.order, is_replay=True).exists()  # all had been told before
