"""What needs a decision can be settled: messages dismissed or corrected, senders of refused ones muted."""

import json
import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import reason_page
from stockhub_webhooks.exceptions import AlreadySettled
from stockhub_webhooks.models import Message, MutedSender, RefusedBody
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.receiving import claiming
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
FAILURES = "admin:stockhub_webhooks_failures"
ENTER = "admin:stockhub_webhooks_message_enter"
GROUPS = "admin:stockhub_webhooks_refusedbody_release"
DECIDE = "admin:stockhub_webhooks_refusedbody_decide"


@pytest.fixture(autouse=True)
def roomy(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000


def fields(page):
    """Return the hidden fields of the page that asks for a reason."""
    return dict(page.context["hidden"])


def select(*rows, **values):
    return {"action": "dismiss", "_selected_action": [row.pk for row in rows], **values}


def quarantine(post, *bodies):
    return [Message.objects.get(pk=post("order", body).json()["message"]) for body in bodies]


# ---------------------------------------------------------------- messages


def test_dismissed_message_keeps_the_user_the_time_and_the_reason(post, staff, list_url, page_url):
    first, second = quarantine(post, b"{", b"[]")
    page = staff.post(list_url("message"), select(first))
    assert "{" not in page.context["what"]
    assert Message.objects.filter(status="dismissed").count() == 0
    staff.post(list_url("message"), select(first, reason=" "))
    assert Message.objects.filter(status="dismissed").count() == 0
    staff.post(list_url("message"), select(first, reason="was sent again"))
    first.refresh_from_db()
    assert (first.status, first.dismissed_reason, first.dismissed_by) == ("dismissed", "was sent again", "office")
    assert first.dismissed_at
    assert first.due_at is None
    assert bytes(first.body) == b"{"
    assert "was sent again" in LogEntry.objects.get().change_message
    assert "was sent again" in staff.get(page_url(first)).text
    second.refresh_from_db()
    assert second.status == "quarantined"
    assert collect_report().quarantined.count == 1


def test_only_what_needs_attention_is_dismissed(post, staff, list_url):
    post("order")
    applied = Message.objects.get()
    page = staff.post(list_url("message"), select(applied, reason="by mistake"), follow=True)
    applied.refresh_from_db()
    assert applied.status == "applied"
    assert "None of these messages needs attention." in page.text


def test_failing_message_is_dismissed_and_not_applied_by_a_process_that_has_claimed_it(post, staff, list_url):
    post("order")
    failing = {"status": "received", "cause": "ValueError", "claim": uuid.uuid4(), "outcome": ""}
    Message.objects.update(due_at="2020-01-01T00:00Z", **failing)
    waiting = Message.objects.get()
    staff.post(list_url("message"), select(waiting, reason="cancelled by phone"))
    with pytest.raises(AlreadySettled):
        claiming.lock(waiting)
    waiting.refresh_from_db()
    assert waiting.status == "dismissed"


def test_message_that_came_after_the_page_is_not_dismissed(post, staff, list_url):
    (first,) = quarantine(post, b"{")
    page = staff.post(list_url("message"), select(first, select_across="1"))
    (later,) = quarantine(post, b"{")
    staff.post(list_url("message"), select(first, reason="all", select_across="1") | fields(page))
    first.refresh_from_db()
    later.refresh_from_db()
    assert (first.status, later.status) == ("dismissed", "quarantined")


def test_page_counts_no_more_than_are_dismissed_at_once(post, staff, list_url, monkeypatch):
    monkeypatch.setattr(reason_page, "MAX_AT_ONCE", 2)
    first, *_others = quarantine(post, b"{", b"[]", b"1")
    page = staff.post(list_url("message"), select(first, select_across="1"))
    assert str(page.context["explanation"]).startswith("2 ")
    staff.post(list_url("message"), select(first, reason="all", select_across="1") | fields(page))
    assert Message.objects.filter(status="dismissed").count() == 2


def test_group_of_failures_is_dismissed(post, staff, clerk):
    quarantine(post, b"{", b"{", b"[]")
    page = staff.get(reverse(FAILURES))
    group = next(each["group"] for section in page.context["sections"] for each in section["groups"])
    assert group.count == 2
    data = {"action": "dismiss", "newest": group.newest.pk, **group.key}
    quarantine(post, b"{")  # later than the page
    http = clerk("view_message", "process_again")
    assert http.post(reverse(FAILURES), data | {"reason": "no"}).status_code == 403
    page = staff.post(reverse(FAILURES), data)
    staff.post(reverse(FAILURES), fields(page) | {"reason": "an old test"}, follow=True)
    assert Message.objects.filter(status="dismissed", dismissed_reason="an old test").count() == 2
    assert Message.objects.filter(status="quarantined").count() == 2


def test_dismissing_needs_its_own_permission(post, clerk, list_url, page_url):
    (message,) = quarantine(post, b"{")
    http = clerk("view_message", "process_again", "give_up")
    http.post(list_url("message"), select(message, reason="no"))
    http.post(page_url(message), {"action": "dismiss", "reason": "no"})
    message.refresh_from_db()
    assert message.status == "quarantined"


def test_largest_cause_without_retries_comes_first(post, staff, hear):
    quarantine(post, b"[]", b"[]", b"{")
    post("order", sample("order", increment_id="7"))
    Message.objects.filter(status="applied").update(status="received", cause="ValueError", due_at="2999-01-01T00:00Z")
    (section,) = [each for each in staff.get(reverse(FAILURES)).context["sections"] if each["name"] == "message"]
    assert [each["group"].count for each in section["groups"]] == [2, 1, 1]
    assert section["groups"][2]["group"].by_status == {"received": 1}


# ---------------------------------------------------------------- corrected


def broken_order(**changes):
    """An order without its number."""
    return json.dumps({name: value for name, value in contract("order").items() if name != "increment_id"} | changes)


def correct(http, original, body):
    url = f"{reverse(ENTER)}?correct={original.pk}"
    return http.post(url, {"topic": "order", "body": json.dumps(body)}, follow=True)


def test_corrected_message_is_settled_and_both_link_to_each_other(post, staff, page_url):
    original, other = quarantine(post, broken_order().encode(), b"{")
    page = correct(staff, original, contract("order"))
    original.refresh_from_db()
    successor = Message.objects.get(source="hand")
    assert (original.status, original.dismissed_reason, original.successor) == ("dismissed", "corrected", successor)
    assert original.dismissed_by == "office"
    assert page_url(successor) in staff.get(page_url(original)).text
    assert page_url(original) in staff.get(page_url(successor)).text
    assert collect_report().quarantined.count == 1
    assert page.context["entered"]["left"] == 1
    rows = staff.get(page.context["entered"]["list_url"]).context["cl"].result_list
    assert [row.pk for row in rows] == [other.pk]
    assert "<textarea" not in page.text


def test_page_says_in_words_that_a_corrected_message_was_outdated(post, staff):
    (original,) = quarantine(post, broken_order().encode())
    post("order", contract("order") | {"updated_at": "2025-01-01T00:00:00Z"})
    page = correct(staff, original, contract("order"))
    assert Message.objects.get(source="hand").outcome == "stale"
    assert "What we have is newer, so nothing changed" in page.text


def test_correction_that_is_not_applied_yet_settles_nothing(post, staff, settings):
    (original,) = quarantine(post, broken_order().encode())
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "worker"}
    page = correct(staff, original, contract("order"))
    original.refresh_from_db()
    assert original.status == "quarantined"
    assert original.successor == Message.objects.get(source="hand")
    assert page.context["entered"]["good"] is False


