"""Each row of the table of answers, in a host whose settings would break a usual view."""

import base64
import gzip
import json
import logging

import pytest
from django.db import DatabaseError, OperationalError
from django.test import override_settings
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Event, Message, Order, Refusal, RefusedBody
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.processing import apply
from stockhub_webhooks.receiving import journal, spool
from stockhub_webhooks.views import ReceiveView
from tests.conftest import KEY, PREFIX
from tests.samples import contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
pytestmark = pytest.mark.django_db


@pytest.fixture
def broken_database(monkeypatch):
    """Let each INSERT of the journal fail."""
    attempts = []

    def insert(rows, using, **options):
        attempts.append(rows)
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(journal, "insert", insert)
    return attempts


# ---------------------------------------------------------------- 200


@EACH_TOPIC
def test_stored_and_applied_message_is_answered_200_with_the_outcome(post, topic):
    answer = post(topic)
    message = Message.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {"message": message.pk, "outcome": "created"}
    assert answer["content-type"] == "application/json"
    assert bytes(message.body) == json.dumps(contract(topic)).encode()
    assert (message.topic, message.url_topic, message.status) == (topic, topic, "applied")
    assert message.api_version == "V1"
    assert KEY not in json.dumps(message.headers)


@EACH_TOPIC
def test_shared_url_accepts_each_topic(post, topic):
    assert post("any", contract(topic)).json()["outcome"] == "created"
    message = Message.objects.get()
    assert (message.url_topic, message.topic) == ("", topic)


@EACH_TOPIC
def test_body_overrules_the_url_and_the_difference_is_noted(post, topic):
    url = "invoice" if topic != "invoice" else "any"
    assert post(url, contract(topic)).json()["outcome"] == "created"
    message = Message.objects.get()
    assert message.topic == topic
    noted = {note["code"] for note in message.notes}
    assert ("topic_differs" in noted) == (url != "any")


@EACH_TOPIC
@pytest.mark.parametrize("slash", ["", "/"])
def test_trailing_slash_is_optional_and_never_redirected(client, topic, slash):
    answer = client.post(
        f"{PREFIX}{topic}{slash}", contract(topic), content_type="application/json", headers={"x-api-key": KEY}
    )
    assert answer.status_code == 200


def test_names_of_the_urls():
    for topic in topics.ALL:
        assert reverse(f"stockhub_webhooks:{topic}") == f"{PREFIX}{topic}"
    assert reverse("stockhub_webhooks:any") == PREFIX
    assert reverse("stockhub_webhooks:health") == f"{PREFIX}health"


