"""The question that the office is asked most, from the parcel's number to the task that did not get done."""

import pytest

from stockhub_webhooks import signals
from stockhub_webhooks.models import ReceiverCall
from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP, PHONE
from tests.samples import contract, sample

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]
NUMBER = "3SABCD0012345"
WORDS = {
    "en": {
        "find": "Find in everything",
        "story": "Order story",
        "task": "new shipment",
        "given up": "given up",
        "again": "Try again",
        "done": "done",
    },
    "nl": {
        "find": "Overal zoeken",
        "story": "Verloop van de bestelling",
        "task": "nieuwe zending",
        "given up": "opgegeven",
        "again": "Opnieuw proberen",
        "done": "klaar",
    },
}


@pytest.mark.parametrize(("language", "size"), [("en", DESKTOP), ("nl", PHONE)])
def test_from_a_tracking_number_to_the_task_that_is_done_in_the_end(
    visit, filled_shop, post, hear, settings, language, size
):
    mended = []

    def tell_the_warehouse(*, event, **arguments):
        if event.po_number == "WEB-1" and not mended:
            raise ConnectionError("the warehouse does not answer")

    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 1}
    hear(signals.shipment_created, tell_the_warehouse, uid="winkel.magazijn.meld_zending")
    post("order", sample("order", increment_id="W-1", po_number="WEB-1"))
    track = contract("shipment")["track"] | {"tracking_number": NUMBER}
    shipment = sample("shipment", increment_id="W-2", order_increment_id="W-1", po_number="WEB-1")
    post("shipment", shipment | {"track": track})
    call = ReceiverCall.objects.get(receiver="winkel.magazijn.meld_zending", event__increment_id="W-2")
    assert call.status == "given_up"

    words = WORDS[language]
    window = visit(language=language, size=size)
    page = window.go(PAGES["overview"]())
    page.get_by_role("link", name=words["find"]).click()
    page.locator("#content").get_by_role("searchbox").fill(NUMBER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/story/")  # there is but one
    assert words["story"] in page.title()
    assert NUMBER in page.content()
    window.check("walk-story")
    task = page.get_by_role("row").filter(has_text="winkel.magazijn.meld_zending")
    assert words["given up"] in task.inner_text()
    task.get_by_role("link", name=words["task"]).click()
    mended.append(True)
    at = page.url
    page.get_by_role("button", name=words["again"]).click()
    page.wait_for_url("**/confirm/")
    page.get_by_role("button", name=words["again"]).click()
    page.locator("#stockhub-progress").wait_for()
    window.check("walk-result")
    page.goto(at)
    assert page.locator(".field-status_in_words .readonly").first.inner_text() == words["done"]
    call.refresh_from_db()
    assert call.status == "done"
