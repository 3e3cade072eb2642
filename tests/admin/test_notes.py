"""Notes: written on the page of a purchase, seen in its timeline, never changed, and withdrawn by the author alone."""

from datetime import datetime, timedelta, timezone

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from stockhub_webhooks.models import Message, Note, Order
from stockhub_webhooks.models.notes import MAX_TEXT
from stockhub_webhooks.testing.factories import NoteFactory, OrderFactory
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")

ALL = ("view_order", "view_note", "view_personal_data", "write_note")


@pytest.fixture
def order(post):
    post("order", sample("order", po_number="PO-1"))
    return Order.objects.get()


def story_of(order):
    return reverse("admin:stockhub_webhooks_order_story", args=[order.pk])


def write(http, order, text, **options):
    return http.post(reverse("admin:stockhub_webhooks_order_note", args=[order.pk]), {"text": text}, **options)


def withdraw(http, note):
    return http.post(
        reverse("admin:stockhub_webhooks_order_note_withdraw", args=[note.order_id]), {"note": note.pk}, follow=True
    )


def test_note_is_in_the_timeline_with_its_author_and_time(clerk, order):
    http = clerk(*ALL)
    page = write(http, order, "called UPS, <claim> 123\nagain on Monday", follow=True)
    assert page.redirect_chain[0][0].startswith(story_of(order))
    (entry,) = [entry for entry in page.context["entries"] if getattr(entry, "is_note", False)]
    assert (entry.by, entry.lines) == ("clerk", ["called UPS, <claim> 123", "again on Monday"])
    assert "&lt;claim&gt;" in page.text
    note = Note.objects.get()
    assert (note.account, note.po_number, note.written_at) == (order.account, "PO-1", entry.at)
    assert "UPS" not in LogEntry.objects.get().change_message


def test_note_is_on_the_page_of_each_order_of_the_purchase(staff, order, post):
    post("order", sample("order", po_number="PO-1", increment_id="000000001-1", order_id=2))
    post("order", sample("order", po_number="PO-2", increment_id="000000003", order_id=3))
    first, second, other = Order.objects.order_by("pk")
    write(staff, first, "called UPS")
    assert "called UPS" in staff.get(story_of(second)).text
    assert "called UPS" not in staff.get(story_of(other)).text


def test_notes_of_orders_without_a_number_stay_apart(staff):
    first, second = OrderFactory(po_number=None), OrderFactory(po_number=None)
    write(staff, first, "called UPS")
    assert "called UPS" in staff.get(story_of(first)).text
    assert "called UPS" not in staff.get(story_of(second)).text


@pytest.mark.parametrize("text", ["", "  ", "x" * (MAX_TEXT + 1), "nul \0"])
def test_what_is_no_note_is_refused(staff, order, text):
    page = write(staff, order, text, follow=True)
    assert page.status_code in (200, 400)
    assert not Note.objects.exists()


def test_writing_needs_its_permission(clerk, order):
    http = clerk(*(set(ALL) - {"write_note"}))
    assert write(http, order, "called UPS").status_code == 403
    assert "<textarea name" not in http.get(story_of(order)).text
    assert not Note.objects.exists()


def test_only_the_author_withdraws_a_note_and_it_is_kept(clerk, staff, order):
    http = clerk(*ALL)
    write(http, order, "called UPS")
    note = Note.objects.get()
    withdraw(staff, note)
    assert Note.objects.get().withdrawn_at is None
    page = withdraw(http, note)
    at = Note.objects.get().withdrawn_at
    assert at is not None
    assert "called UPS" in page.text
    (entry,) = [entry for entry in page.context["entries"] if getattr(entry, "is_note", False)]
    assert (entry.is_withdrawn, entry.pk) == (True, None)
    withdraw(http, note)
    assert Note.objects.get().withdrawn_at == at


@pytest.mark.parametrize("pk", ["", "x", "9" * 30, "-1"])
def test_note_that_is_none_is_not_withdrawn(staff, order, pk):
    url = reverse("admin:stockhub_webhooks_order_note_withdraw", args=[order.pk])
    assert staff.post(url, {"note": pk}, follow=True).status_code == 200


def test_note_of_another_is_hidden_without_the_permission_to_see_persons(clerk, order):
    NoteFactory(order=order, text="Mrs Testman called", written_by="office")
    page = clerk("view_order").get(story_of(order))
    assert "Testman" not in page.text
    assert "office" in page.text


def test_notes_are_on_the_page_of_the_timeline_where_they_belong(staff, order):
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    Message.objects.all().delete()
    Message.objects.bulk_create(
        Message(topic="order", increment_id=order.increment_id, account=order.account, body=b"{}", status="applied",
                outcome="unchanged", received_at=start + timedelta(hours=number))
        for number in range(120)
    )  # fmt: skip
    for hours in (-5, 10, 60, 110, 500):
        NoteFactory(order=order, text=f"at {hours}", written_at=start + timedelta(hours=hours, minutes=5))

    def noted(page, sequence):
        entries = staff.get(story_of(order), {"page": page, "order": sequence}).context["entries"]
        assert [entry.at for entry in entries] == sorted((e.at for e in entries), reverse=sequence != "oldest")
        return [entry.lines[0] for entry in entries if getattr(entry, "is_note", False)]

    assert [noted(page, "newest") for page in (1, 2, 3)] == [["at 500", "at 110"], ["at 60"], ["at 10", "at -5"]]
    assert [noted(page, "oldest") for page in (1, 2, 3)] == [["at -5", "at 10"], ["at 60"], ["at 110", "at 500"]]


def test_many_notes_are_counted(staff, order):
    for number in range(60):
        NoteFactory(order=order, text=f"note {number}")
    page = staff.get(story_of(order))
    assert sum(getattr(entry, "is_note", False) for entry in page.context["entries"]) == 50
    assert page.context["more_notes"]


@pytest.mark.parametrize("text", ["claim", "PO-1", "clerk", "000000701"])
def test_notes_are_found_in_the_list(clerk, order, text):
    NoteFactory(order=order, text="The CLAIM 123", written_by="clerk")
    NoteFactory(text="another", written_by="office")
    answer = clerk(*ALL).get(reverse("admin:stockhub_webhooks_note_changelist"), {"q": text})
    assert answer.context["cl"].result_count == 1
