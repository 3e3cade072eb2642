"""Every row of the answer table, inside a host that gets in the way wherever it can."""

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
from stockhub_webhooks.models import Event, Message, Order, Refusal
from stockhub_webhooks.processing import apply
from stockhub_webhooks.receiving import journal, spool
from stockhub_webhooks.views import ReceiveView
from tests.conftest import KEY, PREFIX
from tests.samples import contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
pytestmark = pytest.mark.django_db


@pytest.fixture
def broken_database(monkeypatch):
    """The journal's INSERT fails, as often as it is tried."""
    tries = []

    def insert(rows, using, **options):
        tries.append(rows)
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(journal, "insert", insert)
    return tries


# ---------------------------------------------------------------- 200


@EACH_TOPIC
def test_stored_and_applied_is_200_with_the_outcome(post, topic):
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
def test_the_shared_url_takes_every_topic(post, topic):
    assert post("any", contract(topic)).json()["outcome"] == "created"
    message = Message.objects.get()
    assert (message.url_topic, message.topic) == ("", topic)


@EACH_TOPIC
def test_the_body_overrules_the_url_and_the_mismatch_is_noted(post, topic):
    url = "invoice" if topic != "invoice" else "any"
    assert post(url, contract(topic)).json()["outcome"] == "created"
    message = Message.objects.get()
    assert message.topic == topic
    noted = {note["code"] for note in message.notes}
    assert ("topic_differs" in noted) == (url != "any")


@EACH_TOPIC
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_or_none_and_never_a_redirect(client, topic, slash):
    answer = client.post(
        f"{PREFIX}{topic}{slash}", contract(topic), content_type="application/json", headers={"x-api-key": KEY}
    )
    assert answer.status_code == 200


def test_the_names_of_the_addresses():
    for topic in topics.ALL:
        assert reverse(f"stockhub_webhooks:{topic}") == f"{PREFIX}{topic}"
    assert reverse("stockhub_webhooks:any") == PREFIX
    assert reverse("stockhub_webhooks:health") == f"{PREFIX}health"


