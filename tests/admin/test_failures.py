"""The page of failures, grouped by cause, with actions on a whole group."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import labels
from stockhub_webhooks.exceptions import DIED, PermanentFailure
from stockhub_webhooks.models import BulkRequest, Event, Message, ReceiverCall
from stockhub_webhooks.operations.health import failure_groups
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")
URL = "/admin/stockhub_webhooks/receivercall/failures/"


def stock_is_away(*, event, **arguments):
    raise ConnectionError(f"no answer for Testman, order {event.po_number}")


def reads_json(**arguments):
    json.loads("{")  # the error is raised in the library


def refuses(*, event, **arguments):
    raise PermanentFailure(f"no such order {event.po_number}")


@pytest.fixture(autouse=True)
def _forms_fit(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # the host's is too small for any form


@pytest.fixture
def failed(post, hear):
    """Make three tasks that failed, three that were given up, and two unreadable messages."""
    hear(signals.order_created, stock_is_away, uid="shop.stock")
    hear(signals.order_created, refuses, uid="shop.refuses")
    for number in range(3):
        post("order", sample("order", increment_id=f"{number}", po_number=f"WEB-{number}"))
    post("order", b'{"a" 1}')
    post("order", b'{"abc" 12}')


def group(kind, **wanted):
    """Return the only group of a failure type with these values."""
    (found,) = [
        found
        for found in failure_groups.find_groups(kind)
        if all(found.key[name].startswith(v) for name, v in wanted.items())
    ]
    return found


def form(action, found, **more):
    return {"action": action, "newest": found.newest.pk, **found.key, **more}


@pytest.mark.parametrize("max_attempts", [1, 10])
def test_log_and_admin_name_the_same_place_in_the_code_of_the_shop(post, hear, staff, settings, caplog, max_attempts):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "MAX_ATTEMPTS": max_attempts}
    hear(signals.order_created, reads_json, uid="shop.reads_json")
    post("order")
    logged, line = re.search(
        rf"\(shop\.reads_json\) .*\((JSONDecodeError at {__name__}\.reads_json:(\d+))\)", caplog.text
    ).groups()
    assert logged in staff.get(URL).text
    call = reverse("admin:stockhub_webhooks_receivercall_change", args=[ReceiverCall.objects.get().pk])
    assert f"line {line}, in reads_json" in staff.get(call).text


def test_failures_with_one_cause_are_a_group_with_an_example(failed, staff):
    waiting, given_up = (
        group(failure_groups.CALLS, receiver="shop.stock"),
        group(failure_groups.CALLS, receiver="shop.refuses"),
    )
    assert (waiting.count, waiting.by_status) == (3, {"pending": 3})
    assert (given_up.count, given_up.by_status) == (3, {"given_up": 3})
    assert group(failure_groups.MESSAGES).count == 2
    page = staff.get(URL).text
    assert page.count('<article class="group"') == 3
    assert f"ConnectionError at {__name__}.stock_is_away:" in page
    assert "given up: 3" in page
    assert str(labels.REASONS["not_json"]) in page
    assert reverse("admin:stockhub_webhooks_receivercall_change", args=[waiting.newest.pk]) in page
    assert "order WEB-2" in page
    assert "order WEB-1" not in page


def test_groups_leave_tests_out(failed, staff):
    Message.objects.filter(status="quarantined").update(account="test")
    Event.objects.filter(po_number="WEB-2").update(account="test")
    assert failure_groups.find_groups(failure_groups.MESSAGES) == []
    assert group(failure_groups.CALLS, receiver="shop.stock").count == 2
    shown = staff.get(URL).context["sections"][0]["groups"]
    assert [staff.get(group["list_url"]).context["cl"].result_count for group in shown] == [2, 2]


def test_group_links_to_the_list_of_its_rows(failed, staff):
    (shown,) = [
        shown
        for section in staff.get(URL).context["sections"]
        for shown in section["groups"]
        if shown["group"].key.get("receiver") == "shop.stock"
    ]
    assert staff.get(shown["list_url"]).context["cl"].result_count == 3


def test_first_and_last_time_are_those_of_the_messages(failed):
    older, newer = Message.objects.filter(status="quarantined").order_by("pk")
    Message.objects.filter(pk=newer.pk).update(received_at=older.received_at - timedelta(days=1))  # entered by hand
    found = group(failure_groups.MESSAGES)
    assert (found.first, found.last) == (older.received_at - timedelta(days=1), older.received_at)
    assert found.newest == newer
    call = ReceiverCall.objects.filter(receiver="shop.stock").earliest("pk")
    assert group(failure_groups.CALLS, receiver="shop.stock").first == call.event.message.received_at


def test_page_without_failures_says_so(staff):
    page = staff.get(URL)
    assert [section["groups"] for section in page.context["sections"]] == [[], []]


@pytest.mark.parametrize("cause", [DIED, ""])
def test_cause_without_an_error_has_a_label(failed, staff, cause):
    ReceiverCall.objects.filter(status="given_up").update(cause=cause)
    assert str(labels.CAUSES[cause]) in staff.get(URL).text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PermanentFailure", "however often"),
        ("ConnectionRefusedError", "no connection"),
        ("ReadTimeout", "in time"),
        ("OperationalError", "database"),
        ("KeyError", "fault in the program"),
    ],
)
def test_a_group_is_headed_by_words_and_the_place_in_the_code_comes_second(failed, staff, name, words):
    ReceiverCall.objects.update(cause=f"{name} at shop.stock.book:31")
    page = staff.get(URL)
    (shown,) = page.context["sections"][0]["groups"][:1]
    assert words in shown["cause"]
    assert name not in shown["cause"]
    text = page.text.replace("<wbr>", "")
    assert text.index(shown["cause"]) < text.index(f"{name} in shop.stock.book:31")
    assert name not in staff.get(URL, headers={"accept-language": "nl"}).context["sections"][0]["groups"][0]["cause"]


def test_a_cause_that_is_no_error_has_no_place_in_the_code(failed, staff):
    ReceiverCall.objects.update(cause=DIED)
    tasks, messages = (section["groups"] for section in staff.get(URL).context["sections"])
    assert {shown["place"] for shown in (*tasks, *messages)} == {""}


def test_groups_beyond_the_limit_are_left_out_with_a_remark(failed, staff, monkeypatch):
    monkeypatch.setattr(failure_groups, "MAX_GROUPS", 1)
    page = staff.get(URL)
    assert [section["cut"] for section in page.context["sections"]] == [1, 0]
    assert page.text.count('<article class="group"') == 2


def test_number_of_queries_does_not_grow_with_the_groups(failed, staff, post):
    with CaptureQueriesContext(connection) as few:
        staff.get(URL)
    for call in ReceiverCall.objects.all():
        ReceiverCall.objects.filter(pk=call.pk).update(cause=f"{call.pk}")
    with CaptureQueriesContext(connection) as many:
        assert staff.get(URL).text.count('<article class="group"') == 7
    assert len(many) == len(few)


# ---------------------------------------------------------------- acting


@pytest.fixture
def ask(staff):
    """Return a function that presses the button of a group, and returns the page that asks."""
    return lambda action, found: staff.post(URL, form(action, found), follow=True)


def test_action_retries_a_whole_group(failed, ask, confirm):
    asked = ask("try_again", group(failure_groups.CALLS, receiver="shop.refuses"))
    assert not ReceiverCall.objects.filter(receiver="shop.refuses", status="pending").exists()
    assert BulkRequest.objects.get().total == 3
    assert asked.text.count("<li>") >= 3  # the sample
    confirm(asked)
    tried = ReceiverCall.objects.filter(receiver="shop.refuses")
    assert set(tried.values_list("status", "attempts", "cause")) == {("pending", 0, "")}
    assert LogEntry.objects.get().change_message == "try again: 3"


def test_action_wakes_the_runner(failed, ask, confirm, django_capture_on_commit_callbacks):
    ReceiverCall.objects.filter(receiver="shop.refuses").delete()
    with django_capture_on_commit_callbacks(execute=True):
        confirm(ask("try_again", group(failure_groups.CALLS)))
    assert set(ReceiverCall.objects.values_list("attempts", flat=True)) == {2}


def test_action_leaves_failures_alone_that_came_after_the_page(failed, staff, post, confirm):
    shown = form("try_again", group(failure_groups.CALLS, receiver="shop.refuses"))
    post("order", sample("order", increment_id="99", po_number="WEB-99"))
    asked = staff.post(URL, shown, follow=True)
    post("order", sample("order", increment_id="100", po_number="WEB-100"))
    confirm(asked)
    late = ReceiverCall.objects.filter(receiver="shop.refuses", event__increment_id__in=("99", "100"))
    assert set(late.values_list("status", flat=True)) == {"given_up"}
    assert ReceiverCall.objects.filter(receiver="shop.refuses", status="pending").count() == 3


def test_action_processes_messages_again(failed, ask, confirm):
    confirm(ask("process_again", group(failure_groups.MESSAGES)))
    assert set(Message.objects.filter(increment_id="").values_list("status", "cause")) == {("received", "")}


def test_giving_up_wants_a_reason(failed, ask, confirm):
    asked = ask("give_up", group(failure_groups.CALLS, receiver="shop.stock"))
    assert 'name="reason"' in asked.text
    assert not asked.context["form"].errors
    assert confirm(asked, reason="  ").context["form"].errors
    assert group(failure_groups.CALLS, receiver="shop.stock").by_status == {"pending": 3}


def test_reason_is_stored_with_each_task_and_in_the_admin_log(failed, ask, confirm):
    confirm(ask("give_up", group(failure_groups.CALLS, receiver="shop.stock")), reason="counted by hand")
    for call in ReceiverCall.objects.filter(receiver="shop.stock"):
        assert (call.status, call.due_at) == ("given_up", None)
        assert call.last_error.startswith("counted by hand\n\nConnectionError: no answer")
    assert LogEntry.objects.get().change_message == "give up: 3 (counted by hand)"
    assert not [
        found for found in failure_groups.find_groups(failure_groups.CALLS) if found.key["receiver"] == "shop.stock"
    ]


@pytest.fixture
def seven(post, hear):
    """Make tasks of seven receivers that fail with the same error, each at its own place, and one that differs."""

    def failing(number):
        def receiver(**kwargs):
            raise ConnectionError("no answer")

        receiver.__qualname__ = f"receiver_{number}"
        return receiver

    for number in range(7):
        hear(signals.order_created, failing(number), uid=f"shop.seven_{number}")
    hear(signals.order_created, refuses, uid="shop.refuses")
    for number in range(2):
        post("order", sample("order", increment_id=f"{number}", po_number=f"WEB-{number}"))
    for number, call in enumerate(ReceiverCall.objects.exclude(receiver="shop.refuses")):
        ReceiverCall.objects.filter(pk=call.pk).update(cause=f"ConnectionError at shop.code:{number}")


def several(page):
    """Return the groups that the page offers to act on together, by their name."""
    return {each["name"]: each for each in page.context["sections"][0]["several"]}


def test_same_error_in_seven_receivers_is_retried_at_once(seven, staff, confirm):
    shown = several(staff.get(URL))["error"]
    assert (shown["value"], shown["count"]) == ("ConnectionError", 14)
    data = {"action": "try_again", "newest": shown["newest"], "error": shown["value"]}
    page = confirm(staff.post(URL, data, follow=True))
    assert set(ReceiverCall.objects.filter(status="pending").values_list("cause", flat=True)) == {""}
    assert ReceiverCall.objects.filter(receiver="shop.refuses", status="given_up").count() == 2
    assert page.text.count("shop.seven_") == 7  # the results, by receiver


def test_all_causes_of_a_receiver_are_given_up_at_once(seven, staff, confirm):
    shown = several(staff.get(URL))["receiver"]
    data = {"action": "give_up", "newest": shown["newest"], "receiver": shown["value"]}
    confirm(staff.post(URL, data, follow=True), reason="settled")
    assert set(ReceiverCall.objects.filter(cause="by_hand").values_list("receiver", flat=True)) == {shown["value"]}
    assert ReceiverCall.objects.filter(cause="by_hand").count() == shown["count"] == 2


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "delete"},
        {"action": "try_again", "newest": "x", "receiver": "", "cause": ""},
        {"action": "try_again", "newest": "9"},
        {"action": "process_again", "newest": "9", "cause": ""},
    ],
)
def test_invalid_action_is_refused(failed, staff, data):
    assert staff.post(URL, data).status_code == 400


def test_form_without_a_csrf_token_is_refused(failed, staff, django_user_model):
    http = Client(enforce_csrf_checks=True)
    http.force_login(django_user_model.objects.get(username="office"))
    found = group(failure_groups.CALLS, receiver="shop.refuses")
    assert http.post(URL, form("try_again", found)).status_code == 403
    assert group(failure_groups.CALLS, receiver="shop.refuses").count == 3


# ---------------------------------------------------------------- permissions


def test_each_action_needs_its_own_permission(failed, clerk):
    http = clerk("view_receivercall", "view_message", "try_again")
    page = http.get(URL).text
    assert 'value="try_again"' in page
    assert 'value="give_up"' not in page
    assert 'value="process_again"' not in page
    for action, kind, more in (
        ("give_up", failure_groups.CALLS, {"reason": "x"}),
        ("process_again", failure_groups.MESSAGES, {}),
    ):
        found = failure_groups.find_groups(kind)[0]
        assert http.post(URL, form(action, found, **more)).status_code == 403
    assert http.post(URL, form("try_again", failure_groups.find_groups(failure_groups.CALLS)[0])).status_code == 302


def test_models_without_view_permission_are_neither_shown_nor_changed(failed, clerk):
    http = clerk("view_message", "try_again")
    page = http.get(URL).text
    assert "shop.stock" not in page
    assert str(labels.REASONS["not_json"]) in page
    assert http.post(URL, form("try_again", failure_groups.find_groups(failure_groups.CALLS)[0])).status_code == 403


def test_user_without_any_view_permission_is_refused(failed, clerk):
    assert clerk("view_order").get(URL).status_code == 403


def test_error_texts_need_the_permission_for_personal_data(failed, clerk):
    assert "Testman" not in clerk("view_receivercall", "view_message").get(URL).text


def test_page_is_translated_into_dutch(failed, staff):
    page = staff.get(URL, headers={"accept-language": "nl"}).text
    assert "Wat mislukte, per oorzaak" in page
    assert "opgegeven: 3" in page
    assert "Opgeven …" in page
