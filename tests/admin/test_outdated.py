"""An outdated message about a return is counted, found, and processed all the same if a person asks for it."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.models import RMA, Message, Replay
from stockhub_webhooks.operations.health.attention import attention
from stockhub_webhooks.operations.health.collect import collect_report
from tests.admin.conftest import message_levels
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
URL = reverse("admin:stockhub_webhooks_replay_request")
BACK = {"status": "received", "date_received": "2024-05-10T09:00:00+00:00"}
DONE = {"status": "processed_closed", "date_processed": "2024-05-12T09:00:00+00:00"}


@pytest.fixture(autouse=True)
def roomy(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000


@pytest.fixture
def outdated(post):
    """A return that is processed; the message that came later, and says that it was only received."""
    post("order", sample("order", increment_id=sample("rma")["order_increment_id"]))
    post("rma", sample("rma", **BACK, items__qty_returned=1))
    post("rma", sample("rma", **BACK | DONE, items__qty_returned=1))
    answer = post("rma", sample("rma", **BACK, items__qty_returned=1)).json()
    assert answer["outcome"] == "stale"
    return Message.objects.get(pk=answer["message"])


def rows(staff, url):
    return {row.pk for row in staff.get(url).context["cl"].result_list}


def test_outdated_return_is_counted_and_found_by_the_link(outdated, staff, list_url, page_url):
    (finding,) = attention(collect_report(with_keys=False))
    assert (finding.code, finding.text[:2]) == ("outdated_returns", "1 ")
    assert rows(staff, finding.link) == {outdated.pk} == rows(staff, f"{list_url('message')}?needs=outdated")
    page = staff.get(page_url(outdated)).text
    assert "outdated: empty here" in page
    assert "date_processed" in page


def test_other_and_old_outdated_messages_are_no_problem(outdated, post, staff, list_url):
    post("order", sample("order", updated_at="2024-06-01T00:00:00+00:00"))
    post("order")
    assert rows(staff, f"{list_url('message')}?needs=outdated") == {outdated.pk}
    Message.objects.filter(pk=outdated.pk).update(received_at=timezone.now() - timedelta(days=15))
    assert rows(staff, f"{list_url('message')}?needs=outdated") == set()
    assert not attention(collect_report(with_keys=False))


def test_action_applies_an_outdated_return(outdated, staff, act, hear, page_url):
    heard = hear(signals.rma_status_changed)
    preview = act("message", "process_outdated", outdated)
    assert preview.redirect_chain[-1][0] == f"{URL}?ids={outdated.pk}&outdated=on"
    assert "although outdated" in preview.text
    assert "they know less of a return than we do" in preview.text
    assert '<input type="hidden" name="outdated" value="on"' in preview.text
    assert "processed and closed → received" in preview.text
    assert RMA.objects.get().status == "processed_closed"
    assert not heard
    page = staff.post(f"{URL}?ids={outdated.pk}&outdated=on", {"reason": "it came back a second time"}, follow=True)
    assert "although outdated" in page.text
    document = RMA.objects.get()
    assert (document.status, document.date_processed) == ("received", None)
    assert (heard[0]["new_status"], heard[0]["event"].is_replay) == ("received", True)
    assert LogEntry.objects.get().change_message == "process although outdated: it came back a second time"
    assert (Replay.objects.get().requested_by, Replay.objects.get().changed) == ("office", 1)
    outdated.refresh_from_db()
    assert (outdated.outcome, outdated.is_replay) == ("updated", True)
    assert "outdated; processed all the same" in staff.get(page_url(outdated)).text
    assert not attention(collect_report(with_keys=False))


def test_processed_all_the_same_what_comes_next_counts_as_ever(outdated, staff, post):
    staff.post(f"{URL}?ids={outdated.pk}&outdated=on", {"reason": "so it is"})
    assert post("rma", sample("rma", **BACK, items__qty_returned=1)).json()["outcome"] == "unchanged"
    assert post("rma").json()["outcome"] == "stale"
    assert post("rma", sample("rma", **BACK | DONE, items__qty_returned=1)).json()["outcome"] == "updated"
    assert RMA.objects.get().status == "processed_closed"


def test_outdated_return_is_applied_even_after_later_messages(outdated, staff, post):
    post("rma", sample("rma", **BACK | DONE, items__qty_returned=1, items__qty_approved=1))
    assert RMA.objects.get().received_at > outdated.received_at
    latest = RMA.objects.get().received_at
    staff.post(f"{URL}?ids={outdated.pk}&outdated=on", {"reason": "so it is"})
    document = RMA.objects.get()
    assert (document.status, document.items.get().qty_approved) == ("received", None)
    assert document.received_at == latest


def test_replay_without_the_option_changes_nothing(outdated, staff):
    for query in (f"ids={outdated.pk}", f"ids={outdated.pk}&outdated=", "order=RESELLER_REF&outdated=on"):
        staff.post(f"{URL}?{query}", {"reason": "to see"})
    assert Replay.objects.filter(changed=0, failed=0).count() == 3
    assert RMA.objects.get().status == "processed_closed"
    outdated.refresh_from_db()
    assert outdated.outcome == "stale"


def test_outdated_message_of_another_topic_is_never_applied(post, staff, act):
    post("order", sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00"))
    older = Message.objects.get(pk=post("order").json()["message"])
    page = act("message", "process_outdated", older)
    assert message_levels(page) == ["warning"]
    staff.post(f"{URL}?ids={older.pk}&outdated=on", {"reason": "to see"})
    older.refresh_from_db()
    assert (older.outcome, Replay.objects.get().changed) == ("stale", 0)


def test_action_selects_only_outdated_messages(outdated, act):
    preview = act("message", "process_outdated", *Message.objects.all())
    assert preview.redirect_chain[-1][0] == f"{URL}?ids={outdated.pk}&outdated=on"


def test_page_of_an_outdated_message_offers_the_action(outdated, staff, page_url):
    assert 'value="process_outdated"' in staff.get(page_url(outdated)).text
    other = Message.objects.exclude(pk=outdated.pk).first()
    page = staff.get(page_url(other)).text
    assert 'value="process_outdated"' not in page
    assert 'value="process_again"' in page


def test_action_needs_the_permission(outdated, clerk, list_url, page_url):
    http = clerk("view_message", "view_rma")
    assert "process_outdated" not in http.get(list_url("message")).text
    assert "process_outdated" not in http.get(page_url(outdated)).text
    assert http.post(f"{URL}?ids={outdated.pk}&outdated=on", {"reason": "x"}).status_code == 403
    assert not Replay.objects.exists()
