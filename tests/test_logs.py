"""Log records: their context, and no personal data."""

import json
import logging
import uuid

import pytest
from django.utils.log import configure_logging

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.delivery import claimed_calls, ledger
from stockhub_webhooks.logs import JSONLines, SubjectFilter, about
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.receiving import journal, transitions
from stockhub_webhooks.signals import order_created
from tests.samples import contract

NAMES = ("message_id", "event_id", "receiver")


@pytest.fixture
def lines(caplog):
    """Return (text, message_id, event_id, receiver) of each record of the app's loggers."""
    caplog.set_level(logging.INFO)

    def lines():
        ours = [record for record in caplog.records if record.name.startswith("stockhub_webhooks")]
        return [(record.getMessage(), *(getattr(record, name) for name in NAMES)) for record in ours]

    return lines


def failing(**arguments):
    logging.getLogger("shop").warning("the shop says %s", arguments["order"].pk)
    raise ValueError("Sanne de Voorbeeld, klant11@example.com")


def test_failed_call_is_logged_with_message_event_and_receiver(post, db, hear, lines):
    hear(order_created, failing, uid="shop.fails")
    message = post("order").json()["message"]
    call = ReceiverCall.objects.get()
    ((text, *context),) = lines()
    assert context == [message, call.event_id, "shop.fails"]
    assert "ValueError" in text
    assert "Sanne" not in text


def test_call_that_is_given_up_is_logged_with_its_context(post, db, hear, lines):
    hear(order_created, failing, uid="shop.fails")
    message = post("order").json()["message"]
    lapsed = {"status": "running", "claim": uuid.uuid4(), "is_suspect": True}
    ReceiverCall.objects.update(attempts=conf.MAX_ATTEMPTS, due_at=NOW, **lapsed)
    assert list(claimed_calls.claim_due()) == []
    text, *context = lines()[-1]
    assert f"call {ReceiverCall.objects.get().pk} " in text
    assert context == [message, ReceiverCall.objects.get().event_id, "shop.fails"]


def test_message_that_cannot_be_applied_is_logged_with_its_id(post, db, lines, monkeypatch):
    def broken(*arguments):
        raise ValueError("klant11@example.com")

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", broken)
    message = post("order").json()["message"]
    ((text, *context),) = lines()
    assert context == [message, None, None]
    assert "klant11" not in text


def test_message_that_is_given_up_is_logged_with_its_id(post, db, lines):
    message = post("order").json()["message"]
    Message.objects.update(status="received", attempts=conf.MAX_ATTEMPTS, due_at=NOW, claim=None)
    transitions.postpone(Message.objects.get(), ValueError("it fails"))
    ((_, *context),) = lines()
    assert context == [message, None, None]


@pytest.mark.parametrize("has_spool", [True, False])
def test_message_that_is_not_in_the_database_is_logged_with_its_uid(
    post, db, lines, settings, tmp_path, monkeypatch, has_spool
):
    def away(*arguments, **options):
        raise ValueError("the database is away")

    monkeypatch.setattr(journal, "commit", away)
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "SPOOL_DIR": str(tmp_path) if has_spool else ""}
    answer = post("order")
    assert answer.status_code == (202 if has_spool else 503)
    records = lines()
    assert records
    for text, message_id, *others in records:
        assert message_id == (answer.json()["message"] if has_spool else records[0][1])
        assert others == [None, None]
        assert contract("order")["shipping_address"]["email"] not in text


def test_record_without_context_has_the_attributes_too(post, db, lines):
    assert post("order", key="wrong").status_code == 401
    ((_, *context),) = lines()
    assert context == [None, None, None]


def test_context_ends_with_its_block():
    record = logging.makeLogRecord({})
    with about(message_id=1):
        with about(event_id=2):
            pass
        SubjectFilter().filter(record)
    assert (record.message_id, record.event_id) == (1, None)


def documented_logging():
    from tests.test_docs import ROOT

    text = (ROOT / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
    code = text.split("\n## Logs")[1].split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    return names["LOGGING"]


def test_documented_logging_writes_json_for_the_shop_too(post, db, hear, capsys):
    before = [
        (logger, logger.handlers[:], logger.level) for logger in map(logging.getLogger, ("", "stockhub_webhooks"))
    ]
    try:
        configure_logging("logging.config.dictConfig", documented_logging())
        hear(order_created, failing, uid="shop.fails")
        message = post("order").json()["message"]
    finally:
        for logger, handlers, level in before:
            logger.handlers, logger.level = handlers, level
    shop, ours = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    event = ReceiverCall.objects.get().event_id
    assert (shop["logger"], ours["logger"]) == ("shop", ledger.__name__)
    for line in (shop, ours):
        assert {name: line[name] for name in NAMES} == {
            "message_id": message,
            "event_id": event,
            "receiver": "shop.fails",
        }
        assert line["level"] == "WARNING"


def test_json_has_no_empty_attributes_and_has_the_exception():
    try:
        raise ValueError("why")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "é %s", "args": (1,), "exc_info": (ValueError, error, None)})
    line = json.loads(JSONLines().format(record))
    assert set(line) == {"at", "level", "logger", "text", "exception"}
    assert (line["text"], line["exception"]) == ("é 1", "ValueError: why")


def test_ledger_logs_below_the_name_of_the_app():
    assert ledger.logger.logger.name == "stockhub_webhooks.delivery.ledger"
