"""The page "find": one search box for all documents."""

import json

import pytest
from django.urls import reverse

from stockhub_webhooks.models import MentionedNumber, Message, Order, RefusedBody
from stockhub_webhooks.office import search
from stockhub_webhooks.operations import search_index
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
    RefusedBody.objects.all().delete()
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
    assert [len(purchase) for purchase in answer.context["rows"]] == [8, 8]
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


# ---------------------------------------------------------------- messages without a document


@pytest.fixture
def unprocessed(post):
    """A broken message and a refused one about 000100019, which no document has."""
    body = sample("order", increment_id="000100019", po_number="SIM-100019", shipping_address__telephone="0612345678")
    post("order", json.dumps(body)[:-40].encode())
    post("order", body, key="mistyped")
    assert (Message.objects.get().status, RefusedBody.objects.count()) == ("quarantined", 1)


@pytest.mark.parametrize("is_indexed", [False, True], ids=["before the worker read them", "afterwards"])
@pytest.mark.parametrize("text", ["000100019", "100019", "sim-100019", "SIM100", "sim-100019 000100019"])
def test_messages_without_a_document_are_found_by_any_number_in_them(unprocessed, staff, url, text, is_indexed):
    if is_indexed:
        search_index.throttle.reset()
        search_index.index_due()
        rows = MentionedNumber.objects.all()
        assert {(row.message_id is None, row.refused_body_id is None) for row in rows} == {(True, False), (False, True)}
        search_index.throttle.reset()
        assert search_index.index_due() == 0
    answer = staff.get(url, {"q": text})
    assert len(answer.context["unprocessed"]) == 2
    page = answer.text
    assert reverse("admin:stockhub_webhooks_message_change", args=[Message.objects.get().pk]) in page
    assert reverse("admin:stockhub_webhooks_refusedbody_change", args=[RefusedBody.objects.get().pk]) in page


def test_telephone_number_in_such_a_message_is_found_only_with_the_permission(unprocessed, clerk, url):
    search_index.throttle.reset()
    search_index.index_due()
    without = clerk(*OPENS, "view_message", "view_refusedbody")
    assert not without.get(url, {"q": "0612345678"}).context["unprocessed"]
    assert without.get(url, {"q": "100019"}).context["unprocessed"]


@pytest.mark.parametrize("is_indexed", [False, True], ids=["before the worker read it", "afterwards"])
@pytest.mark.parametrize("written", ["+31 6 1234 5678", "06-12345678"])
@pytest.mark.parametrize("text", ["0612345678", "06 1234 5678", "+31 612345678", "1Z 00BB 0002", "1z00-bb-0002"])
def test_number_of_such_a_message_is_found_however_it_is_spelt(post, staff, url, written, text, is_indexed):
    numbers = {"shipping_address__telephone": written, "track__tracking_number": "1Z00 BB000 2"}
    post("shipment", sample("shipment", **numbers), key="mistyped")
    if is_indexed:
        search_index.throttle.reset()
        search_index.index_due()
    assert len(staff.get(url, {"q": text}).context["unprocessed"]) == 1
    assert not staff.get(url, {"q": f"{text}9"}).context["unprocessed"]


def test_such_messages_are_found_only_by_users_who_may_view_them(unprocessed, clerk, url):
    assert len(clerk(*OPENS, "view_message").get(url, {"q": "100019"}).context["unprocessed"]) == 1


@pytest.mark.parametrize("model", ["message", "refusedbody"])
@pytest.mark.parametrize("text", ["SIM-100019", "sim 100019", "000100019", "100019"])
def test_their_own_lists_find_them_by_any_number_too(unprocessed, staff, list_url, model, text):
    assert len(staff.get(list_url(model), {"q": text}).context["cl"].result_list) == 1
    assert not staff.get(list_url(model), {"q": f"{text}9"}).context["cl"].result_list


@pytest.mark.parametrize("model", ["message", "refusedbody"])
def test_their_own_lists_find_no_telephone_number_without_the_permission(unprocessed, staff, clerk, list_url, model):
    query = {"q": "06 1234 5678"}
    assert staff.get(list_url(model), query).context["cl"].result_list
    assert not clerk(f"view_{model}").get(list_url(model), query).context["cl"].result_list


def test_what_was_applied_or_let_in_is_no_longer_among_them(unprocessed, staff, url):
    search_index.throttle.reset()
    search_index.index_due()
    Message.objects.update(status="applied")
    RefusedBody.objects.update(message=Message.objects.get())
    assert not staff.get(url, {"q": "100019"}).context["unprocessed"]


def test_numbers_of_refused_bodies_are_removed_after_the_bodies(unprocessed):
    search_index.throttle.reset()
    search_index.index_due()
    RefusedBody.objects.all().delete()
    search_index.throttle.reset()
    search_index.index_due()
    assert set(MentionedNumber.objects.values_list("refused_body", flat=True)) == {None}


def test_stub_has_the_customer_of_its_newest_document(post, staff, url, list_url, story_url):
    post("shipment", sample("shipment", order_increment_id="9", shipping_address__last_name="Stubbema"))
    order = Order.objects.get()
    assert order.is_stub
    for answer in (staff.get(list_url("order")), staff.get(story_url(order)), staff.get(url, {"q": "9"}, follow=True)):
        assert "Stubbema (says shipment" in answer.text