@EACH_TOPIC
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=0.9", "nonsense", "*/*"])
def test_body_is_read_as_json_whatever_its_headers_say(post, topic, content_type, accept):
    answer = post(topic, content_type=content_type, headers={"accept": accept}, query_params={"format": "xml"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["outcome"] == "created"


# ---------------------------------------------------------------- 202


@EACH_TOPIC
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"})
def test_deferred_runner_answers_202_and_applies_nothing(post, topic):
    answer = post(topic)
    message = Message.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"message": message.pk})
    assert message.status == "received"
    assert not Event.objects.exists()


@EACH_TOPIC
def test_message_goes_to_the_spool_and_is_answered_202_if_the_database_is_down(post, topic, broken_database, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        answer = post(topic)
        (path,) = spool.files()
        record = spool.read(path)
    assert answer.status_code == 202
    assert answer.json() == {"message": str(record["uid"])}
    assert base64.b64decode(record["body"]) == json.dumps(contract(topic)).encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY not in path.read_text()


@EACH_TOPIC
@pytest.mark.parametrize("fault", [OperationalError("deadlock detected"), ZeroDivisionError("a bug")])
def test_message_that_cannot_be_applied_now_is_answered_202_and_stays_due(post, topic, monkeypatch, fault):
    def fail(*args):
        raise fault

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", fail)
    answer = post(topic)
    message = Message.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"message": message.pk})
    assert message.status == "received"
    assert message.due_at is not None
    assert type(fault).__name__ in message.error


class BrokenRunner:
    def __init__(self):
        raise ValueError("not configured")


@pytest.mark.parametrize("path", ["no.such.runner", "tests.test_views.BrokenRunner"])
def test_runner_that_cannot_be_loaded_loses_no_message(post, caplog, path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": path}):
        assert post("order").status_code == 202
    assert "RUNNER" in caplog.text


# ---------------------------------------------------------------- 406


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b'{"status": "complete"}', "no_identifier"),
    ],
)
@EACH_TOPIC
def test_unreadable_body_is_answered_406_and_kept_byte_for_byte(post, topic, body, reason):
    answer = post(topic, body)
    message = Message.objects.get()
    assert answer.status_code == 406
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["message"] == message.pk
    assert answer.json()["status"] == 406
    assert answer.json()["detail"]
    assert bytes(message.body) == body
    assert (message.status, message.due_at) == ("quarantined", None)
    assert message.error.startswith(reason)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b"{ }\n", gzip.compress(b"{}", mtime=0)])
@pytest.mark.parametrize("url", ["any", *topics.ALL])
def test_ping_is_answered_406_and_needs_no_attention(post, url, body):
    answer = post(url, body)
    message = Message.objects.get()
    assert answer.status_code == 406
    assert answer.json()["message"] == message.pk
    assert answer.json()["detail"]
    assert bytes(message.body) == body
    assert (message.status, message.dismissed_reason, message.due_at) == ("dismissed", "ping", None)
    assert not Message.objects.failing().exists()
    report = collect_report()
    assert (report.quarantined.count, report.failed.count, report.open_messages.count) == (0, 0, 0)
    assert "quarantined" not in {found.code for found in find_problems(report)}


@pytest.mark.parametrize(
    "how", [{"CONTENT_LENGTH": "5000"}, {"CONTENT_LENGTH": "²"}, {"HTTP_TRANSFER_ENCODING": "chunked"}]
)
def test_body_that_did_not_arrive_is_no_ping(rf, how):
    request = rf.post(PREFIX, b"", content_type="application/json", headers={"x-api-key": KEY})
    request.META |= how
    assert ReceiveView.as_view()(request).status_code == 406
    assert Message.objects.get().status == "quarantined"


def test_shared_url_quarantines_a_body_without_a_topic(post):
    assert post("any", {"increment_id": "1"}).status_code == 406
    assert Message.objects.get().error.startswith("no_topic")


# ---------------------------------------------------------------- 401


@EACH_TOPIC
@pytest.mark.parametrize("key", [None, "", "a-mistyped-key", KEY + " x"])
def test_delivery_without_the_key_is_answered_401_and_not_stored(post, topic, key, caplog):
    answer = post(topic, key=key)
    assert answer.status_code == 401
    assert answer["content-type"] == "application/problem+json"
    assert not Message.objects.exists()
    assert Refusal.objects.get().reason == ("wrong_key" if key else "no_key")
    assert not key or key not in caplog.text


def test_refusal_needs_no_database(post, monkeypatch, caplog):
    def gone(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", gone)
    assert post("order", key="wrong").status_code == 401
    assert "stockhub_webhooks.receiving.refusals" in [record.name for record in caplog.records]


# ---------------------------------------------------------------- 413


@EACH_TOPIC
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_body_over_the_limit_is_answered_413_and_not_stored(post, topic):
    assert post(topic, b"x" * 101).status_code == 413
    assert not Message.objects.exists()


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_body_of_exactly_the_limit_is_accepted(post):
    assert post("order", b"x" * 100).status_code == 406


@pytest.mark.parametrize("length", ["", "²", "9" * 5000, "-1", "x"])
def test_nonsensical_content_length_is_ignored(rf, length):
    request = rf.post(PREFIX, b"{}", content_type="application/json", headers={"x-api-key": KEY})
    request.META["CONTENT_LENGTH"] = length
    request.META["REMOTE_ADDR"] = None
    assert ReceiveView.as_view()(request).status_code == (413 if length.startswith("9") else 406)


# ---------------------------------------------------------------- 405


@EACH_TOPIC
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_accepted(client, topic, method):
    answer = getattr(client, method)(PREFIX + topic, headers={"x-api-key": KEY})
    assert answer.status_code == 405
    assert answer["allow"] == "POST"
    assert not Message.objects.exists()


# ---------------------------------------------------------------- 503


@EACH_TOPIC
def test_message_that_cannot_be_stored_is_answered_503_and_logged(post, topic, broken_database, caplog):
    answer = post(topic)
    assert answer.status_code == 503
    assert "LOST" in caplog.text
    assert "Testman" not in caplog.text


def test_unwritable_spool_is_answered_503(post, broken_database, tmp_path):
    (tmp_path / "file").write_text("")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "file")}):
        assert post("order").status_code == 503


# ---------------------------------------------------------------- independent of the shop


@EACH_TOPIC
def test_answer_never_depends_on_receivers(post, topic, hear):
    def fail(**arguments):
        raise ValueError("no")

    calls = hear(signals.event_recorded, fail)
    for signal in (signals.message_received, signals.message_quarantined, signals.receiver_failed):
        signal.connect(fail, weak=False, dispatch_uid="test")
    try:
        assert post(topic).status_code == 200
        assert post(topic, b"").status_code == 406
    finally:
        for signal in (signals.message_received, signals.message_quarantined, signals.receiver_failed):
            assert signal.disconnect(dispatch_uid="test")
    assert calls


def test_work_that_fails_after_the_answer_is_logged(post, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("Testman")

    monkeypatch.setattr("stockhub_webhooks.operations.worker.drain", fail)
    assert post("order").status_code == 200
    assert "stockhub_webhooks.receiving.answers" in [record.name for record in caplog.records]
    assert "Testman" not in caplog.text


def test_health_answers_without_a_key_and_without_a_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get(PREFIX + "health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@EACH_TOPIC
def test_logs_hold_no_personal_data_and_no_key(post, topic, caplog):
    caplog.set_level(logging.DEBUG, "stockhub_webhooks")
    post(topic)
    post(topic, sample(topic, items="x"))
    post(topic, b"{Testman")
    assert "Testman" not in caplog.text
    assert KEY not in caplog.text


def test_view_opts_out_of_atomic_requests_on_each_database(client, monkeypatch):
    from django.db import connections

    inside = {}
    real = journal.store

    def store(message, **options):
        inside.update({alias: connections[alias].in_atomic_block for alias in ("other",)})
        return real(message, **options)

    monkeypatch.setattr(journal, "store", store)
    client.post(PREFIX + "order", contract("order"), content_type="application/json", headers={"x-api-key": KEY})
    assert inside == {"other": False}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


class TestAnyJson(HypothesisTestCase):
    """Any body is stored and never answered 500."""

    @given(
        st.sampled_from((*topics.ALL, "any")),
        st.sampled_from(topics.ALL),
        st.dictionaries(st.sampled_from([name for t in topics.ALL for name in contract(t)]), JSON, max_size=6),
    )
    def test_any_json_is_applied_or_quarantined(self, url, topic, changes):
        body = json.dumps(contract(topic) | changes).encode()
        path = PREFIX + ("" if url == "any" else url)
        answer = self.client.post(path, body, content_type="application/json", headers={"x-api-key": KEY})
        assert answer.status_code in (200, 406), answer.content
        message = Message.objects.get(pk=answer.json()["message"])
        assert bytes(message.body) == body
        assert message.status in ("applied", "quarantined"), message.error

    @given(st.binary(max_size=300))
    def test_any_bytes_are_stored(self, body):
        answer = self.client.post(PREFIX, body, content_type="application/json", headers={"x-api-key": KEY})
        assert answer.status_code in (200, 406)
        assert bytes(Message.objects.get(pk=answer.json()["message"]).body) == body


def test_apply_knows_each_topic():
    assert set(apply.BY_TOPIC) == set(topics.ALL)
    assert Order is apply.BY_TOPIC["order"].model


# ---------------------------------------------------------------- addresses one keystroke away


@pytest.mark.parametrize("topic", topics.ALL)
@pytest.mark.parametrize("address", ["/{}", "{}s", "{}.json", "{}%20", "v1/{}"])
def test_message_to_a_nearby_address_is_received_and_noted(client, topic, address):
    path = PREFIX + address.format(topic.title())
    response = client.post(path, contract(topic), content_type="application/json", headers={"x-api-key": KEY})
    assert (response.status_code, response.json()["outcome"]) == (200, "created")
    message = Message.objects.get()
    assert (message.url_topic, message.topic) == (topic, topic)
    assert "nearby_address" in [note["code"] for note in message.notes]


@pytest.mark.parametrize("topic", topics.ALL)
def test_message_to_any_other_address_below_the_prefix_is_known_by_its_shape(client, topic):
    headers = {"x-api-key": KEY}
    response = client.post(f"{PREFIX}webhook", contract(topic), content_type="application/json", headers=headers)
    assert response.status_code == 200
    assert (Message.objects.get().url_topic, Message.objects.get().topic) == ("", topic)


@pytest.mark.parametrize("method", ["get", "head", "options", "delete"])
def test_nearby_address_does_not_exist_for_other_methods(client, method):
    assert getattr(client, method)(f"{PREFIX}orders", headers={"x-api-key": KEY}).status_code == 404
    assert not Refusal.objects.exists()


def test_nearby_address_needs_the_key(client):
    assert client.post(f"{PREFIX}orders", contract("order"), content_type="application/json").status_code == 401
    assert Refusal.objects.get().reason == "no_key"


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("address", ["order", "orders"])
def test_other_method_with_the_key_is_counted(client, method, address):
    send = getattr(client, method)
    assert send(PREFIX + address, contract("order"), content_type="application/json").status_code == 405
    assert not Refusal.objects.exists()
    headers = {"x-api-key": KEY}
    response = send(PREFIX + address, contract("order"), content_type="application/json", headers=headers)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert (Refusal.objects.get().reason, Message.objects.count()) == ("wrong_method", 0)


def test_compressed_body_that_unpacks_to_too_much_is_refused_and_kept(client, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_BODY_BYTES": 10_000}
    body = gzip.compress(b" " * 1_000_000)
    headers = {"x-api-key": KEY, "content-encoding": "gzip"}
    response = client.generic("POST", f"{PREFIX}order", body, content_type="application/json", headers=headers)
    assert response.status_code == 413
    assert Refusal.objects.get().reason == "too_large"
    assert bytes(RefusedBody.objects.get().body) == body
