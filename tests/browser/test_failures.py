"""Somebody follows a failure from the first page to its end, with the keyboard alone or not."""

import pytest
from django.contrib.admin.models import LogEntry

from stockhub_webhooks.models import ReceiverCall
from tests.browser.pages import PAGES
from tests.browser.visit import PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


def press_until(page, name, key="Tab", most=200):
    """Walk with a key until the link or button of that name has the focus."""
    for _ in range(most):
        page.keyboard.press(key)
        text = page.evaluate("document.activeElement.innerText || document.activeElement.value || ''")
        if text.strip().lower() == name.lower():  # styles may change the case
            return
    raise AssertionError(f"{name!r} is not reached with {key}")


def test_from_the_overview_a_cause_is_given_up_with_a_reason_by_keyboard(visit, filled_shop):
    window = visit(language="en")
    page = window.go(PAGES["overview"]())
    press_until(page, "What failed, by its cause")
    page.keyboard.press("Enter")
    page.wait_for_url("**/failures/")
    press_until(page, "Give up …")
    page.keyboard.press("Enter")
    page.wait_for_url("**/confirm/")
    reason = page.get_by_label("Reason")
    reason.wait_for()
    window.check("give-up")
    reason.focus()
    page.keyboard.type("these returns are settled")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("6 of 6").wait_for()
    assert ReceiverCall.objects.filter(cause=ReceiverCall.BY_HAND).count() == 6
    assert LogEntry.objects.get().change_message == "give up: 6 (these returns are settled)"


def test_in_dutch_on_a_phone_an_attention_line_leads_to_the_tasks_and_a_cause_is_tried_again(visit, filled_shop):
    window = visit(language="nl", size=PHONE)
    page = window.go(PAGES["overview"]())
    page.get_by_role("link", name="6 taken voor onze winkel zijn opgegeven.").click()
    page.wait_for_url("**/failures/#failed-call")
    page.get_by_role("button", name="Opnieuw proberen").first.click()
    page.wait_for_url("**/confirm/*")
    window.check("retry-confirm")
    page.get_by_role("button", name="Opnieuw proberen").click()
    page.get_by_text("6 van 6").wait_for()
    window.check("failures-after")


def test_the_table_below_the_chart_opens_by_keyboard_and_scrolls_in_itself(visit, filled_shop):
    window = visit(language="en", size=PHONE)
    page = window.go(PAGES["overview"]())
    page.get_by_text("The same as a table").focus()
    page.keyboard.press("Enter")
    page.get_by_role("table").first.wait_for()
    assert page.locator("#stockhub-overview tbody tr").count() == 48
    window.check("overview-table")
