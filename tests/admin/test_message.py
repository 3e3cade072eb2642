"""Messages: what came in, why it was odd, and processing it again."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from stockhub_webhooks.models import Event, Message, Order, Replay, Shipment
from tests.samples import sample

REQUEST_URL = reverse("admin:stockhub_webhooks_replay_request")
pytestmark = pytest.mark.django_db(databases="__all__")


def test_garbage_bytes_are_shown_escaped_with_the_reason_in_words(filled, staff, page_url):
    message = Message.objects.filter(status="quarantined").first()
    page = staff.get(page_url(message)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "The content is not JSON" in page
    assert "needs a look" in page


def test_notes_are_words_with_their_place(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    assert "no number; we keep what we had" in page
    assert "items[0].item_price_inc_tax" in page
    assert "text where a number belongs" in page
    assert "surprise" in page
    assert "not_a_number" not in page


def test_a_ping_shows_why_it_needs_no_attention(staff, post, page_url, last_message, list_url):
    post("order", b"{}")
    page = staff.get(page_url(last_message())).text
    assert "an empty message, as a test of the connection sends it" in page
    assert not staff.get(list_url("message"), {"status__exact": "quarantined"}).context["cl"].result_count
    post("order")
    assert "dismissed_because" not in staff.get(page_url(last_message())).text


def test_any_body_can_be_looked_at(staff, post, page_url, last_message):
    for body in (b"[" * 100_000, b'{"a": NaN, "b": 1e400}', b"", b"\x00\xff" * 5000, b'{"a": "\\ud800\\u0000"}'):
        post("order", body)
        assert staff.get(page_url(last_message())).status_code == 200


def test_it_leads_to_its_document_its_changes_and_their_tasks(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    assert page_url(Shipment.objects.get()) in page
    for event in message.events.all():
        assert page_url(event) in page
        for call in event.receiver_calls.all():
            assert page_url(call) in page


def test_it_is_found_by_what_finds_its_document(filled, staff, list_url):
    def found(word):
        return {message.topic for message in staff.get(list_url("message"), {"q": word}).context["cl"].queryset}

    assert found("1Z00AA000000000001") == {"order", "shipment"}
    assert found("1Z00BB00000000002") == {"order", "rma"}
    assert "order" in found("wsnl100")
    assert {"order", "shipment", "invoice", "rma", "creditmemo"} <= found("RESELLER_REF")
    assert found("no such thing") == set()


def test_a_search_does_not_mix_up_accounts(staff, post, settings, list_url):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "a" * 30, "two": "b" * 30}}
    post("order", sample("order", po_number="FIRST"), key="a" * 30)
    post("order", sample("order", po_number="SECOND"), key="b" * 30)
    found = staff.get(list_url("message"), {"q": "FIRST"}).context["cl"].queryset
    assert [message.account for message in found] == ["one"]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_process_again_applies_what_can_be_read_by_now(staff, post, act, monkeypatch):
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


def test_too_many_to_choose_by_hand_are_asked_for_by_time(filled, act, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.admin.message.MAX_IDS", 1)
    page = act("message", "process_again", *Message.objects.all())
    assert page.redirect_chain == [(REQUEST_URL, 302)]
    assert "too many to choose by hand" in page.text


def test_process_again_needs_its_own_permission(filled, clerk, act, list_url):
    http = clerk("view_message")
    message = Message.objects.filter(status="applied").first()
    assert "process_again" not in http.get(list_url("message")).text
    page = act("message", "process_again", message, http=http)
    assert REQUEST_URL not in [url.partition("?")[0] for url, _ in page.redirect_chain]


def test_the_labels_of_statuses_and_outcomes_stand_in_the_list(filled, staff, list_url):
    cells = re.findall(r'class="field-(?:status|outcome)">([^<]*)<', staff.get(list_url("message")).text)
    assert {"processed", "needs a look", "new", "changed", "older than what we have"} <= set(cells)


def test_events_are_shown_in_the_order_of_the_newest_first(filled, staff, page_url):
    message = Message.objects.get(outcome="updated")
    page = staff.get(page_url(message)).text
    first, *_others, last = Event.objects.filter(message=message).order_by("pk")
    assert page.index(page_url(last)) < page.index(page_url(first))