def test_correction_of_a_correction_settles_both(post, staff):
    (original,) = quarantine(post, broken_order().encode())
    first = Message.objects.create(
        body=b"{", account="default", status="quarantined", headers={"mended-from": str(original.uid)}
    )
    correct(staff, first, contract("order"))
    original.refresh_from_db()
    first.refresh_from_db()
    assert {original.status, first.status} == {"dismissed"}


def test_parts_of_a_corrected_message_settle_it_once(post, staff):
    (original,) = quarantine(post, b"{")
    bodies = [sample("order", increment_id=number) for number in ("000000701", "000000702")]
    url = f"{reverse(ENTER)}?correct={original.pk}"
    staff.post(url, {"topic": "", "body": json.dumps(bodies)}, follow=True)
    original.refresh_from_db()
    assert original.status == "dismissed"
    assert original.successor.outcome == "split"


# ---------------------------------------------------------------- refused messages


def group_of(page, number=0):
    group = page.context["groups"][number]["group"]
    return {"key": group.key_fingerprint, "network": group.network, "newest": group.newest}


@pytest.fixture
def refused(post):
    """Refuse messages of two keys and two networks."""
    for topic in ("order", "shipment"):
        post(topic, key="a stranger's", REMOTE_ADDR="198.51.100.7")
    post("order", key="a stranger's", REMOTE_ADDR="203.0.113.7")
    post("invoice", key="mistyped", REMOTE_ADDR="198.51.100.8")


