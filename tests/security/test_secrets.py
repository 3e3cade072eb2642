"""Logs, reprs and spool files have no key and no personal data."""

import gc
import json
import logging
from dataclasses import is_dataclass

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import Model
from django.test import override_settings

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater, error_location
from stockhub_webhooks.models import Message, ReceiverCall, Refusal, RefusedBody
from stockhub_webhooks.operations import search_index
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.processing import apply
from stockhub_webhooks.receiving import journal, refusals, spool
from tests.conftest import KEY, PREFIX
from tests.samples import ALPHABETICAL, contract

pytestmark = pytest.mark.django_db(databases="__all__")
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)

WRONG = "a-wrong-key-9876543210"
PERSONAL = {
    "first_name": "Persephone",
    "last_name": "Quackenbush",
    "email": "persephone@quackenbush.example",
    "telephone": "0612345678",
    "street": "Zonnebloemstraat",
    "house_number": "4321-hs",
    "postcode": "9876 ZZ",
    "city": "Winterswijk",
    "company_name": "Quackenbush Holding",
}
SECRETS = (KEY, WRONG, *PERSONAL.values())


def personal(topic):
    """Return the example of a topic with personal data that is easy to find."""

    def put(value):
        if not isinstance(value, dict):
            return [put(part) for part in value] if isinstance(value, list) else value
        return {name: PERSONAL.get(name, put(part)) for name, part in value.items()}

    return put(contract(topic))


def assert_clean(text):
    found = [secret for secret in SECRETS if secret in text]
    assert not found


@pytest.fixture
def logged(caplog):
    """Return a function that returns the log lines of all levels."""
    loggers = [logging.getLogger(name) for name in ("", "django", "django.request", "stockhub_webhooks")]
    former = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)

    def text():
        """Return the log, with tracebacks and arguments."""
        return caplog.text + "".join(f"{record.args!r}{vars(record)!r}" for record in caplog.records)

    yield text
    for logger, level in zip(loggers, former, strict=True):
        logger.setLevel(level)


def complains(**arguments):
    raise ValueError(f"{PERSONAL['email']} is unknown in the stock system")


def gives_up(**arguments):
    raise PermanentFailure(f"{PERSONAL['street']} does not exist")


def waits(**arguments):
    raise RetryLater(60)


def fails_with(fault):
    def fail(*args, **options):
        raise fault

    return fail


# ---------------------------------------------------------------- logs


@EACH_TOPIC
def test_logs_of_accepted_and_refused_messages_have_no_key_or_personal_data(post, topic, logged):
    body = personal(topic)
    post(topic, body)
    post(topic, body | {"items": PERSONAL["email"], "updated_at": PERSONAL["street"], "status": PERSONAL["city"]})
    post(topic, json.dumps(body).encode()[:-1])
    post(topic, json.dumps([body]).encode())
    post(topic, body, key=WRONG)
    post(topic, body, key=None)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 10}):
        post(topic, body)
    assert Message.objects.count() == 4
    assert "refused" in logged()
    assert_clean(logged())


@EACH_TOPIC
def test_logs_of_failing_receivers_have_no_key_or_personal_data(post, topic, hear, logged):
    for number, way in enumerate((complains, gives_up, waits)):
        hear(signals.event_recorded, way, uid=f"shop.{number}")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 1}):
        post(topic, personal(topic))
        call_command("stockhub_worker", "--once")
    assert ReceiverCall.objects.filter(status="given_up").exists()
    assert_clean(logged())


FAULTS = [OperationalError(PERSONAL["email"]), ZeroDivisionError(PERSONAL["email"]), ValueError(KEY)]


@EACH_TOPIC
@pytest.mark.parametrize(
    "where", ["stockhub_webhooks.processing.pipeline.apply", "stockhub_webhooks.processing.pipeline.ledger.record"]
)
@pytest.mark.parametrize("fault", FAULTS)
def test_logs_of_failing_messages_have_no_key_or_personal_data(post, topic, logged, monkeypatch, where, fault):
    monkeypatch.setattr(where, fails_with(fault))
    assert post(topic, personal(topic)).status_code == 202
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 1}):
        Message.objects.update(attempts=0, due_at=Message.objects.get().received_at)
        call_command("stockhub_worker", "--once")
    assert Message.objects.get().status == "failed"
    assert_clean(logged())


@EACH_TOPIC
@pytest.mark.parametrize("with_spool", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_logs_without_a_database_have_no_key_or_personal_data(
    post, topic, logged, monkeypatch, tmp_path, with_spool, fault
):
    where = {"SPOOL_DIR": str(tmp_path / "spool")} if with_spool else {}
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, **where}):
        with monkeypatch.context() as away:
            away.setattr(journal, "insert", fails_with(fault))
            assert post(topic, personal(topic)).status_code == (202 if with_spool else 503)
            away.setattr(refusals, "_count", fails_with(OperationalError(WRONG)))
            assert post(topic, personal(topic), key=WRONG).status_code == 401
        if with_spool:
            (tmp_path / "spool" / "broken.json").write_text(json.dumps({"body": PERSONAL["email"]}))
            call_command("stockhub_worker", "--once")
            assert Message.objects.get().status == "applied"
    assert_clean(logged())


