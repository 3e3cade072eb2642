"""Messages from files, and the dump that they may come from."""

import base64
import io
import json
import sys
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models import JSONField, Value
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Event, Message, Order, Shipment
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import ingest, journal, kept_fields, records, spool
from tests.conftest import KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
YESTERDAY = datetime.now(timezone.utc) - timedelta(days=1)


@pytest.fixture
def take(tmp_path, capsys):
    """Take in files with these contents; return the counts, and the lines of standard error.

    `take.results` has what was said of each message.
    """

    def run(*contents, code=0, **options):
        names = []
        for number, content in enumerate(contents):
            path = tmp_path / f"file-{number}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            names.append(str(path))
        if code:
            with pytest.raises(CommandError) as raised:
                call_command("stockhub_ingest", *names, **options)
            assert raised.value.returncode == code
        else:
            call_command("stockhub_ingest", *names, **options)
        said = capsys.readouterr()
        *run.results, counts = said.out.replace(f"{tmp_path}/", "").splitlines()
        return counts, said.err.replace(f"{tmp_path}/", "").splitlines()

    return run


@pytest.fixture
def dump(capsys):
    """Return the lines of a dump."""

    def run(since="2020-01-01", **options):
        call_command("stockhub_dump", since=since, **options)
        return capsys.readouterr().out

    return run


def pretty(value):
    return json.dumps(value, indent=2)


def numbers(model=Order):
    return sorted(model.objects.values_list("increment_id", flat=True))


def orders(*increment_ids):
    return [sample("order", increment_id=number) for number in increment_ids]


# ---------------------------------------------------------------- bare bodies


@EACH_TOPIC
def test_body_from_a_file_is_journaled_and_applied(take, topic, hear):
    heard = hear(signals.event_recorded)
    assert take(pretty(contract(topic))) == ("stored: 1, known: 0, bad: 0", [])
    message = Message.objects.get()
    assert (message.status, message.outcome, message.topic) == ("applied", "created", topic)
    assert (message.source, message.url_topic, message.account) == ("hand", "", "default")
    assert json.loads(bytes(message.body)) == contract(topic)
    assert heard


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(orders("1", "2", "3")),
        pretty(orders("1", "2", "3")),
        "[\n" + ",\n".join(map(json.dumps, orders("1", "2", "3"))) + "\n]",
        "\n".join(map(json.dumps, orders("1", "2", "3"))),
        "\ufeff\r\n" + "\r\n\r\n".join(map(json.dumps, orders("1", "2", "3"))) + "\r\n",
        json.dumps(orders("1")) + "\n" + json.dumps(orders("2", "3")),
    ],
    ids=["list", "pretty list", "a line each", "lines", "lines of Windows", "lists"],
)
def test_files_may_hold_lists_or_one_object_on_each_line(take, content):
    assert take(content) == ("stored: 3, known: 0, bad: 0", [])
    assert numbers() == ["1", "2", "3"]


def test_standard_input_is_a_file_too(take, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(contract("order")).encode())))
    call_command("stockhub_ingest", "-")
    assert "stored: 1" in capsys.readouterr().out


def test_numbers_keep_their_digits(take):
    take('[ {"increment_id": "1", "grand_total": 12.3400, "items": [{"sku": "a", "qty_ordered": 1}]} ]')
    assert b"12.3400" in bytes(Message.objects.get().body)


def test_topic_can_be_given(take):
    body = {"increment_id": "7", "order_increment_id": "8", "status": "approved"}
    out, errors = take(pretty(body), code=1)
    assert out == "stored: 0, known: 0, bad: 1"
    assert [error.partition(" ")[0] for error in errors] == ["file-0:1:"]
    take(pretty(body), topic="rma")
    assert numbers(RMA) == ["7"]


def test_account_must_be_given_if_there_are_several(take):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": "key-one", "two": "key-two"}}):
        with pytest.raises(CommandError, match="one of one, two"):
            call_command("stockhub_ingest", "-")
        with pytest.raises(CommandError, match="no account 'three'"):
            call_command("stockhub_ingest", "-", account="three")
        take(pretty(contract("order")), account="two")
    assert Order.objects.get().account == "two"


def test_body_taken_in_twice_changes_nothing(take):
    for _ in range(2):
        take(pretty(contract("shipment")))
    assert list(Message.objects.order_by("pk").values_list("outcome", flat=True)) == ["created", "unchanged"]


def test_older_body_does_not_overwrite_a_newer_state(take, post):
    post("rma", sample("rma", status="received"))  # a return has no updated_at
    take(pretty(sample("rma", status="pending")), received_at=YESTERDAY)
    assert RMA.objects.get().status == "received"
    assert Message.objects.latest("pk").outcome == "stale"


