"""What is different on a phone: a row of a table is a card with a label for each value, and filters open by a tap."""

import pytest

from stockhub_webhooks import signals
from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP, PHONE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


def test_filters_stand_above_the_list_closed_and_say_which_are_on(visit, filled_shop):
    window = visit(language="nl", size=PHONE)
    page = window.go(PAGES["order-list"]() + "?status=complete")
    line = page.locator(".stockhub-filters > summary")
    assert line.bounding_box()["y"] < page.locator("#result_list").bounding_box()["y"]
    assert "afgerond" in line.inner_text()
    choice = page.locator("#changelist-filter a").first
    assert not choice.is_visible()
    line.click()
    assert choice.is_visible()
    window.check()
    page.set_viewport_size(DESKTOP)
    page.locator(".stockhub-filters").wait_for(state="detached")
    assert choice.is_visible()


def also_heard(**arguments):
    """A second receiver of the same change, whose row has no cell for the change."""


def test_each_value_of_a_card_has_the_heading_of_its_column(visit, filled_shop, hear):
    hear(signals.order_created, also_heard, uid="winkel.boekhouding.boek_bestelling")
    page = visit(size=PHONE).go(PAGES["receivers"]())
    labels = (
        page.get_by_role("row", name="winkel.boekhouding")
        .locator("td")
        .evaluate_all("(cells) => cells.map((cell) => cell.dataset.label)")
    )
    assert labels == ["receiver", "last done", "last failed", "waiting", "given up"]
    first = page.get_by_role("row", name="bevestig_bestelling").locator("td").last
    assert first.get_attribute("data-label") == "nobody heard"
