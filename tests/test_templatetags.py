"""The template tag for the shop's customers."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.utils import translation

from stockhub_webhooks.models import Order
from tests.samples import sample

pytestmark = pytest.mark.django_db


def shown(order):
    page = Template("{% load stockhub %}{% stockhub_tracking order %}").render(Context({"order": order}))
    return " ".join(page.split())


class WithAttribute:
    stockhub_po_number = "RESELLER_REF"


class WithMethod:
    def stockhub_po_number(self):
        return "RESELLER_REF"


class OfShop:
    pk = 204
    number = "RESELLER_REF"

    def reference(self):
        return self.number


@pytest.fixture
def number_is(settings):
    """Return a function that sets `HOST_ORDER_NUMBER`."""

    def set_to(name):
        settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "HOST_ORDER_NUMBER": name}

    return set_to


def test_each_way_to_name_the_order_shows_its_parcels(post, number_is):
    post("order")
    post("shipment")
    order = Order.objects.get()
    pages = {shown(named) for named in ("RESELLER_REF", order, WithAttribute(), WithMethod())}
    for name in ("number", "reference"):
        number_is(name)
        pages.add(shown(OfShop()))
    assert len(pages) == 1
    (page,) = pages
    assert "UPS 1Z00AA000000000001</a>" in page
    assert 'href="https://tracking.example.com/track/request?loc=nl_NL&amp;tracknum=1Z00AA000000000001"' in page
    assert "in transit" in page


def test_it_speaks_the_customers_language(post):
    post("shipment", sample("shipment", status="DELIVERED", delivered_at="2024-04-19 10:00:00"))
    with translation.override("nl"):
        assert "bezorgd" in shown("RESELLER_REF")
        assert "19 april 2024 12:00" in shown("RESELLER_REF")


@pytest.mark.parametrize(
    ("collected_at", "said"), [(None, "ready for the carrier"), ("2024-04-18 10:00:00", "in transit")]
)
def test_customer_is_not_sent_to_the_shop_for_a_parcel_that_waits_for_the_carrier(post, collected_at, said):
    post("shipment", sample("shipment", status="READY_FOR_PICKUP", collected_at=collected_at, delivered_at=None))
    assert said in shown("RESELLER_REF")


@pytest.mark.parametrize("name", ["", "no_such_attribute"])
def test_order_whose_number_is_not_known_shows_nothing(post, number_is, name, caplog):
    number_is(name)
    post("shipment", sample("shipment", po_number="204"))  # another customer's
    for order in (None, "", object(), OfShop()):
        assert shown(order) == ""
    assert "OfShop" in caplog.text
    assert "HOST_ORDER_NUMBER" in caplog.text


def test_without_parcels_it_says_so(post):
    post("shipment")
    assert "There is no parcel on its way yet." in shown("another")


def test_it_links_only_to_http_and_escapes(post):
    track = {"tracking_number": "<b>1</b>", "carrier": "<i>", "tracking_url": "javascript:alert(1)"}
    post("shipment", sample("shipment", track=track))
    page = shown("RESELLER_REF")
    assert "javascript:" not in page
    assert "<b>" not in page
    assert "<i>" not in page.lower()
    assert "&lt;b&gt;1&lt;/b&gt;" in page


def test_it_tells_nothing_but_parcels(post):
    for topic in ("order", "shipment", "creditmemo", "rma"):
        post(topic)
    page = shown("RESELLER_REF")
    for said in ("Testman", "Teststad", "117", "1Z00BB", "complete"):
        assert said not in page


def test_the_template_can_be_replaced(post, settings, tmp_path):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    (tmp_path / "stockhub_webhooks").mkdir()
    (tmp_path / "stockhub_webhooks/tracking.html").write_text(
        "{% for parcel in parcels %}{{ parcel.status }}!{% endfor %}"
    )
    post("shipment")
    assert shown("RESELLER_REF") == "IN_TRANSIT!"


def test_box_is_shown_to_staff_who_may_view_orders_alone(post, rf, django_user_model, number_is):
    number_is("number")
    post("order")
    post("shipment")
    page = Template("{% load stockhub %}{% stockhub_box order %}")
    create = django_user_model.objects.create
    shown_to = []
    for user in (create(username="a", is_superuser=True), create(username="b"), AnonymousUser()):
        request = rf.get("/dashboard/")
        request.user = user
        shown_to.append(page.render(Context({"order": OfShop(), "request": request})))
    assert "1Z00AA000000000001" in shown_to.pop(0)
    assert set(shown_to) == {""}
    assert page.render(Context({"order": OfShop()})) == ""
