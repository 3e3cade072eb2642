"""Lists and pages of documents, with links to related rows."""

import pytest

from stockhub_webhooks.admin import labels
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import RMA, CreditMemo, Invoice, Order, Shipment
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")

DUTCH = {"headers": {"accept-language": "nl"}}


def test_stub_is_marked_in_list_and_page(post, staff, list_url, page_url):
    post("shipment")
    stub = Order.objects.get()
    for address in (list_url("order"), page_url(stub), page_url(Shipment.objects.get())):
        assert "order not received yet" in staff.get(address).text
        assert "bestelling nog niet ontvangen" in staff.get(address, **DUTCH).text
    assert 'class="field-status_in_words">order not received yet<' in staff.get(list_url("order")).text


def test_filter_selects_stubs(post, staff, list_url):
    post("order")
    post("shipment", sample("shipment", order_increment_id="9"))

    def found(**chosen):
        return {order.increment_id for order in staff.get(list_url("order"), chosen).context["cl"].queryset}

    assert found() == {"000000701", "9"}
    assert found(received="no") == {"9"}
    assert found(received="yes") == {"000000701"}


def test_filter_selects_statuses_by_label_and_all_unknown_ones_together(post, staff, list_url):
    for number, status in enumerate(("complete", "brand_new", None)):
        post("order", sample("order", increment_id=str(number), status=status))

    def found(status):
        return [order.increment_id for order in staff.get(list_url("order"), {"status": status}).context["cl"].queryset]

    assert found("complete") == ["0"]
    assert found("~other") == ["1"]
    page = staff.get(list_url("order")).text
    assert "brand_new" in page
    assert str(statuses.ORDER["pending_payment"]) in page


def test_amounts_have_their_currency_and_the_format_of_the_language(post, staff, page_url):
    post("order", sample("order", grand_total=12345.5, shipping_price=0.1234, currency="EUR"))
    order = Order.objects.get()
    english, dutch = staff.get(page_url(order)).text, staff.get(page_url(order), **DUTCH).text
    assert "€\u00a012,345.50" in english
    assert "€\u00a012.345,50" in dutch
    assert "€\u00a00,1234" in dutch


def test_order_shows_articles_addresses_and_its_documents(filled, staff, page_url):
    order = Order.objects.get(increment_id="000000701")
    page = staff.get(page_url(order)).text
    for text in ("wsnl100-0123456789abcdef01234567", "Voorbeeldmerk", "Voorbeeldlaan 7", "1234AB Teststad",
                 "piet.testman@example.com", "+31600000001"):  # fmt: skip
        assert text in page
    for rows in (order.shipments, order.rmas, order.invoices, order.credit_memos, order.payment_requests):
        for row in rows.all():
            assert page_url(row) in page
    for rows in (order.events, order.receiver_calls):
        for row in rows.order_by("-pk")[:20]:
            assert page_url(row) in page


def test_every_document_links_to_its_messages_events_and_tasks(filled, staff, page_url):
    for model in (Shipment, Invoice, RMA, CreditMemo):
        for document in model.objects.all():
            page = staff.get(page_url(document)).text
            assert "/stockhub_webhooks/message/" in page
            assert "/stockhub_webhooks/event/" in page
            assert "/stockhub_webhooks/receivercall/" in page
            assert page_url(document.order) in page


def test_equal_numbers_of_two_topics_are_kept_apart(post, staff, page_url):
    post("invoice", contract("invoice") | {"increment_id": "5"})
    post("creditmemo", contract("creditmemo") | {"increment_id": "5"})
    invoice = Invoice.objects.get()
    page = staff.get(page_url(invoice)).text
    assert str(labels.EVENTS["invoice.created"]) in page
    assert str(labels.EVENTS["credit_memo.created"]) not in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("order", ["000000701", "1Z00AA000000000001", "1Z00BB", "wsnl100", "piet.testman@example.com", "RESELLER_REF"]),
        ("shipment", ["000000412", "000000701", "412 wsnl100", "1Z00AA000000000001", "PIET.TESTMAN"]),
        ("rma", ["000000118", "000000701", "1Z00BB", "wsnl100", "piet.testman@example.com"]),
        ("invoice", ["000000403", "wsnl100", "piet.testman@example.com", "RESELLER_REF"]),
        ("creditmemo", ["000000085", "wsnl100", "RESELLER_REF"]),
        ("paymentrequest", ["wsnl100", "piet.testman@example.com"]),
    ],
)
def test_search_finds_a_document_once_by_every_known_value(filled, staff, list_url, name, words):
    for word in words:
        found = [row.pk for row in staff.get(list_url(name), {"q": word}).context["cl"].queryset]
        assert found, word
        assert len(found) == len(set(found))
    assert not staff.get(list_url(name), {"q": "000000701 nothing"}).context["cl"].result_count


def test_search_finds_no_shipment_by_the_tracking_number_of_a_return(post, staff, list_url):
    post("shipment")
    post("rma")
    shipment_track, rma_track = "1Z00AA000000000001", contract("rma")["track"]["tracking_number"]
    assert not staff.get(list_url("shipment"), {"q": rma_track}).context["cl"].result_count
    assert not staff.get(list_url("rma"), {"q": shipment_track}).context["cl"].result_count


def test_only_parcels_are_called_delivered_in_dutch(filled, staff, page_url):
    shipment = Shipment.objects.get()
    assert "bezorgd" in staff.get(page_url(shipment), **DUTCH).text
    for model in (Invoice, RMA, CreditMemo):
        assert "bezorgd" not in staff.get(page_url(model.objects.first()), **DUTCH).text
