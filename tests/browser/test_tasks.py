"""Ten tasks of an office, each done from the overview with five clicks at most, by somebody who has the ready group."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.models import RMA, HostLink, Note, Order, ReceiverCall, RefusedBody, RMAItem
from stockhub_webhooks.office.export import periods
from stockhub_webhooks.office.groups import make_groups
from stockhub_webhooks.testing import factories as make
from tests.browser.pages import PAGES
from tests.browser.visit import DESKTOP
from tests.samples import contract, sample

pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]
MAX_CLICKS = 5
NUMBER = "3SABCD0012345"


class Walk:
    """Somebody at a browser who begins at the overview, and whose clicks are counted; Enter is one, too."""

    def __init__(self, window):
        self.window, self.clicks = window, 0
        self.page = window.go(PAGES["overview"]())

    def click(self, role, name, *, within=""):
        self._count()
        found = self.page.get_by_role(role, name=name)
        (found.locator(within) if within else found).first.click()

    def choose(self, label, option):
        self._count()
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def find(self, text):
        """Search in everything."""
        self.click("link", "Overal zoeken")
        self.page.locator("#content-main").get_by_role("searchbox").fill(text)
        self._count()
        self.page.keyboard.press("Enter")

    def _count(self):
        self.clicks += 1
        assert self.clicks <= MAX_CLICKS

    def sees(self, *texts):
        """Wait for each text in the page."""
        for text in texts:
            self.page.locator("#content").get_by_text(text).first.wait_for()
        assert not self.window.problems


@pytest.fixture
def user(db, django_user_model):
    """Somebody of the staff without a permission."""
    return django_user_model.objects.create_user("clerk", password="secret", is_staff=True)


@pytest.fixture
def begin(visit, user, settings):
    """Open the overview as a member of a group."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}
    make_groups()

    def begin(group="office"):
        user.groups.add(Group.objects.get(name=f"Stock Hub: {group}"))
        return Walk(visit(language="nl", size=DESKTOP))

    return begin


def test_where_is_this_parcel(begin, post):
    post("order", sample("order", increment_id="W-1", po_number="WEB-1"))
    shipment = sample("shipment", increment_id="W-2", order_increment_id="W-1", po_number="WEB-1", status="IN_TRANSIT")
    post("shipment", shipment | {"track": contract("shipment")["track"] | {"tracking_number": NUMBER}})
    walk = begin()
    walk.find(NUMBER)
    walk.page.wait_for_url("**/story/")
    parcel = walk.page.get_by_role("row").filter(has_text=NUMBER)
    parcel.filter(has_text="onderweg").wait_for()


def resolve(po_number, order):
    """A shop that has no order."""


def test_why_is_this_order_not_in_our_shop(begin, post, settings):
    post("order", sample("order", increment_id="W-1", po_number="WEB-1"))
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.resolve"}
    host_orders.look_up_due()
    HostLink.objects.update(due_at=timezone.now())
    host_orders.look_up_due()
    walk = begin()
    walk.click("link", "1 bestelling is niet gevonden in onze winkel.")
    walk.page.wait_for_url("**/hostlink/")
    assert "WEB-1" in walk.page.get_by_role("row").last.inner_text()
    walk.click("link", "Verloop")
    walk.sees(re.compile("Niet gevonden in onze winkel"))


def test_let_in_what_a_wrong_key_refused(begin, post):
    post("order", sample("order", increment_id="W-1"), key="mistyped")
    walk = begin()
    walk.click("link", re.compile("geweigerd.*verwijderd"))
    walk.click("link", "Bekijken en toelaten …")
    walk.page.get_by_label("Reden").fill("de sleutel was verkeerd ingesteld")
    walk.click("button", "1 bericht toelaten")
    walk.sees("1 van 1")
    assert RefusedBody.objects.get().message.outcome == "created"
    assert Order.objects.get().increment_id == "W-1"


def test_correct_a_broken_message_and_enter_it(begin, post):
    assert post("order", b'{"increment_id": "W-1" "items": []}').status_code == 406
    walk = begin()
    walk.click("link", re.compile("1 bericht nakijken"))
    walk.page.locator("#result_list").wait_for()
    walk.click("link", re.compile(r"\d\d-\d\d-\d{4}"))
    walk.click("link", "Verbeteren en opnieuw invoeren")
    body = walk.page.locator("textarea[name=body]")
    body.fill(body.input_value().replace('"W-1"', '"W-1",'))
    walk.click("button", "Invoeren")
    walk.page.wait_for_url("**/?entered=*")
    assert Order.objects.get().increment_id == "W-1"
    walk.page.goto(PAGES["overview"]())
    walk.sees("Niets vraagt uw aandacht.")


