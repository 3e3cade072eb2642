"""Django's error mails and debug pages for errors in this app."""

import json
import sys
from contextlib import contextmanager

import pytest
from django.core.signals import got_request_exception
from django.test import Client, override_settings
from django.urls import reverse
from django.views.debug import ExceptionReporter

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import BulkRequest, Message, Order, RefusedBody
from tests.conftest import KEY, PREFIX
from tests.samples import contract
from tests.security.test_secrets import SECRETS, WRONG, assert_clean, logged, personal  # noqa: F401 - fixture

pytestmark = pytest.mark.django_db(databases="__all__")

# what is called in the request itself, outside all that catches; where it raises, Django reports it
AT_THE_DOOR = [
    "stockhub_webhooks.views.authenticate",
    "stockhub_webhooks.views.read_body",
    "stockhub_webhooks.views.sent_headers",
    "stockhub_webhooks.views.remote_address",
    "stockhub_webhooks.views.runners.current",
    "stockhub_webhooks.views.journal.store",
    "stockhub_webhooks.views.pipeline.process",
    "stockhub_webhooks.views.answer",
    "stockhub_webhooks.receiving.authentication.hmac.compare_digest",
    "stockhub_webhooks.receiving.authentication.fingerprint",
]
WHEN_REFUSED = [
    "stockhub_webhooks.views.refusals.RefusedRequest",
    "stockhub_webhooks.views.problem",
    "stockhub_webhooks.receiving.authentication.salted_hmac",
]


def fail(*args, **options):
    """Raise an exception whose frame has the arguments as variables."""
    raise ZeroDivisionError("a bug of ours")


@pytest.fixture
def reported():
    """Return a context manager that collects Django's reports of exceptions that left a view."""
    found = []

    @contextmanager
    def reports():
        def report(sender, request, **kwargs):
            reporter = ExceptionReporter(request, *sys.exc_info(), is_email=True)
            found.append(reporter.get_traceback_text() + reporter.get_traceback_html())

        got_request_exception.connect(report)
        try:
            yield found
        finally:
            got_request_exception.disconnect(report)

    return reports


def http():
    return Client(raise_request_exception=False)


def send(topic, key):
    headers = {"x-api-key": key, "cookie": f"sessionid={key}"}
    return http().post(PREFIX + topic, json.dumps(personal(topic)), "application/json", headers=headers)


@pytest.mark.parametrize(
    "accounts", [KEY, [KEY], {"one": KEY}, {"one": [KEY, "another-key-0123456789"], "two": "x" * 30}]
)
@pytest.mark.parametrize("debug", [False, True])
def test_debug_page_masks_keys_in_any_form_of_the_setting(reported, monkeypatch, accounts, debug):
    monkeypatch.setattr("stockhub_webhooks.views.runners.current", fail)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": accounts}, DEBUG=debug), reported() as found:
        assert send("order", KEY).status_code == 500
    (report,) = found
    assert "API_KEYS" in report
    assert KEY not in report
    assert "another-key" not in report


@pytest.mark.parametrize("where", AT_THE_DOOR)
def test_error_report_of_authentication_has_no_key_and_no_body(reported, monkeypatch, where):
    monkeypatch.setattr(where, fail)
    with reported() as found:
        for topic in topics.ALL:
            assert send(topic, KEY).status_code == 500
    assert len(found) == len(topics.ALL)
    assert all("a bug of ours" in report for report in found)
    assert_clean("".join(found))


@pytest.mark.parametrize("where", WHEN_REFUSED)
@pytest.mark.parametrize("key", [WRONG, KEY[:-1]])
def test_error_report_of_a_refusal_has_no_key_and_no_body(reported, monkeypatch, where, key):
    monkeypatch.setattr(where, fail)
    with reported() as found:
        assert send("order", key).status_code == 500
    assert key not in found[0]
    assert_clean(found[0])


@pytest.mark.parametrize("where", [where for where in AT_THE_DOOR if "authentication" not in where])
@override_settings(DEBUG=True)
def test_debug_page_after_authentication_has_no_key(reported, monkeypatch, where):
    """With DEBUG, Django masks no variables, so bodies are shown: see SECURITY.md."""
    monkeypatch.setattr(where, fail)
    with reported() as found:
        assert send("order", KEY).status_code == 500
    assert where.endswith("authenticate") or KEY not in found[0]