def test_group_of_refused_messages_is_dismissed_as_it_was_shown(refused, post, staff):
    page = staff.get(reverse(GROUPS))
    assert [each["group"].count for each in page.context["groups"]] == [1, 1, 2]
    data = group_of(page, 2) | {"action": "dismiss"}
    post("rma", key="a stranger's", REMOTE_ADDR="198.51.100.7")  # later than the page
    page = staff.post(reverse(DECIDE), data)
    staff.post(reverse(DECIDE), data | fields(page) | {"reason": "a stranger's"})
    dismissed = RefusedBody.objects.exclude(dismissed_at=None)
    assert set(dismissed.values_list("topic", "dismissed_by")) == {("order", "office"), ("shipment", "office")}
    assert RefusedBody.objects.waiting().count() == 3
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("action", "sender", "left"),
    [
        ("mute_key", {"key_fingerprint": fingerprint("a stranger's"), "network": ""}, {"invoice"}),
        ("mute_network", {"key_fingerprint": "", "network": "198.51.100.0/24"}, {"order"}),
    ],
)
def test_sender_is_muted_and_its_messages_are_dismissed(refused, post, staff, action, sender, left):
    data = group_of(staff.get(reverse(GROUPS)), 2) | {"action": action}
    data["newest"] = RefusedBody.objects.latest("pk").pk
    page = staff.post(reverse(DECIDE), data)
    assert not MutedSender.objects.exists()
    staff.post(reverse(DECIDE), data | fields(page) | {"reason": "strangers"})
    muted = MutedSender.objects.get()
    assert (muted.key_fingerprint, muted.network) == tuple(sender.values())
    assert (muted.muted_by, muted.reason) == ("office", "strangers")
    assert set(RefusedBody.objects.waiting().values_list("topic", flat=True)) == left
    post("creditmemo", key="a stranger's", REMOTE_ADDR="198.51.100.7")
    assert not RefusedBody.objects.filter(topic="creditmemo").exists()
    staff.post(
        reverse("admin:stockhub_webhooks_mutedsender_changelist"),
        {"action": "unmute", "_selected_action": [muted.pk]},
    )
    post("creditmemo", key="a stranger's", REMOTE_ADDR="198.51.100.7")
    assert RefusedBody.objects.filter(topic="creditmemo").exists()


def test_groups_need_a_permission_and_offer_what_the_user_may(refused, clerk):
    url, data = reverse(GROUPS), {"action": "dismiss", "key": fingerprint("mistyped"), "network": "198.51.100.0/24"}
    data |= {"newest": RefusedBody.objects.latest("pk").pk, "reason": "no"}
    http = clerk("view_refusedbody", "release")
    assert http.get(url).context["decide_url"] == ""
    assert http.post(reverse(DECIDE), data).status_code == 403
    assert RefusedBody.objects.waiting().count() == 4


def test_user_who_may_only_dismiss_lets_nothing_in(refused, clerk):
    http = clerk("view_refusedbody", "dismiss_refused")
    page = http.get(reverse(GROUPS))
    assert not [each for each in page.context["groups"] if each["release_url"]]
    pk = RefusedBody.objects.latest("pk").pk
    assert http.get(f"{reverse(GROUPS)}?ids={pk}").status_code == 403
    assert http.post(f"{reverse(GROUPS)}?ids={pk}", {"reason": "let me"}).status_code == 403
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "dismiss"},
        {"action": "mute_key", "newest": "5", "key": ""},
        {"action": "mute_network", "newest": "5"},
        {"action": "release", "newest": "5"},
    ],
)
def test_odd_decisions_are_refused(refused, staff, data):
    assert staff.post(reverse(DECIDE), data).status_code == 400
    assert not MutedSender.objects.exists()
    assert RefusedBody.objects.waiting().count() == 4


def test_receivers_are_not_called_for_a_dismissed_message(post, hear, staff, list_url):
    heard = hear(signals.event_recorded)
    (message,) = quarantine(post, b"{")
    staff.post(list_url("message"), select(message, reason="settled"))
    assert heard == []


@pytest.mark.parametrize("alert", ["", "django.core.mail.mail_admins"])
def test_overview_announces_deletions_only_if_no_mail_does(refused, staff, clerk, settings, alert):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"ALERT": alert}
    clerk("view_message").get("/admin/stockhub_webhooks/")
    assert not RefusedBody.objects.exclude(announced_at=None).exists()
    assert "will be deleted" in staff.get("/admin/stockhub_webhooks/").text
    assert RefusedBody.objects.exclude(announced_at=None).exists() is not bool(alert)