def test_order_in_a_file_is_kept_if_a_time_is_given(take):
    take("\n".join(json.dumps(sample("rma", status=status)) for status in ("a", "b", "c")), received_at=YESTERDAY)
    assert RMA.objects.get().status == "c"


@EACH_TOPIC
def test_the_outcome_of_each_message_is_reported_with_file_and_line(take, topic):
    body = json.dumps(contract(topic))
    take(f"{body}\n\n{body}")
    first, second = Message.objects.order_by("pk")
    assert take.results == [
        f"file-0:1: message {first.pk}, {topic} {first.increment_id}: created",
        f"file-0:3: message {second.pk}, {topic} {second.increment_id}: unchanged",
    ]


def test_each_document_of_a_split_message_is_reported(take):
    take(json.dumps({"data": orders("1", "2")}))
    parent, first, second = Message.objects.order_by("pk")
    assert take.results == [
        f"file-0:1: message {parent.pk}, topic unknown: split; "
        f"message {first.pk}, order 1: created; message {second.pk}, order 2: created"
    ]


def test_the_reason_is_reported_if_a_message_is_not_applied(take, post, dump, monkeypatch):
    post("order", b"{")
    post("order", sample("order", grand_total="a lot"))
    quarantined, in_part = Message.objects.order_by("pk")
    take(dump())  # known ones are reported, too
    assert take.results[0].startswith(
        f"file-0:1: message {quarantined.pk}, order: quarantined. The body is not JSON. ("
    )
    assert take.results[1] == f"file-0:2: message {in_part.pk}, order 000000701: created, in part"
    Message.objects.update(status="failed", cause="ValueError at shop", error="ValueError: Testman")
    take(dump())
    assert take.results[0].endswith(": given up (ValueError at shop)")
    monkeypatch.setattr(pipeline, "apply", None)
    take(json.dumps(contract("shipment")))
    assert "shipment 000000412: failed (TypeError" in take.results[0]
    assert take.results[0].endswith("), tried again later")


def test_a_message_that_another_process_applies_is_reported_as_waiting(take):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        take(json.dumps(contract("order")))
    assert take.results == [f"file-0:1: message {Message.objects.get().pk}, order 000000701: waits to be applied"]


def test_inline_all_are_applied_however_short_the_budget_is(take):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "INLINE_BUDGET_SECONDS": 0.001}):
        take("\n".join(json.dumps(body) for body in orders(*map(str, range(1, 60)))))
    assert len(take.results) == 59
    assert all(result.endswith(": created") for result in take.results)


@pytest.mark.parametrize("minutes", [11, 60 * 24 * 365])
def test_a_time_of_receipt_in_the_future_is_refused_and_nothing_is_stored(take, tmp_path, minutes):
    (tmp_path / "good").write_text(pretty(contract("rma")))
    later = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    with pytest.raises(CommandError, match="in the future"):
        call_command("stockhub_ingest", str(tmp_path / "good"), received_at=later.isoformat())
    assert not Message.objects.exists()


def test_a_time_of_receipt_within_what_a_clock_may_be_wrong_is_taken(take):
    take(pretty(contract("rma")), received_at=datetime.now(timezone.utc) + timedelta(minutes=9))
    assert RMA.objects.exists()


# ---------------------------------------------------------------- what is bad


def test_good_lines_are_taken_in_and_bad_ones_reported_with_file_and_line(take):
    lines = [json.dumps(body).encode() for body in orders("1", "2", "3")]
    bad = [b"{broken", b"\xff\xfe", b'"text"', b"{}", b"[" * 100_000, b'{"increment_id": NaN}', b"[1]"]
    content = b"\n".join([lines[0], *bad, b"", lines[1], lines[2]])
    out, errors = take(content, pretty(contract("shipment")), code=1)
    assert out == "stored: 4, known: 0, bad: 7"
    assert [line.partition(": ")[0] for line in errors] == [f"file-0:{number}" for number in range(2, 9)]
    assert "not JSON: Expecting property name" in errors[0]
    assert "not UTF-8" in errors[1]
    assert errors[2].startswith("file-0:4:")
    assert {"1", "2", "3"} < set(numbers())
    assert Shipment.objects.exists()


def test_bad_first_line_does_not_affect_the_others(take):
    out, errors = take('{"half": \n' + "\n".join(map(json.dumps, orders("1", "2"))), code=1)
    assert (out, len(errors)) == ("stored: 2, known: 0, bad: 1", 1)
    assert errors[0].startswith("file-0:1: not JSON")


def test_a_broken_document_is_one_fault_with_its_own_line(take):
    text = pretty(contract("order")).splitlines()
    text[6] += " oops"
    out, errors = take("\n\n" + "\n".join(text), code=1)
    assert (out, len(errors)) == ("stored: 0, known: 0, bad: 1", 1)
    assert errors[0].startswith("file-0:9: not JSON") or errors[0].startswith("file-0:10: not JSON")