# ---------------------------------------------------------------- stored data


@EACH_TOPIC
def test_spool_files_have_no_key_and_neutral_names(post, topic, monkeypatch, tmp_path):
    folder = tmp_path / "spool"
    monkeypatch.setattr(journal, "insert", fails_with(OperationalError("away")))
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": KEY}, "SPOOL_DIR": str(folder)}):
        assert post(topic, personal(topic), headers={"authorization": KEY, "cookie": KEY}).status_code == 202
        (path,) = spool.files()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY not in path.read_text()
    assert_clean(path.name)


@EACH_TOPIC
def test_no_column_contains_a_key(post, topic):
    cookies = {"headers": {"authorization": KEY, "cookie": KEY, "x-api-keys": KEY}}
    post(topic, **cookies)
    post(topic, key=WRONG, **cookies)
    post(topic, b"", **cookies)
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        for row in model._base_manager.values():
            assert KEY not in repr(row)
            assert WRONG not in repr(row)


def test_fingerprint_does_not_identify_a_key_from_a_list(post, settings):
    post("order", key=WRONG)
    first = Refusal.objects.get().key_fingerprint
    settings.SECRET_KEY = "another shop's"
    post("order", key=WRONG)
    assert RefusedBody.objects.latest("pk").key_fingerprint != first  # it is an HMAC with the shop's own secret
    assert len(first) == 12


# ---------------------------------------------------------------- reprs


@pytest.fixture
def seen_objects(monkeypatch, hear, post):
    """Return repr and str of all objects of this app that exist while messages are applied and delivered."""
    texts = {}

    def look(*args, **options):
        for each in gc.get_objects():
            kind = type(each)
            ours = str(kind.__module__).startswith("stockhub_webhooks.")
            if ours and (is_dataclass(kind) or issubclass(kind, (tuple, Model))):
                texts.setdefault(kind.__name__, set()).update((repr(each), str(each)))

    real = apply.apply

    def applied(reading, message):
        done = real(reading, message)
        look(done)
        return done

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", applied)
    hear(signals.shipment_updated, look)
    return texts, look


def test_no_repr_contains_a_key_or_personal_data(seen_objects, post, settings):
    texts, look = seen_objects
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": KEY}}
    for topic in ALPHABETICAL:
        assert post(topic, personal(topic)).status_code == 200
        body = personal(topic)
        for address in ("shipping_address", "billing_address", "origin_address"):
            if address in body:
                body[address]["region_code"] = "another"
        post(topic, body | {"updated_at": "2030-01-01T00:00:00+00:00", "surprise": PERSONAL["email"]})
        post(topic, body, key=WRONG)
    search_index.throttle.reset()
    assert search_index.index_due()
    rows = [row for model in apps.get_app_config("stockhub_webhooks").get_models() for row in model.objects.all()]
    reports = [collect_report()]
    look(rows, reports)
    kinds = {"Message", "Address", "MentionedNumber", "ParsedMessage", "ReceiverEvent", "Applied", "Order", "Report"}
    assert kinds <= texts.keys()
    for kind, found in texts.items():
        for text in found:
            assert not [secret for secret in SECRETS if secret in text], kind


@EACH_TOPIC
def test_repr_of_a_parsed_message_has_no_values(topic):
    reading = serializers.read(json.dumps(personal(topic)).encode(), topic)
    assert_clean(repr(reading))
    assert reading.increment_id in repr(reading)


@pytest.mark.parametrize("error", [ValueError(PERSONAL["email"]), OperationalError(KEY)])
def test_log_line_of_an_error_has_its_type_and_place_only(error):
    assert_clean(error_location(error))
    try:
        raise error
    except (ValueError, OperationalError) as caught:
        assert_clean(error_location(caught))


# ---------------------------------------------------------------- alarm, health and status


def test_alarm_health_and_status_have_no_key_or_personal_data(post, hear, client, settings, capsys):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": KEY}, "MAX_ATTEMPTS": 1}
    settings.ADMINS = ["admin@example.com"]
    hear(signals.event_recorded, gives_up, uid="shop.gives_up")
    for topic in topics.ALL:
        post(topic, personal(topic))
        post(topic, json.dumps(personal(topic)).encode() + b"}")
        post(topic, personal(topic), key=WRONG)
    calls = []
    with override_settings(STOCKHUB_WEBHOOKS={**settings.STOCKHUB_WEBHOOKS, "ALERT": f"{__name__}.hear_alarm"}):
        ALARMS.clear()
        call_command("stockhub_worker", "--once")
        calls += ALARMS
    assert calls
    with pytest.raises(SystemExit):
        call_command("stockhub_status")
    with pytest.raises(SystemExit):
        call_command("stockhub_status", "--json")
    details = client.get(PREFIX + "health", headers={"x-api-key": KEY})
    assert_clean(repr(calls) + capsys.readouterr().out + details.text + repr(mail.outbox))


ALARMS = []


def hear_alarm(subject, text):
    ALARMS.append((subject, text))
