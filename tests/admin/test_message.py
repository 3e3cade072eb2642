"""List and pages of messages: body, notes, errors, and processing again."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from stockhub_webhooks.admin import labels
from stockhub_webhooks.models import BulkRequest, Event, Message, Order, Replay, Shipment
from tests.samples import sample

REQUEST_URL = reverse("admin:stockhub_webhooks_replay_request")
pytestmark = pytest.mark.django_db(databases="__all__")


def test_unreadable_bytes_are_escaped_and_the_reason_is_in_words(filled, staff, page_url):
    message = Message.objects.filter(status="quarantined").first()
    page = staff.get(page_url(message)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert str(labels.REASONS["not_json"]) in page
    assert str(Message.Status.QUARANTINED.label) in page


def test_notes_are_shown_in_words_with_their_path(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    assert str(labels.NOTES["not_a_number"]) in page
    assert "items[0].item_price_inc_tax" in page
    assert str(labels.NOTES["text_as_number"]) in page
    assert "surprise" in page
    assert "not_a_number" not in page


def test_ping_shows_why_it_needs_no_attention(staff, post, page_url, last_message, list_url):
    post("order", b"{}")
    page = staff.get(page_url(last_message())).text
    assert "an empty message, as a test of the connection sends it" in page
    assert not staff.get(list_url("message"), {"status__exact": "quarantined"}).context["cl"].result_count
    post("order")
    assert "dismissed_because" not in staff.get(page_url(last_message())).text


def test_page_of_any_body_opens(staff, post, page_url, last_message):
    for body in (b"[" * 100_000, b'{"a": NaN, "b": 1e400}', b"", b"\x00\xff" * 5000, b'{"a": "\\ud800\\u0000"}'):
        post("order", body)
        assert staff.get(page_url(last_message())).status_code == 200


def test_message_links_to_its_document_events_and_tasks(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    assert page_url(Shipment.objects.get()) in page
    for event in message.events.all():
        assert page_url(event) in page
        for call in event.receiver_calls.all():
            assert page_url(call) in page


def test_search_finds_a_message_by_its_document(filled, staff, list_url):
    def found(word):
        return {message.topic for message in staff.get(list_url("message"), {"q": word}).context["cl"].queryset}

    assert found("1Z00AA000000000001") == {"order", "shipment"}
    assert found("1Z00BB00000000002") == {"order", "rma"}
    assert "order" in found("wsnl100")
    assert {"order", "shipment", "invoice", "rma", "creditmemo"} <= found("RESELLER_REF")
    assert found("no such thing") == set()


def test_search_keeps_accounts_apart(staff, post, settings, list_url):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "a" * 30, "two": "b" * 30}}
    post("order", sample("order", po_number="FIRST"), key="a" * 30)
    post("order", sample("order", po_number="SECOND"), key="b" * 30)
    found = staff.get(list_url("message"), {"q": "FIRST"}).context["cl"].queryset
    assert [message.account for message in found] == ["one"]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_process_again_applies_a_message_that_can_be_read_now(staff, post, act, monkeypatch):
    def unreadable(*args):
        raise ValueError("a bug of ours")

    with monkeypatch.context() as broken:
        broken.setattr("stockhub_webhooks.processing.pipeline.serializers.read", unreadable)
        assert post("order").status_code == 202
    message = Message.objects.get()
    page = act("message", "process_again", message)
    assert page.redirect_chain == [(f"{REQUEST_URL}?ids={message.pk}", 302)]
    assert not Order.objects.exists()
    staff.post(f"{REQUEST_URL}?ids={message.pk}", {"reason": "mended"})
    message.refresh_from_db()
    assert (message.status, message.outcome) == ("applied", "created")
    assert Order.objects.get().received_at == message.received_at
    entry = LogEntry.objects.get()
    assert (entry.change_message, entry.object_id) == ("process again: mended", str(Replay.objects.get().pk))


def test_too_many_messages_for_a_preview_are_processed_again_in_bulk(filled, act, monkeypatch, confirm):
    monkeypatch.setattr("stockhub_webhooks.admin.message.MAX_IDS", 1)
    chosen = list(Message.objects.all())
    page = confirm(act("message", "process_again", *chosen))
    assert page.context["original"].pk == BulkRequest.objects.latest("pk").pk
    assert BulkRequest.objects.latest("pk").acted == len(chosen)
    assert set(Message.objects.values_list("status", flat=True)) == {"received"}


def test_process_again_needs_its_own_permission(filled, clerk, act, list_url):
    http = clerk("view_message")
    message = Message.objects.filter(status="applied").first()
    assert "process_again" not in http.get(list_url("message")).text
    page = act("message", "process_again", message, http=http)
    assert REQUEST_URL not in [url.partition("?")[0] for url, _ in page.redirect_chain]


def test_list_shows_labels_of_statuses_and_outcomes(filled, staff, list_url):
    cells = re.findall(r'class="field-(?:status|outcome)">([^<]*)<', staff.get(list_url("message")).text)
    assert {"processed", "needs a look", "new", "changed", "older than what we have"} <= set(cells)


def test_events_are_shown_newest_first(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    first, *_others, last = Event.objects.filter(message=message).order_by("pk")
    assert page.index(page_url(last)) < page.index(page_url(first))
