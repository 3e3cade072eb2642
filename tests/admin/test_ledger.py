"""Lists and pages of events and receiver calls."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.admin import labels
from stockhub_webhooks.models import Attempt, BulkRequest, Event, Message, Order, ReceiverCall, Shipment
from tests.admin.conftest import message_levels
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")


def test_event_links_to_message_document_order_and_tasks(filled, staff, page_url):
    event = Event.objects.get(type="shipment.delivered")
    page = staff.get(page_url(event)).text
    assert page_url(Shipment.objects.get()) in page
    assert page_url(event.order) in page
    assert page_url(event.message) in page
    assert page_url(event.receiver_calls.get()) in page


def test_changes_of_an_event_are_shown_in_words(filled, staff, page_url):
    page = staff.get(page_url(Event.objects.get(type="shipment.status_changed"))).text
    assert str(labels.EVENTS["shipment.status_changed"]) in page
    assert "<td>in transit</td><td>delivered</td>" in page
    assert "shipment.status_changed" not in page
    page = staff.get(page_url(Event.objects.get(type="shipment.updated"))).text
    assert "wsnl100-0123456789abcdef01234567/L: sent" in page


def test_amounts_addresses_and_lines_of_an_event_are_formatted(staff, post, page_url):
    post("order")
    body = sample("order", grand_total=1234.5, updated_at="2030-01-01T00:00:00+00:00", shipping_address__city="Almere")
    body["items"][0]["sku"] = "OTHER"
    post("order", body)
    page = staff.get(page_url(Event.objects.get(type="order.updated")), headers={"accept-language": "nl"}).text
    assert "<td>1.234,50</td>" in page
    assert "<td>afleveradres: plaats</td>" in page
    assert "OTHER" in page


def test_event_with_unknown_codes_and_values_is_shown(filled, staff, page_url):
    event = Event.objects.get(type="shipment.updated")
    event.changes = {"strange[x].y": [None, {"a": None}], "delivered_at": ["soon", 5], "status": ["NEW", None]}
    event.save()
    page = staff.get(page_url(event)).text
    assert "soon" in page
    assert "NEW" in page


def test_task_links_to_its_event_and_order(filled, staff, page_url):
    call = ReceiverCall.objects.filter(order__isnull=False).first()
    page = staff.get(page_url(call)).text
    assert page_url(call.event) in page
    assert page_url(call.order) in page


def test_error_is_complete_on_the_page_and_short_in_the_list(filled, staff, page_url, list_url):
    call = ReceiverCall.objects.filter(status="pending").first()
    assert "&lt;b&gt;the stock system&lt;/b&gt; says no" in staff.get(page_url(call)).text
    assert "Traceback" in staff.get(page_url(call)).text
    assert "Traceback" not in staff.get(list_url("receivercall")).text


def test_open_task_of_a_removed_receiver_says_so(post, hear, staff, page_url, list_url):
    hear(signals.order_created, uid="shop.there")
    post("order")
    call = ReceiverCall.objects.get()
    assert "not there any more" not in staff.get(page_url(call)).text
    ReceiverCall.objects.update(status="pending", receiver="shop.gone")
    page = staff.get(page_url(call)).text.replace("<wbr>", "")  # where a long name may be broken
    assert "shop.gone (not there any more)" in page
    assert staff.get(list_url("receivercall"), {"receiver": "~other"}).context["cl"].result_count == 1
    assert staff.get(list_url("receivercall"), {"receiver": "shop.there"}).context["cl"].result_count == 0


@pytest.mark.parametrize(
    "word", ["000000701", "000000412", "RESELLER_REF", "1Z00AA000000000001", "wsnl100", "piet.testman@"]
)
def test_search_finds_events_and_tasks_by_their_order(filled, staff, list_url, word):
    for name in ("event", "receivercall"):
        assert staff.get(list_url(name), {"q": word}).context["cl"].result_count > 0


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_retry_requeues_a_given_up_task(post, hear, act, confirm):
    calls = hear(signals.order_created)
    post("order")
    calls.clear()
    ReceiverCall.objects.update(status="given_up", due_at=None, attempts=22)
    asked = act("receivercall", "try_again", ReceiverCall.objects.get())
    assert not calls
    answer = confirm(asked)
    assert len(calls) == 1
    assert ReceiverCall.objects.get().status == "done"
    counts = {line["name"]: line["count"] for line in answer.context["progress"]["counts"]}
    assert counts == {"acted": 1, "left_alone": 0, "succeeded": 1, "failed": 0, "waiting": 0, "settled": 0}
    assert LogEntry.objects.get().change_message == "try again: 1"


def test_retry_of_done_tasks_says_that_there_is_nothing_to_do(post, hear, act, django_capture_on_commit_callbacks):
    calls = hear(signals.order_created)
    post("order")
    post("order", sample("order", increment_id="2"))
    assert len(calls) == 2
    with django_capture_on_commit_callbacks(execute=True):
        answer = act("receivercall", "try_again", *ReceiverCall.objects.all())
    assert message_levels(answer) == ["warning"]
    assert len(calls) == 2
    assert not LogEntry.objects.exists()


def test_retry_needs_its_own_permission(filled, clerk, act, list_url):
    http = clerk("view_receivercall", "process_again")
    ReceiverCall.objects.update(status="given_up", due_at=None)
    assert "try_again" not in http.get(list_url("receivercall")).text
    act("receivercall", "try_again", ReceiverCall.objects.first(), http=http)
    assert not ReceiverCall.objects.exclude(status="given_up").exists()


def test_retry_is_offered_with_the_permission(filled, clerk, act, confirm):
    http = clerk("view_receivercall", "try_again")
    ReceiverCall.objects.update(status="given_up", due_at=None)
    confirm(act("receivercall", "try_again", ReceiverCall.objects.first(), http=http), http=http)
    assert ReceiverCall.objects.filter(status="pending", due_at__isnull=False, attempts=0).count() == 1


def test_chosen_tasks_are_given_up_with_a_reason(filled, act, confirm):
    waiting = list(ReceiverCall.objects.filter(status="pending"))
    done = ReceiverCall.objects.filter(status="done").first()
    asked = act("receivercall", "give_up", done, *waiting)
    assert BulkRequest.objects.latest("pk").total == len(waiting)
    assert confirm(asked, reason="  ").context["form"].errors  # it needs a reason
    assert ReceiverCall.objects.filter(status="pending").count() == len(waiting)
    confirm(asked, reason="told by hand")
    assert not ReceiverCall.objects.filter(status="pending").exists()
    assert ReceiverCall.objects.get(pk=done.pk).status == "done"
    assert message_levels(act("receivercall", "give_up", done, *waiting)) == ["warning"]


def test_task_can_be_given_up_on_its_page(filled, staff, page_url, settings, confirm):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # the host's is too small for any form
    call = ReceiverCall.objects.filter(status="pending").first()
    assert 'value="give_up"' in staff.get(page_url(call)).text
    confirm(staff.post(page_url(call), {"action": "give_up"}, follow=True), reason="settled")
    call.refresh_from_db()
    assert (call.status, call.cause) == ("given_up", "by_hand")


def test_giving_up_is_offered_with_the_permission(filled, clerk, list_url):
    http = clerk("view_receivercall", "try_again")
    assert "give_up" not in http.get(list_url("receivercall")).text


def test_payment_request_without_an_order_and_its_event_have_pages(staff, post, page_url, list_url):
    body = contract("order-payment-request") | {"order_increment_id": None, "purchase_order_increment_id": "77"}
    post("order-payment-request", body)
    event = Event.objects.get()
    assert event.order is None
    assert not Order.objects.exists()
    for row in (event, Message.objects.get()):
        assert staff.get(page_url(row)).status_code == 200
    for name in ("event", "paymentrequest"):
        assert staff.get(list_url(name)).status_code == 200


def test_failed_attempts_are_shown_with_the_error_only_to_those_who_may_see_persons(filled, staff, clerk, page_url):
    call = ReceiverCall.objects.first()
    for number in (1, 2):
        Attempt.objects.create(
            call=call,
            number=number,
            failed_at=timezone.now(),
            seconds=1.5,
            error=f"KeyError: Testman {number}",
            cause="deadlock",
        )
    page = staff.get(page_url(call)).content.decode()
    assert page.index("KeyError: Testman 2") < page.index("KeyError: Testman 1")
    page = clerk("view_receivercall").get(page_url(call)).content.decode()
    assert "in favour of another" in page
    assert "Testman" not in page
