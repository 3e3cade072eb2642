"""Test the application that keeps messages while the main server is down."""

import io
import json
import time
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import RequestFactory, override_settings

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Address, Event, Message
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.privacy import files
from stockhub_webhooks.receiving import journal_copy, spool, spool_import
from stockhub_webhooks.standby import application
from tests.conftest import KEY, PREFIX
from tests.samples import contract


@contextmanager
def without_signals():
    """Leave the connections of the tests alone, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@pytest.fixture
def standby(tmp_path, monkeypatch):
    """Return a function that sends a request to the standby; opening a connection fails the test."""
    opened = []

    def connect(self):
        opened.append(self.alias)
        raise AssertionError("the standby opened a connection")

    def send(path, body=b"", *, method="POST", key=KEY, **headers):
        headers |= {"X-Api-Key": key} if key else {}
        request = RequestFactory().generic(method, path, body, content_type="application/json", headers=headers)
        answer = {}

        def start_response(status, headers, exc_info=None):
            answer.update(status=int(status.split()[0]), headers=dict(headers))

        with monkeypatch.context() as patch, without_signals():
            patch.setattr(BaseDatabaseWrapper, "ensure_connection", connect)
            response = application(request.environ, start_response)
            answer["body"] = json.loads(b"".join(response) or b"null")
            response.close()
        assert not opened
        return answer

    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        yield send


def body_of(topic):
    return json.dumps(contract(topic)).encode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("topic", topics.ALL)
def test_message_is_answered_202_and_imported_later(standby, topic):
    answer = standby(PREFIX + topic, body_of(topic), **{"X-Version": "V1"})
    (path,) = spool.files()
    assert (answer["status"], answer["body"]) == (202, {"message": path.stem})
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    assert KEY not in path.read_text()
    assert spool_import.import_spool() == 1
    worker.drain()
    message = Message.objects.get()
    assert (str(message.uid), bytes(message.body)) == (path.stem, body_of(topic))
    assert (message.topic, message.status, message.outcome) == (topic, "applied", "created")
    assert message.key_fingerprint


@pytest.mark.django_db(transaction=True)
def test_standby_writes_the_same_record_as_the_main_server(standby, post, monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("stockhub_webhooks.receiving.journal.insert", gone)
        post("order")
    standby(PREFIX + "order", body_of("order"), **{"X-Version": "V1"})
    first, second = (json.loads(path.read_text()) for path in spool.files())
    for record in (first, second):
        del record["uid"], record["received_at"]
    assert first == second


@pytest.mark.django_db(transaction=True)
def test_post_that_the_main_server_had_stored_changes_nothing(standby, post):
    assert post("order").status_code == 200
    events = Event.objects.count()
    standby(PREFIX + "order", body_of("order"))
    worker.drain()
    assert list(Message.objects.order_by("pk").values_list("outcome", flat=True)) == ["created", "unchanged"]
    assert Event.objects.count() == events


@pytest.mark.django_db(transaction=True)
def test_message_about_an_erased_order_is_imported_without_persons(standby, post, tmp_path, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"JOURNAL_COPY_DIR": str(tmp_path / "copy")}
    assert post("order").status_code == 200
    call_command("stockhub_erase", order=contract("order")["increment_id"], interactive=False, stdout=io.StringIO())
    email = contract("order")["shipping_address"]["email"]
    assert standby(PREFIX + "order", body_of("order"))["status"] == 202
    worker.drain()
    assert not Address.objects.exists()
    assert not any(bytes(message.body) for message in Message.objects.all())
    journal_copy.COPY.close()
    assert any(email in path.read_text() for path in journal_copy.files(tmp_path / "copy"))
    files.clean_journal_copies(tmp_path / "copy", now=time.time() + 7200)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and email in path.read_text()]


@pytest.mark.parametrize(
    ("path", "topic"),
    [
        ("/order", "order"),
        ("/x/y/order/", "order"),
        ("/x/Orders", "order"),
        ("/x/", ""),
        ("/", ""),
        ("/x/rma.json", "rma"),
    ],
)
def test_topic_is_the_last_part_of_the_path(standby, path, topic):
    assert standby(path, body_of("order"))["status"] == 202
    (file,) = spool.files()
    assert spool.read(file)["url_topic"] == topic


@pytest.mark.parametrize("key", ["wrong", "", None])
def test_wrong_key_is_401_and_nothing_is_written(standby, key):
    assert standby(PREFIX + "order", body_of("order"), key=key)["status"] == 401
    assert list(spool.files()) == []


def test_body_over_the_limit_is_413(standby, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "s", "MAX_BODY_BYTES": 10}):
        assert standby(PREFIX + "order", b"x" * 11)["status"] == 413
        assert standby(PREFIX + "order", b"x" * 10)["status"] == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_405(standby, method):
    answer = standby(PREFIX + "order", body_of("order"), method=method)
    assert (answer["status"], answer["headers"]["Allow"]) == (405, "POST")
    assert list(spool.files()) == []


def test_health_is_200(standby):
    for key in (KEY, None, "wrong"):
        answer = standby(PREFIX + "health", method="GET", key=key)
        assert (answer["status"], answer["body"]) == (200, {"status": "ok"})


@pytest.mark.parametrize("spool_dir", ["", "/dev/null/spool"])
def test_spool_that_cannot_be_written_is_503(standby, spool_dir, caplog):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": spool_dir}):
        assert standby(PREFIX + "order", body_of("order"))["status"] == 503
    assert "LOST" in caplog.text


def test_fault_of_ours_is_503_and_logged(standby, monkeypatch, caplog):
    def fail(message):
        raise RuntimeError("ours")

    monkeypatch.setattr("stockhub_webhooks.receiving.journal.write_to_spool", fail)
    assert standby(PREFIX + "order", body_of("order"))["status"] == 503
    assert "LOST" in caplog.text


def test_chunked_body_is_read(standby, monkeypatch):
    environ = RequestFactory().post(PREFIX + "order", headers={"X-Api-Key": KEY}).environ
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body_of("order"))}
    with without_signals():
        response = application(environ, lambda *args: None)
        response.close()
    assert response.status_code == 202
    (file,) = spool.files()
    assert spool.read(file)["body"]
