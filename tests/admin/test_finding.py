"""The page "find": one search box for all documents."""

import pytest
from django.urls import reverse

from stockhub_webhooks.models import Order
from stockhub_webhooks.office import search
from tests.admin.conftest import message_levels
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")

OPENS = [f"view_{name}" for name in ("order", "shipment", "invoice", "rma", "creditmemo", "paymentrequest")]


@pytest.fixture
def url():
    return reverse("admin:stockhub_webhooks_find")


@pytest.fixture
def story_url():
    return lambda order: reverse("admin:stockhub_webhooks_order_story", args=[order.pk])


def test_each_list_of_documents_links_to_the_page(staff, list_url, url):
    assert url in staff.get(list_url("order")).text


def test_single_result_redirects_to_its_story(filled, staff, url, story_url):
    order = Order.objects.get(increment_id="000000701")
    post_number = contract("shipment")["track"]["tracking_number"]
    for text in ("000000701", post_number, post_number.lower()):
        answer = staff.get(url, {"q": text})
        assert (answer.status_code, answer.url) == (302, story_url(order)), text


def test_single_payment_request_without_an_order_redirects_to_its_page(post, staff, url):
    post("order-payment-request", contract("order-payment-request") | {
        "order_increment_id": None, "purchase_order_increment_id": "77"})  # fmt: skip
    assert "/paymentrequest/" in staff.get(url, {"q": "77"}).url


def test_several_results_are_listed_with_the_matching_fields(post, staff, url):
    post("order", sample("order", increment_id="1", po_number="A", shipping_address__last_name="de Vries"))
    post("order", sample("order", increment_id="2", po_number="A"))
    post("order", sample("order", increment_id="3", po_number="B"))
    answer = staff.get(url, {"q": contract("order")["items"][0]["sku"]})
    page = answer.text
    assert [len(purchase) for purchase in answer.context["rows"]] == [5, 5]
    assert page.index(">3</a>") < page.index(">1</a>")
    assert "Order 3 (SKU)" in page
    assert "de Vries" in page
    assert "A" in page


def test_empty_search_and_search_without_results_say_so(staff, url):
    empty, without_results = staff.get(url), staff.get(url, {"q": "zzz"})
    assert empty.context["rows"] == without_results.context["rows"] == []
    assert (len(without_results.text) > len(empty.text), "zzz" in without_results.text) == (True, True)


def test_customers_are_not_found_or_shown_without_the_permission(post, clerk, url):
    for number in ("1", "2"):
        post("order", sample("order", increment_id=number, po_number=number, shipping_address__last_name="Geheim"))
    http = clerk(*OPENS)
    assert http.get(url, {"q": "geheim"}).context["rows"] == []
    page = http.get(url, {"q": contract("order")["items"][0]["sku"]}).text
    assert "Order 1 (SKU)" in page
    assert "Geheim" not in page
    assert "surname" not in page


def test_only_documents_that_the_user_may_view_are_found(filled, clerk, url, story_url):
    order = Order.objects.get(increment_id="000000701")
    http = clerk("view_order")
    assert http.get(url, {"q": "1Z00AA000000000001"}).url == story_url(order)
    assert http.get(url, {"q": "000000412"}).context["rows"] == []


def test_page_needs_the_permission_to_view_orders(clerk, url):
    assert clerk("view_message").get(url).status_code == 403


def test_search_with_too_many_results_says_so(filled, staff, url, monkeypatch):
    monkeypatch.setattr(search, "LIMIT", 2)
    assert message_levels(staff.get(url, {"q": "0000"})) == ["warning"]