# ---------------------------------------------------------------- in the admin


@pytest.fixture
def office(django_user_model):
    """Return a client that is logged in and answers 500 instead of raising."""
    client = http()
    client.force_login(django_user_model.objects.create_superuser("office", "office@example.com", "secret"))
    return client


@pytest.mark.parametrize(
    "where", ["stockhub_webhooks.admin.entry.ingest.bare", "stockhub_webhooks.receiving.journal.insert"]
)
def test_error_report_of_the_entry_form_has_no_body(reported, monkeypatch, settings, office, where):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    monkeypatch.setattr(where, fail)
    address = reverse("admin:stockhub_webhooks_message_enter")
    with reported() as found:
        for topic in topics.ALL:
            assert office.post(address, {"body": json.dumps(personal(topic)), "topic": topic}).status_code == 500
    assert_clean("".join(found))


@pytest.mark.parametrize("where", ["journal.insert", "journal.enter", "refusals.message_of"])
def test_release_that_is_broken_off_tells_no_body(reported, monkeypatch, office, logged, where):  # noqa: F811 - fixture
    """It is a bulk request, which catches the error, logs where it was, and keeps it for the office."""
    send("order", WRONG)
    monkeypatch.setattr(f"stockhub_webhooks.receiving.{where}", fail)
    address = f"{reverse('admin:stockhub_webhooks_refusedbody_release')}?ids={RefusedBody.objects.get().pk}"
    with reported() as found:
        answer = office.post(address, {"reason": "the key was changed"}, follow=True)
    assert not found
    request = BulkRequest.objects.get()
    assert answer.redirect_chain == [(reverse("admin:stockhub_webhooks_bulkrequest_change", args=[request.pk]), 302)]
    assert request.status == BulkRequest.Status.FAILED
    assert f" {request.pk} is broken off (ZeroDivisionError at " in logged()
    assert "a bug of ours" in request.last_error
    assert "a bug of ours" in answer.text
    assert_clean(logged() + request.last_error + answer.text)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "where", ["receiving.refusals.message_of", "operations.release.replay_message", "operations.release._is_proved"]
)
def test_error_report_of_the_preview_of_a_release_has_no_body(reported, monkeypatch, office, where):
    send("order", WRONG)
    monkeypatch.setattr(f"stockhub_webhooks.{where}", fail)
    monkeypatch.setattr("stockhub_webhooks.operations.release.try_step", lambda message, attempt: attempt(message))
    with reported() as found:
        address = reverse("admin:stockhub_webhooks_refusedbody_release")
        assert office.get(f"{address}?ids={RefusedBody.objects.get().pk}").status_code == 500
    assert_clean(found[0])


@pytest.mark.parametrize("where", ["read_text", "_is_json", "_indented"])
def test_error_report_of_the_body_display_has_no_body(reported, monkeypatch, office, where):
    send("order", KEY)
    monkeypatch.setattr(f"stockhub_webhooks.admin.body_text.{where}", fail)
    with reported() as found:
        page = reverse("admin:stockhub_webhooks_message_change", args=[Message.objects.get().pk])
        assert office.get(page).status_code == 500
    assert_clean(found[0])


def test_secrets_under_test_would_be_found():
    assert all(secret in json.dumps(personal("order")) for secret in SECRETS[2:])


def test_error_report_reads_no_rows(reported, staff, post, monkeypatch):
    post("order")
    staff.raise_request_exception = False
    pages = {
        "/api/stockhub/orders/": "stockhub_webhooks.contrib.rest.views.ReadOnly.finalize_response",
        reverse("admin:stockhub_webhooks_order_changelist"): "stockhub_webhooks.admin.base.ReadOnlyAdmin.get_ordering",
        reverse("admin:stockhub_webhooks_find") + "?q=0000": "stockhub_webhooks.admin.find_page.purchases",
    }
    for page, where in pages.items():
        with monkeypatch.context() as patch:
            patch.setattr(where, lambda *args, **options: fail(rows=Order.objects.all(), found=[Order.objects.all()]))
            with reported() as found:
                assert staff.get(page).status_code == 500
        assert "Order, not read" in found[0], page
        assert contract("order")["increment_id"] not in found[0]