def test_bad_element_of_a_list_is_reported_with_its_line(take):
    _out, errors = take("[\n" + json.dumps(orders("1")[0]) + ",\n\n7,\n" + json.dumps({"a": 1}) + "\n]", code=1)
    assert [line.partition(": ")[0] for line in errors] == ["file-0:4", "file-0:5"]
    assert numbers() == ["1"]


def test_missing_file_is_reported_and_the_others_are_taken_in(take, tmp_path, capsys):
    (tmp_path / "good").write_text(pretty(contract("order")))
    with pytest.raises(CommandError):
        call_command("stockhub_ingest", str(tmp_path / "none"), str(tmp_path / "good"))
    said = capsys.readouterr()
    assert "none: cannot be read: No such file" in said.err
    assert "stored: 1, known: 0, bad: 1" in said.out


@pytest.mark.parametrize("content", ["", "\n \n", "[]", "[ ]"])
def test_an_empty_file_is_named_and_no_fault(take, content):
    assert take(content, json.dumps(contract("order"))) == ("stored: 1, known: 0, bad: 0", [])
    assert [line.partition(": ")[0] for line in take.results] == ["file-0", "file-1:1"]


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_BODY_BYTES": 100})
def test_a_body_that_is_too_long_is_bad(take):
    assert "MAX_BODY_BYTES (100)" in take(pretty(contract("order")), code=1)[1][0]


def test_fault_does_not_quote_the_body(take):
    body = pretty(contract("order"))
    _, errors = take(body[:-20], json.dumps(sample("shipment", order_increment_id=None)), code=1)
    assert len(errors) == 2
    assert "estman" not in str(errors)