def test_retry_one_cause_in_seven_receivers_and_see_the_result(begin, post, hear, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 1}
    is_mended = []

    def fail(**arguments):
        if not is_mended:
            raise ConnectionError("the warehouse does not answer")

    for number in range(7):
        hear(signals.order_created, fail, uid=f"winkel.ontvanger_{number}")
    post("order")
    assert ReceiverCall.objects.filter(status="given_up").count() == 7
    walk = begin()
    walk.click("link", "7 taken voor onze winkel zijn opgegeven.")
    is_mended.append(True)
    walk.page.get_by_role("group", name="Meerdere tegelijk").wait_for()
    walk.click("button", "Opnieuw proberen")
    walk.page.wait_for_url("**/confirm/*")
    walk.click("button", "Opnieuw proberen")
    walk.sees("7 van 7")
    assert re.search(r"Gelukt\s*7\b", walk.page.locator("#stockhub-progress").inner_text(), re.IGNORECASE)


def planted(rule, fact, days, **document):
    """A row of the worklists."""
    since = timezone.now() - timedelta(days=days)
    return make.WorklistRowFactory(
        order__po_number="WEB-1", rule=rule, since=since, detail=[{"code": fact, "pieces": 2, "of": 3}], **document
    )


def test_which_returns_wait_for_a_refund(begin):
    rma = make.RMAFactory()
    planted("return_not_credited", "not_credited", 20, kind="rma", number=rma.increment_id, subject_id=rma.pk)
    walk = begin()
    walk.click("link", "Teruggestuurd en niet gecrediteerd: 1")
    row = walk.page.locator("#result_list").get_by_role("row").last.inner_text()
    assert rma.increment_id in row
    assert re.search(r"\b20\b", row)


def test_what_does_not_proceed_and_what_to_ask_winkelstraat(begin):
    planted("not_sent", "not_sent", 5)
    walk = begin()
    walk.click("link", re.compile("^Niet verzonden: 1"))
    walk.click("row", re.compile("WEB-1"), within=".field-ask summary")
    question = walk.page.locator(".field-ask textarea")
    assert "WEB-1" in question.input_value()
    walk.click("button", "Kopiëren")
    walk.page.get_by_role("status").filter(has_text=re.compile(r"\w")).wait_for()


def test_the_credit_notes_of_last_quarter_as_a_bookkeeper(begin):
    quarter = periods.last_quarter(periods.today())
    make.CreditMemoFactory(increment_id="CM-IN", created_at=quarter.bounds()[0] + timedelta(days=9))
    make.CreditMemoFactory(increment_id="CM-BEFORE", created_at=quarter.bounds()[0] - timedelta(days=9))
    walk = begin("bookkeeper")
    walk.click("link", "Exporteren")
    walk.choose("Wat:", "Creditnota's")
    walk.click("button", "Vorig kwartaal")
    with walk.page.expect_download() as download:
        walk.click("button", "Downloaden als CSV-bestand (.csv)")
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert "CM-IN" in text
    assert "CM-BEFORE" not in text
    assert download.value.suggested_filename.startswith("creditnota")


def test_note_a_call_with_the_carrier(begin, post):
    post("order", sample("order", increment_id="W-1", po_number="WEB-1"))
    walk = begin()
    walk.find("WEB-1")
    walk.page.get_by_label("Notitie").fill("PostNL gebeld, schadenummer 123")
    walk.click("button", "Notitie plaatsen")
    walk.sees("PostNL gebeld, schadenummer 123")
    assert Note.objects.get().written_by == "clerk"


def test_the_return_rate_by_brand_last_month(begin):
    month = periods.last_month(periods.today())
    order = make.OrderFactory(created_at=month.bounds()[0] + timedelta(days=1))
    order.items.all().delete()
    make.OrderItemFactory(order=order, sku="B-1", manufacturer="Brax", qty_ordered=8)
    rma = make.RMAFactory(order=order)
    RMAItem.objects.filter(rma=rma).update(sku="B-1", manufacturer="Brax", qty_requested=2, qty_approved=2)
    assert RMA.objects.get().items.count() == 1
    walk = begin()
    walk.click("link", "Cijfers")
    assert "25" in walk.page.get_by_role("row").filter(has_text="Brax").inner_text()