@EACH_TOPIC
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=0.9", "nonsense", "*/*"])
def test_whatever_the_headers_say_it_is_json(post, topic, content_type, accept):
    answer = post(topic, content_type=content_type, headers={"accept": accept}, query_params={"format": "xml"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["outcome"] == "created"


# ---------------------------------------------------------------- 202


@EACH_TOPIC
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"})
def test_a_deferred_runner_answers_202_and_applies_nothing(post, topic):
    answer = post(topic)
    message = Message.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"message": message.pk})
    assert message.status == "received"
    assert not Event.objects.exists()


@EACH_TOPIC
def test_with_the_database_away_it_goes_to_the_spool_and_is_202(post, topic, broken_database, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        answer = post(topic)
        (path,) = spool.files()
        record = spool.read(path)
    assert answer.status_code == 202
    assert answer.json() == {"message": str(record["uid"])}
    assert record["body"] == json.dumps(contract(topic)).encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY not in path.read_text()


@EACH_TOPIC
@pytest.mark.parametrize("fault", [OperationalError("deadlock detected"), ZeroDivisionError("a bug of ours")])
def test_what_cannot_be_applied_now_is_202_and_stays_open(post, topic, monkeypatch, fault):
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
def test_a_runner_that_cannot_be_had_loses_nothing(post, caplog, path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": path}):
        assert post("order").status_code == 202
    assert "RUNNER" in caplog.text


# ---------------------------------------------------------------- 406


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"{}", "no_identifier"),
    ],
)
@EACH_TOPIC
def test_not_readable_is_406_and_kept_byte_for_byte(post, topic, body, reason):
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


def test_the_shared_url_quarantines_what_has_no_shape(post):
    assert post("any", {"increment_id": "1"}).status_code == 406
    assert Message.objects.get().error.startswith("no_topic")


# ---------------------------------------------------------------- 401


@EACH_TOPIC
@pytest.mark.parametrize("key", [None, "", "a-mistyped-key", KEY + " x"])
def test_without_the_key_it_is_401_and_nothing_is_kept(post, topic, key, caplog):
    answer = post(topic, key=key)
    assert answer.status_code == 401
    assert answer["content-type"] == "application/problem+json"
    assert not Message.objects.exists()
    assert Refusal.objects.get().reason == ("wrong_key" if key else "no_key")
    assert not key or key not in caplog.text


def test_refusing_needs_no_database(post, monkeypatch, caplog):
    def gone(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", gone)
    assert post("order", key="wrong").status_code == 401
    assert "not counted" in caplog.text


# ---------------------------------------------------------------- 413


@EACH_TOPIC
@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_a_body_over_the_limit_is_413_and_nothing_is_kept(post, topic):
    assert post(topic, b"x" * 101).status_code == 413
    assert not Message.objects.exists()


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_a_body_of_just_the_limit_is_taken(post):
    assert post("order", b"x" * 100).status_code == 406


@pytest.mark.parametrize("length", ["", "²", "9" * 5000, "-1", "x"])
def test_a_nonsensical_length_breaks_nothing(rf, length):
    request = rf.post(PREFIX, b"{}", content_type="application/json", headers={"x-api-key": KEY})
    request.META["CONTENT_LENGTH"] = length
    request.META["REMOTE_ADDR"] = None
    assert ReceiveView.as_view()(request).status_code == (413 if length.startswith("9") else 406)


# ---------------------------------------------------------------- 405


@EACH_TOPIC
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_taken(client, topic, method):
    answer = getattr(client, method)(PREFIX + topic, headers={"x-api-key": KEY})
    assert answer.status_code == 405
    assert answer["allow"] == "POST"
    assert not Message.objects.exists()


# ---------------------------------------------------------------- 503


@EACH_TOPIC
def test_what_can_be_stored_nowhere_is_503(post, topic, broken_database, caplog):
    answer = post(topic)
    assert answer.status_code == 503
    assert "LOST" in caplog.text
    assert "Testman" not in caplog.text


def test_a_spool_that_cannot_be_written_is_503(post, broken_database, tmp_path):
    (tmp_path / "file").write_text("")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "file")}):
        assert post("order").status_code == 503


# ---------------------------------------------------------------- independent of the shop


@EACH_TOPIC
def test_the_answer_never_depends_on_receivers(post, topic, hear):
    def fail(**arguments):
        raise ValueError("no")

    heard = hear(signals.event_recorded, fail)
    for signal in (signals.message_received, signals.message_quarantined, signals.receiver_failed):
        signal.connect(fail, weak=False, dispatch_uid="test")
    try:
        assert post(topic).status_code == 200
        assert post(topic, b"").status_code == 406
    finally:
        for signal in (signals.message_received, signals.message_quarantined, signals.receiver_failed):
            assert signal.disconnect(dispatch_uid="test")
    assert heard


def test_work_that_fails_after_the_answer_is_logged_and_stays_due(post, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("Testman")

    monkeypatch.setattr("stockhub_webhooks.operations.worker.drain", fail)
    assert post("order").status_code == 200
    assert "after the answer" in caplog.text
    assert "Testman" not in caplog.text


def test_health_answers_without_a_key_and_without_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get(PREFIX + "health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@EACH_TOPIC
def test_nothing_personal_and_no_key_in_the_logs(post, topic, caplog):
    caplog.set_level(logging.DEBUG, "stockhub_webhooks")
    post(topic)
    post(topic, sample(topic, items="x"))
    post(topic, b"{Testman")
    assert "Testman" not in caplog.text
    assert KEY not in caplog.text


def test_the_view_opts_out_of_the_hosts_transactions_on_every_alias(client, monkeypatch):
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
    """Any JSON in: never 500, and the bytes are kept."""

    @given(
        st.sampled_from((*topics.ALL, "any")),
        st.sampled_from(topics.ALL),
        st.dictionaries(st.sampled_from([name for t in topics.ALL for name in contract(t)]), JSON, max_size=6),
    )
    def test_it_is_applied_or_quarantined(self, url, topic, changes):
        body = json.dumps(contract(topic) | changes).encode()
        path = PREFIX + ("" if url == "any" else url)
        answer = self.client.post(path, body, content_type="application/json", headers={"x-api-key": KEY})
        assert answer.status_code in (200, 406), answer.content
        message = Message.objects.get(pk=answer.json()["message"])
        assert bytes(message.body) == body
        assert message.status in ("applied", "quarantined"), message.error

    @given(st.binary(max_size=300))
    def test_any_bytes_are_kept(self, body):
        answer = self.client.post(PREFIX, body, content_type="application/json", headers={"x-api-key": KEY})
        assert answer.status_code in (200, 406)
        assert bytes(Message.objects.get(pk=answer.json()["message"]).body) == body


def test_apply_knows_every_topic():
    assert set(apply.BY_TOPIC) == set(topics.ALL)
    assert Order is apply.BY_TOPIC["order"].model