def test_error_says_what_to_do_if_the_database_is_away(take, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection to server at db.example.com failed")

    monkeypatch.setattr(journal, "enter", away)
    with pytest.raises(CommandError, match="Run the command again"):
        take(pretty(contract("order")))


def test_a_progress_count_is_shown_on_a_terminal(take, monkeypatch, capsys):
    monkeypatch.setattr("django.core.management.base.OutputWrapper.isatty", lambda self: True)
    monkeypatch.setattr("stockhub_webhooks.management.commands.stockhub_ingest.PROGRESS_EVERY", 2)
    _, errors = take("\n".join(map(json.dumps, orders("1", "2", "3"))))
    assert any(line.strip() == "file-0: 2" for line in errors)


# ---------------------------------------------------------------- a dump, and back

KEPT = ("uid", "url_topic", "account", "headers", "key_fingerprint", "remote_address", "source", "received_at")


def kept():
    """Return what must be the same in another database."""
    return [
        {name: getattr(message, name) for name in KEPT} | {"body": bytes(message.body)}
        for message in Message.objects.order_by("pk")
    ]


def forget():
    Order.objects.all().delete()
    Event.objects.all().delete()
    Message.objects.all().delete()


def test_dump_taken_in_elsewhere_gives_the_same_messages_and_rows(take, dump, post):
    for topic in topics.ALL:
        post(topic)
    post("order", b"\xff\xfe\x00 no UTF-8")
    post("order", "{ \u2028 é no JSON \r\n".encode())
    before, text = kept(), dump()
    rows = (numbers(), numbers(Shipment), numbers(RMA))
    assert text.count("\n") == len(before) == 8
    assert KEY not in text
    assert take(text) == ("stored: 0, known: 8, bad: 0", [])
    forget()
    assert take(text) == ("stored: 8, known: 0, bad: 0", [])
    assert kept() == before
    assert (numbers(), numbers(Shipment), numbers(RMA)) == rows
    assert Message.objects.filter(status="quarantined").count() == 2
    assert dump() == text


def test_body_is_dumped_as_text_if_it_is_utf_8(dump, post):
    post("order")
    post("order", b"\xff")
    first, second = map(json.loads, dump().splitlines())
    assert (first["encoding"], json.loads(first["body"])) == ("text", contract("order"))
    assert (second["encoding"], second["body"]) == ("base64", base64.b64encode(b"\xff").decode())


def test_dump_can_be_limited_to_a_period_and_a_topic(dump, post):
    for topic in ("order", "shipment", "invoice"):
        post(topic)
    at = {topic: datetime(2026, 3, day, tzinfo=timezone.utc) for day, topic in enumerate(("order", "shipment"), 1)}
    for topic, moment in at.items():
        Message.objects.filter(topic=topic).update(received_at=moment)

    def dumped(*arguments, **options):
        return [json.loads(line)["topic"] for line in dump(*arguments, **options).splitlines()]

    assert dumped() == ["order", "shipment", "invoice"]
    assert dumped("2026-03-02T00:00:00Z") == ["shipment", "invoice"]
    assert dumped("2026-03-01T00:00:00Z", until="2026-03-02T00:00:00+00:00") == ["order"]
    assert dumped("2026-03-02") == ["shipment", "invoice"]  # in the shop's own zone, an hour before
    assert dumped("2026-03-01", until="2026-03-01") == ["order"]
    assert dumped(topic="invoice") == ["invoice"]


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", ""])
def test_a_time_that_is_none_is_refused(dump, text):
    with pytest.raises(CommandError, match="is not a time"):
        call_command("stockhub_dump", "--since", text)


def test_a_dump_is_fetched_in_small_batches(dump, post, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(records, "BATCH", 2)
    for _ in range(5):
        post("order")
    with django_assert_num_queries(4):
        assert dump().count("\n") == 5


def test_spool_file_is_taken_in(take, tmp_path):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        message = Message(url_topic="order", account="default", body=json.dumps(contract("order")).encode())
        path = spool.write({name: getattr(message, name) for name in kept_fields.SPOOLED})
        content = path.read_bytes()
        path.unlink()
    assert take(content, content) == ("stored: 1, known: 1, bad: 0", [])
    stored = Message.objects.get()
    assert (stored.uid, stored.received_at, stored.source) == (message.uid, message.received_at, "webhook")
    assert stored.outcome == "created"


def record(**changes):
    message = Message(url_topic="order", account="default", body=json.dumps(contract("order")).encode())
    return json.dumps(json.loads(records.to_line(message)) | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"uid": "7"}, "uid"),
        ({"uid": None}, "uid"),
        ({"received_at": "2026-01-01T00:00:00"}, "received_at"),
        ({"received_at": "2026-01-99"}, "received_at"),
        ({"received_at": 7}, "received_at"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "1999-12-31T00:00:00Z"}, "received_at"),
        ({"url_topic": "parcel"}, "url_topic"),
        ({"source": "magic"}, "source"),
        ({"account": ""}, "account"),
        ({"account": None}, "account"),
        ({"account": "somebody"}, "account"),
        ({"remote_address": "x" * 50}, "remote_address"),
        ({"headers": []}, "headers"),
        ({"headers": {"x-version": None}}, "headers"),
        ({"headers": {"mended-from": "7"}}, "mended-from"),
        ({"body": {}}, "body"),
        ({"body": "\ud800"}, "body"),
        ({"body": "?", "encoding": "base64"}, "body"),
        ({"encoding": "rot13"}, "encoding"),
    ],
)
def test_wrong_record_is_reported_with_its_line(take, changes, named):
    _, errors = take(record(**changes) + "\n" + record(), code=1)
    assert len(errors) == 1
    assert errors[0].startswith("file-0:1: ")
    assert named in errors[0]
    assert Message.objects.count() == 1


def test_a_records_odd_text_is_cleaned_and_its_key_left_out(take):
    uid = str(uuid.uuid4())
    take(record(remote_address="\x00", headers={"x-version": "V1", "x-api-key": "secret", records.CORRECTED_FROM: uid}))
    message = Message.objects.get()
    assert message.remote_address == "\ufffd"
    assert message.headers == {"x-version": "V1", "mended-from": uid}


@pytest.mark.parametrize(
    "headers", [{"x-version": {"a": ["b"]}}, {"x-version": None}, [], ["a"], "a", 7, None, {"mended-from": 7}]
)
def test_dump_leaves_odd_headers_of_a_row_out(take, dump, post, headers):
    post("order")
    Message.objects.update(headers=Value(headers, JSONField()) if headers is not None else {})
    text = dump()
    assert json.loads(text)["headers"] == {}
    Message.objects.all().delete()
    take(text)
    assert Message.objects.exists()


def test_bodies_and_records_may_be_mixed(take):
    assert take(record() + "\n" + json.dumps(contract("shipment")))[0] == "stored: 2, known: 0, bad: 0"
    assert set(Message.objects.values_list("source", flat=True)) == {"webhook", "hand"}


def test_a_long_file_that_is_no_single_document_is_read_by_lines(take, monkeypatch):
    monkeypatch.setattr(ingest, "MAX_WHOLE_BYTES", 10)
    out, _ = take("{\n" + "\n".join(map(json.dumps, orders("1", "2"))), code=1)
    assert out == "stored: 2, known: 0, bad: 1"


def test_a_uid_is_the_same_one_however_it_is_written(take):
    uid = uuid.uuid4()
    assert take(record(uid=str(uid)), record(uid=uid.hex.upper()))[0] == "stored: 1, known: 1, bad: 0"
