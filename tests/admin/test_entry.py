"""The page on which messages are entered by hand or corrected."""

import json
import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.admin import labels
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Invoice, Message, Order, Shipment
from tests.conftest import KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

URL = reverse("admin:stockhub_webhooks_message_enter")


@pytest.fixture(autouse=True)
def roomy(settings):
    """Raise the host's limit, which is too small for a form."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000


@pytest.fixture
def enter(staff):
    """Return a function that enters a body, and returns the page that follows."""

    def run(body, http=staff, query="", **values):
        text = body if isinstance(body, str) else json.dumps(body)
        return http.post(URL + query, {"topic": "", "body": text, **values}, follow=True)

    return run


@pytest.mark.parametrize("topic", topics.ALL)
def test_entered_message_is_processed_and_the_page_shows_its_outcome(enter, page_url, topic):
    page = enter(contract(topic))
    message = Message.objects.get()
    assert (message.source, message.status, message.outcome, message.topic) == ("hand", "applied", "created", topic)
    assert page.redirect_chain == [(f"{URL}?entered={message.pk}", 302)]
    assert page_url(message) in page.text
    assert page.context["entered"]["result"] == str(Message.Outcome.CREATED.label)
    assert "<textarea" in page.text
    entry = LogEntry.objects.get()
    assert (entry.change_message, entry.object_id, entry.action_flag) == ("entered by hand", str(message.pk), 1)


def test_same_message_entered_twice_is_unchanged(enter):
    enter(contract("order"))
    assert enter(contract("order")).context["entered"]["result"] == str(Message.Outcome.UNCHANGED.label)


def test_page_says_that_a_message_waits_for_the_worker(enter, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}
    entered = enter(contract("order")).context["entered"]
    assert (entered["result"], entered["good"]) == (str(Message.Status.RECEIVED.label), False)
    assert Message.objects.get().status == "received"


def test_failure_to_wake_the_runner_does_not_break_the_page(enter, monkeypatch):
    def broken(self):
        raise OSError("the broker is away")

    monkeypatch.setattr("stockhub_webhooks.runners.inline.InlineRunner.wake", broken)
    assert enter(contract("order")).status_code == 200
    assert Message.objects.get().status == "received"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", ""),
        ("{oops", "not_json"),
        ("[]", "not_an_object"),
        ('{"increment_id": "<script>alert(1)</script>"}', "no_topic"),
        (sample("shipment", order_increment_id=None), "no_identifier"),
    ],
)
def test_unreadable_body_is_not_stored_and_can_be_corrected_in_the_form(enter, body, reason):
    page = enter(body)
    assert page.status_code == 200
    (error,) = page.context["form"].errors["body"]
    assert error.startswith(str(labels.REASONS.get(reason, "")))
    assert "<script>alert" not in page.text
    assert (body if isinstance(body, str) else "increment_id") in page.context["form"]["body"].value()
    assert not Message.objects.exists()
    assert not LogEntry.objects.exists()


def test_topic_can_be_chosen(enter):
    enter({"increment_id": "7", "order_increment_id": "8", "status": "approved"}, topic="rma")
    assert Message.objects.get().topic == "rma"
    assert "Select a valid choice" in enter(contract("order"), topic="parcel").text


def test_account_is_required_if_there_are_several(enter, staff, settings):
    assert 'name="account"' not in staff.get(URL).text
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "key-one", "two": "key-two"}}
    assert 'name="account"' in staff.get(URL).text
    assert "This field is required" in enter(contract("order")).text
    assert not Message.objects.exists()
    enter(contract("order"), account="two")
    assert Order.objects.get().account == "two"


def test_outcome_of_one_message_is_not_shown_for_the_next(enter):
    enter(contract("order"))
    page = enter("{oops", query=f"?entered={Message.objects.get().pk}")
    assert page.context["entered"] == {}
    assert str(labels.REASONS["not_json"]) in page.text


# ---------------------------------------------------------------- size limits


def test_body_over_the_limit_is_refused_with_advice(enter, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "MAX_BODY_BYTES": 100}
    page = enter(contract("order"))
    assert "MAX_BODY_BYTES" in page.text
    assert "stockhub_ingest" in page.text
    assert not Message.objects.exists()


@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_form_that_is_too_large_for_django_is_answered_with_advice(staff, settings, encoding):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps(contract("order"))
    if encoding == "multipart":
        page = staff.post(URL, {"topic": "", "body": body})
    else:
        page = staff.post(URL, "topic=&body=" + "x" * 2000, content_type="application/x-www-form-urlencoded")
    assert page.status_code == 413
    assert "DATA_UPLOAD_MAX_MEMORY_SIZE" in page.text
    assert re.search(r"1000\sbytes", page.text)
    assert "This field is required" not in page.text
    assert not Message.objects.exists()


# ---------------------------------------------------------------- correction


@pytest.fixture
def broken(post):
    """Post a message that is quarantined."""
    body = json.dumps(sample("shipment", order_increment_id=None, status="caf\u00e9")).encode()
    assert post("shipment", body).status_code == 406
    return Message.objects.get()


def test_corrected_message_leaves_the_original_as_it_is(enter, staff, broken, page_url):
    before = Message.objects.filter(pk=broken.pk).values().get()
    url = f"{URL}?correct={broken.pk}"
    assert url in staff.get(page_url(broken)).text
    form = staff.get(url).context["form"]
    assert form["topic"].value() == "shipment"
    text = form["body"].value()
    assert "café" in text
    enter(
        text.replace('"order_increment_id": null', '"order_increment_id": "000000001"'), query=f"?correct={broken.pk}"
    )
    mended = Message.objects.latest("pk")
    assert (mended.status, mended.outcome, mended.headers["mended-from"]) == ("applied", "created", str(broken.uid))
    assert Shipment.objects.exists()
    settled = {
        "status": "dismissed",
        "dismissed_reason": "corrected",
        "dismissed_by": "office",
        "successor_id": mended.pk,
    }
    after = Message.objects.filter(pk=broken.pk).values().get()
    assert after.pop("dismissed_at")
    assert after == {name: value for name, value in before.items() if name != "dismissed_at"} | settled | {
        "successor_id": mended.pk
    }
    assert page_url(broken) in staff.get(page_url(mended)).text
    logged = LogEntry.objects.get(object_id=str(broken.pk))
    assert logged.change_message == f"corrected and entered again as message {mended.pk}"


def test_corrected_message_keeps_the_time_of_receipt(enter, post):
    """A return has no time of its own, so the time of receipt decides."""
    assert post("rma", sample("rma", order_increment_id=None, status="pending")).status_code == 406
    broken = Message.objects.get()
    post("rma", sample("rma", status="approved"))
    enter(sample("rma", status="pending"), query=f"?correct={broken.pk}")
    mended = Message.objects.latest("pk")
    assert (mended.received_at, mended.outcome) == (broken.received_at, "stale")
    assert RMA.objects.get().status == "approved"


def test_form_is_prefilled_with_the_account_of_the_original(staff, broken, settings):
    Message.objects.update(account="two")
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "key-one", "two": "key-two"}}
    assert staff.get(f"{URL}?correct={broken.pk}").context["form"]["account"].value() == "two"


def test_any_body_can_be_corrected(staff, post):
    for body in (b"\xff\x00 </textarea><script>alert(1)</script>", b"[" * 50_000, b'{"a": 1.50, "a": 2}'):
        post("order", body)
        page = staff.get(f"{URL}?correct={Message.objects.latest('pk').pk}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert "1.50" in page.text


def test_only_quarantined_messages_and_those_applied_in_part_have_the_button(staff, post, page_url):
    post("order")
    assert "?correct=" not in staff.get(page_url(Message.objects.get())).text


def test_a_message_that_was_applied_in_part_is_corrected_by_a_copy(enter, staff, post, page_url, hear):
    heard = hear(signals.invoice_updated)
    post("invoice", sample("invoice", grand_total="a lot"))
    original = Message.objects.get()
    assert (Invoice.objects.get().grand_total, original.outcome) == (None, "created")
    url = f"{URL}?correct={original.pk}"
    assert url in staff.get(page_url(original)).text
    page = staff.get(url)
    assert "<code>grand_total</code>" in page.text
    page = enter(page.context["form"]["body"].value().replace("a lot", "12.50"), query=f"?correct={original.pk}")
    assert ": changed" in page.text
    corrected = Message.objects.latest("pk")
    assert (corrected.received_at, corrected.source, corrected.outcome) == (original.received_at, "hand", "updated")
    assert corrected.is_in_part is None
    assert Invoice.objects.get().grand_total == Decimal("12.50")
    assert heard[0]["event"].message_id == corrected.pk
    original.refresh_from_db()
    assert (original.status, original.outcome, original.is_in_part) == ("applied", "created", False)
    page = staff.get(page_url(original)).text
    assert "corrected since" in page
    assert "?correct=" not in page


def test_what_came_since_then_is_newer_than_the_correction(enter, post):
    post("rma", sample("rma", status="pending", items__qty_requested="many"))
    original = Message.objects.get()
    post("rma", sample("rma", status="approved"))
    enter(sample("rma", status="pending"), query=f"?correct={original.pk}")
    assert Message.objects.latest("pk").outcome == "stale"
    assert RMA.objects.get().status == "approved"


def test_a_correction_that_leaves_something_out_again_is_applied_in_part_itself(enter, post):
    post("invoice", sample("invoice", grand_total="a lot"))
    page = enter(sample("invoice", grand_total="more", subtotal=1), query=f"?correct={Message.objects.get().pk}")
    assert ": changed (in part)" in page.text
    assert list(Message.objects.order_by("pk").values_list("is_in_part", flat=True)) == [False, True]


def test_missing_message_cannot_be_corrected(staff):
    assert staff.get(f"{URL}?correct=77").status_code == 404
    assert staff.get(f"{URL}?correct=nonsense").status_code == 200
    assert staff.get(f"{URL}?entered=77").status_code == 200


# ---------------------------------------------------------------- permissions


def test_page_needs_its_own_permission(clerk, enter, broken, list_url, page_url):
    http = clerk("view_message", "process_again", "release")
    assert URL not in http.get(list_url("message")).text
    assert URL not in http.get(page_url(broken)).text
    assert http.get(URL).status_code == 403
    assert enter(contract("order"), http=http).status_code == 403
    assert Message.objects.count() == 1


def test_buttons_are_shown_with_the_permission(clerk, enter, broken, list_url, page_url):
    http = clerk("view_message", "enter_by_hand", "view_personal_data")
    assert URL in http.get(list_url("message")).text
    assert f"{URL}?correct={broken.pk}" in http.get(page_url(broken)).text
    assert ": new" in enter(contract("order"), http=http).text


def test_original_is_shown_only_with_the_view_permission(clerk, enter, broken):
    http = clerk("enter_by_hand")
    assert http.get(f"{URL}?correct={broken.pk}").status_code == 403
    page = enter(contract("order"), http=http)
    assert ": new" in page.text
    assert "/change/" not in page.text.split("messagelist")[1].split("</ul>")[0]


def test_anonymous_user_is_sent_to_the_login(client):
    assert client.get(URL).status_code == 302
    assert client.post(URL, {"body": "{}"}).status_code == 302


def test_form_without_a_csrf_token_is_refused(staff, django_user_model):
    http = Client(enforce_csrf_checks=True)
    http.force_login(django_user_model.objects.get())
    assert http.post(URL, {"topic": "", "body": json.dumps(contract("order"))}).status_code == 403
    assert not Message.objects.exists()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', http.get(URL).text).group(1)
    page = http.post(URL, {"topic": "", "body": json.dumps(contract("order")), "csrfmiddlewaretoken": token})
    assert page.status_code == 302


def test_page_is_translated_into_dutch(staff, enter):
    page = staff.get(URL, headers={"accept-language": "nl"}).text
    for text in ("Een bericht met de hand invoeren", "waar de inhoud op lijkt", "Invoeren", "berichten van Stock Hub"):
        assert text.lower() in page.lower()


def test_page_has_no_inline_script_or_style(staff):
    content = staff.get(URL).text.split('id="content"')[1]
    assert " style=" not in content
    assert not re.search(r"<script(?![^>]* src=)", content)
    assert not re.search(r" on\w+=", content)
