"""Erasing orders: what the data protection authorities found wrong in 2026 (EDPB, CEF report on erasure) is right here.

Their seven findings: no procedure, refusals that are too broad, data that cannot be located, too late, no answer,
anonymisation that can be reversed, and retention and backups.
"""

import io
import json
import threading
import time
from datetime import date, datetime, timezone

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.delivery import calls
from stockhub_webhooks.models import (
    Address,
    Document,
    Erasure,
    Event,
    ExportPart,
    ExportRequest,
    Lock,
    Message,
    Order,
    PaymentRequest,
    ReceiverCall,
    RefusedBody,
)
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import exports, work_requests
from stockhub_webhooks.operations.privacy.answer import LANGUAGES, answers
from stockhub_webhooks.operations.privacy.erase import preview
from stockhub_webhooks.operations.privacy.subjects import by_email, by_order, by_po_number
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal
from stockhub_webhooks.testing import factories
from tests.claims import claim_due
from tests.conftest import KEY
from tests.db.test_leases import in_thread
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db

NUMBER = contract("order")["increment_id"]
EMAIL = contract("order")["shipping_address"]["email"]


@pytest.fixture
def order(post):
    """One order with all its documents."""
    for topic in ALPHABETICAL:
        number = {} if topic == "order" else {"order_increment_id": NUMBER}
        assert post(topic, sample(topic, **number)).status_code == 200
    return Order.objects.get(increment_id=NUMBER)


def erase(**options):
    out = io.StringIO()
    call_command("stockhub_erase", interactive=False, stdout=out, **options)
    return out.getvalue()


def personal_rows():
    """Return the rows of the declaration that still hold something personal."""
    found = []
    for name, rule in RETENTION.items():
        for row in apps.get_model("stockhub_webhooks", name).objects.all():
            values = {column: getattr(row, column) for column in rule.personal}
            own = {column: bytes(value) if isinstance(value, memoryview) else value for column, value in values.items()}
            if name != "Event" and any(
                value not in (None, "", b"", {}, "erased\n\n", "erased") for value in own.values()
            ):
                found.append((name, own))
    return found


# ---------------------------------------------------------------- 1: there is a procedure


def test_procedure_shows_asks_erases_and_records(order, monkeypatch):
    shown = io.StringIO()
    call_command("stockhub_erase", order=NUMBER, dry_run=True, stdout=shown)
    assert NUMBER in shown.getvalue()
    assert order.shipping_address.last_name in shown.getvalue()
    assert not Erasure.objects.exists()
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="nothing is erased"):
        call_command("stockhub_erase", order=NUMBER, stdout=shown)
    assert Address.objects.exists()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    call_command("stockhub_erase", order=NUMBER, stdout=shown)
    assert not Address.objects.exists()
    assert Erasure.objects.get().order_numbers[0] == NUMBER


# ---------------------------------------------------------------- 2: no refusal is too broad


def test_one_order_is_erased_while_work_is_open_and_others_stay(order, hear, post):
    hear(signals.order_created)
    post("order", sample("order", increment_id="000000999", po_number="OTHER"))
    before = set(Address.objects.filter(pk__gt=0).values_list("pk", flat=True))
    erase(order=NUMBER)
    other = Order.objects.get(increment_id="000000999")
    assert (
        {other.shipping_address_id, other.billing_address_id}
        == set(Address.objects.values_list("pk", flat=True))
        <= before
    )
    assert other.erased_at is None
    assert Message.objects.get(increment_id="000000999").body


def test_amounts_numbers_articles_and_dates_stay(order):
    kept = [column for column in Order._meta.concrete_fields if column.name not in RETENTION["Order"].personal
            and not column.is_relation and column.name not in ("reading_digest", "erased_at")]  # fmt: skip
    before = {column.name: getattr(order, column.name) for column in kept}
    lines = list(order.items.values())
    erase(order=NUMBER)
    order.refresh_from_db()
    assert {name: getattr(order, name) for name in before} == before
    assert list(order.items.values()) == lines


# ---------------------------------------------------------------- 3: all data is located


def test_every_declared_column_of_the_order_is_empty_afterwards(order, hear, post):
    def fails(**kwargs):
        raise ValueError(EMAIL)

    hear(signals.event_recorded, fails)
    for topic in ALPHABETICAL:
        post(topic, sample(topic, unknown=EMAIL) | ({} if topic == "order" else {"order_increment_id": NUMBER}))
    assert personal_rows()
    erase(order=NUMBER)
    assert personal_rows() == []
    assert EMAIL not in json.dumps(list(Event.objects.values_list("changes", flat=True)))


def test_orders_are_found_by_email_of_any_document_and_by_the_shops_number(order):
    factories.OrderFactory()
    assert [order.pk for order in by_email(EMAIL.upper())[0].orders] == [order.pk]
    Order.objects.update(shipping_address=None, billing_address=None)
    assert [order.pk for order in by_email(EMAIL)[0].orders] == [order.pk], "an invoice has the address"
    assert by_po_number(order.po_number).numbers == [NUMBER]
    assert not by_email("nobody@example.com")
    assert not by_order("000000404")


def test_payment_request_without_an_order_is_erased_and_stays_erased(post):
    body = {name: value for name, value in contract("order-payment-request").items() if name != "order_increment_id"}
    assert post("order-payment-request", body).status_code == 200
    request = PaymentRequest.objects.get()
    assert request.order is None
    erase(order=request.increment_id)
    assert not Address.objects.exists()
    post("order-payment-request", body | {"pay_by_link": "https://pay.example.com/again", "grand_total": 1})
    request.refresh_from_db()
    assert (request.pay_by_link, request.grand_total) == (None, 1)
    assert not Address.objects.exists()
    assert not Message.objects.exclude(body=b"").exists()


# ---------------------------------------------------------------- 4: it is done at once, and stays done


def test_pending_calls_are_given_up_and_never_made(order, hear, post):
    def fails(**kwargs):
        raise ValueError

    heard = hear(signals.order_updated, fails)
    post("order", sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00"))
    assert preview(by_order(NUMBER)).counts["calls"] == 1
    assert ReceiverCall.objects.get().status == "pending", "a preview changes nothing"
    erase(order=NUMBER)
    call = ReceiverCall.objects.get()
    assert (call.status, call.cause, call.due_at, "erased" in call.last_error) == ("given_up", "by_hand", None, True)
    Worker().once()
    assert len(heard) == 1
    assert not ReceiverCall.objects.failing().exists()


def test_erased_order_is_updated_without_persons(order, hear, post):
    erase(order=NUMBER)
    heard = hear(signals.order_updated)
    later = sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00", unknown="x")
    assert post("order", later).json()["outcome"] == "updated"
    order.refresh_from_db()
    assert (order.status, order.shipping_address, order.extra, order.reading_digest) == ("closed", None, {}, "")
    assert list(heard[0]["event"].changes) == ["status"]
    assert post("order", later).json()["outcome"] == "unchanged"
    assert not Message.objects.exclude(body=b"").exists()
    assert all(message.headers == {} and message.body_removed_at for message in Message.objects.all())


def test_applying_asks_no_table_of_erasures(order, post):
    with CaptureQueriesContext(connection) as captured:
        post("order", sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00"))
    assert captured
    assert not [query["sql"] for query in captured if "erasure" in query["sql"]]


# ---------------------------------------------------------------- 5: there is an answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_answer_says_what_was_erased_and_what_stays_until_when_in_both_languages(order, language):
    text = answers([by_order(NUMBER)])[language]
    assert order.po_number in text
    assert EMAIL not in text
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RETENTION_DAYS": {"documents": 2557}}):
        limited = answers([by_order(NUMBER)])[language]
    assert "2557" in limited.replace(".", "").replace(",", "").replace("\xa0", "")
    assert limited != text
    assert text in erase(order=NUMBER)


def test_answers_differ_by_language(order):
    assert len(set(answers([by_order(NUMBER)]).values())) == len(LANGUAGES)


# ---------------------------------------------------------------- 6: nothing can be reversed


def test_no_hash_of_anything_personal_is_left(order):
    assert all(each.reading_digest for model in documents() for each in model.objects.all())
    erase(order=NUMBER)
    assert not [each for model in documents() for each in model.objects.exclude(reading_digest="")]
    columns = {column.name for column in Erasure._meta.concrete_fields}
    assert columns == {"id", "account", "order_numbers", "erased_at", "erased_by"}
    assert EMAIL not in json.dumps(list(Erasure.objects.values("order_numbers", "erased_by")))


def documents():
    return [model for model in apps.get_app_config("stockhub_webhooks").get_models() if issubclass(model, Document)]


def test_replay_and_dump_have_nothing_to_bring_back(order):
    erase(order=NUMBER)
    call_command("stockhub_replay", order=NUMBER, reason="again", verbosity=0)
    assert not Address.objects.exists()
    assert not Message.objects.filter(status="quarantined").exists()
    out = io.StringIO()
    call_command("stockhub_dump", since="2000-01-01", stdout=out)
    assert out.getvalue() == ""


# ---------------------------------------------------------------- 7: retention and backups


def test_log_of_erasures_repeats_them_after_a_restore(order, tmp_path, settings, post):
    log = tmp_path / "erasures.jsonl"
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"ERASURE_LOG": str(log)}
    assert "--again" not in erase(order=NUMBER)
    at = Order.objects.get().erased_at
    for model in (Message, PaymentRequest, Order, Erasure):
        model.objects.all().delete()
    out = io.StringIO()
    call_command("stockhub_erase", again=str(log), stdout=out)
    assert "run it again" in out.getvalue(), "the order is not here yet"
    post("order")
    assert Address.objects.exists()
    erase(again=str(log))
    erase(again=str(log))
    assert not Address.objects.exists()
    assert Order.objects.get(increment_id=NUMBER).erased_at == at
    assert len(log.read_text().splitlines()) == 1
    assert {each.erased_at for each in Erasure.objects.all()} == {at}


def test_line_is_printed_if_there_is_no_log(order):
    assert not conf.ERASURE_LOG
    line = next(line for line in erase(order=NUMBER).splitlines() if line.startswith("{"))
    assert json.loads(line)["orders"][0] == NUMBER


def test_log_that_cannot_be_written_stops_the_erasure(order, tmp_path, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"ERASURE_LOG": str(tmp_path / "not" / "there.jsonl")}
    with pytest.raises(CommandError):
        erase(order=NUMBER)
    assert Address.objects.exists()


@pytest.mark.parametrize(
    "line", ["{}", "x", '{"account": "a", "orders": [], "erased_at": "2026-01-01", "erased_by": ""}']
)
def test_log_with_a_foreign_line_erases_nothing(order, tmp_path, line):
    log = tmp_path / "log"
    good = {
        "account": "default",
        "orders": [NUMBER],
        "erased_at": datetime.now(timezone.utc).isoformat(),
        "erased_by": "",
    }
    log.write_text(f"{json.dumps(good)}\n{line}\n")
    with pytest.raises(CommandError, match="line 2"):
        erase(again=str(log))
    assert Address.objects.exists()


# ---------------------------------------------------------------- the edges


def test_number_of_two_accounts_needs_the_account(post):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": KEY, "two": "the-second-key-0123456789"}}):
        for key in (KEY, "the-second-key-0123456789"):
            post("order", key=key)
        with pytest.raises(CommandError, match="account"):
            erase(order=NUMBER)
        erase(order=NUMBER, account="two")
    assert Order.objects.get(account="one").shipping_address
    assert Order.objects.get(account="two").shipping_address is None


def test_unknown_order_is_an_error():
    with pytest.raises(CommandError, match="no such order"):
        erase(order="000000404")


def test_new_order_of_an_erased_person_is_new(order, post):
    erase(order=NUMBER)
    post("order", sample("order", increment_id="000000999", po_number="NEXT"))
    assert Order.objects.get(increment_id="000000999").shipping_address.email == EMAIL


def test_message_that_waits_keeps_its_body_until_it_is_applied(order, post):
    waiting = factories.MessageFactory(
        status="received", due_at=datetime(2020, 1, 1, tzinfo=timezone.utc),
        body=json.dumps(sample("order", status="holded", updated_at="2024-07-01T00:00:00+00:00")).encode(),
    )  # fmt: skip
    result = preview(by_order(NUMBER))
    assert result.waiting == 1
    erase(order=NUMBER)
    waiting.refresh_from_db()
    assert bytes(waiting.body)
    Worker().once()
    waiting.refresh_from_db()
    assert (waiting.status, bytes(waiting.body)) == ("applied", b"")
    assert Order.objects.get().status == "holded"


def test_person_is_written_as_json(order):
    texts = []
    for chosen in ({"email": EMAIL}, {"order": NUMBER}, {"po": order.po_number}):
        out = io.StringIO()
        call_command("stockhub_person", **chosen, stdout=out)
        texts.append(out.getvalue())
    assert texts[1] == texts[2]
    found = json.loads(texts[0])
    assert found["orders"] == [{"account": "default", "numbers": [NUMBER]}]
    assert found["tables"]["Address"][0]["email"] == EMAIL
    assert EMAIL in found["tables"]["Message"][0]["body"]
    assert {"Order", "Shipment", "Invoice", "RMA", "CreditMemo", "PaymentRequest", "Event"} <= found["tables"].keys()
    with pytest.raises(CommandError, match="no such order"):
        call_command("stockhub_person", order="000000404")


def test_message_that_is_given_up_keeps_no_body(order, post, monkeypatch, settings):
    erase(order=NUMBER)
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 1}

    def fails(*arguments):
        raise ValueError(EMAIL)

    monkeypatch.setattr(pipeline, "apply", fails)
    post("order", sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00"))
    message = Message.objects.latest("pk")
    assert (message.status, message.dismissed_reason, bytes(message.body), message.error) == (
        "dismissed",
        Message.ERASED,
        b"",
        "",
    )


@pytest.mark.parametrize("url", ["order", "any"])
def test_unreadable_message_keeps_no_body_and_those_of_others_do(order, post, url):
    erase(order=NUMBER)
    for number in (NUMBER, "000000999"):
        broken = json.dumps(sample("order", increment_id=number)).encode()[:-30]
        assert post(url, broken).status_code in (202, 406)
    other, hers = Message.objects.order_by("-pk")[:2]
    assert (other.status, bool(other.body)) == ("quarantined", True)
    assert (hers.status, bytes(hers.body), hers.headers) == ("dismissed", b"", {})


@pytest.mark.parametrize(
    "body",
    [
        f'{{"increment_id": {int(NUMBER)}, "status": "closed", "shipping_address": {{"last_name": "X"',
        f"increment_id={NUMBER}&status=closed&last_name=X",
        f"O:5:{{incrementId: '{NUMBER}', lastName: 'X'}}",
        f'{{"po_number": "{contract("order")["po_number"]}", "shipping_address": {{"last_name": "X"',
        f'\ufeff"{{\\"increment_id\\": \\"{NUMBER}\\", \\"last_name\\": \\"X',
    ],
)
@pytest.mark.parametrize("key", [KEY, "mistyped"])
def test_unreadable_message_that_names_the_order_somehow_keeps_no_body(order, post, body, key):
    Order.objects.update(po_number=contract("order")["po_number"])
    erase(order=NUMBER)
    post("order", body.encode(), key=key)
    Lock.objects.all().delete()  # an hour later
    Worker().once()
    assert not RefusedBody.objects.exists()
    assert not bytes(Message.objects.latest("pk").body)


def test_unreadable_message_about_another_order_of_the_purchase_keeps_its_body(order, post):
    again = factories.OrderFactory(account=order.account, po_number=order.po_number, increment_id=f"{NUMBER}-1")
    erase(order=NUMBER)
    for text in (
        f'{{"po_number": "{order.po_number}", "increment_id": "{again.increment_id}", "items"',
        f'{{"po_number": "{order.po_number}", "items"',
    ):
        post("order", text.encode())
        assert bytes(Message.objects.latest("pk").body) == text.encode()


def test_export_that_is_under_way_begins_anew(order):
    other = factories.OrderFactory(account=order.account)
    export = Export(TABLES["order"], Period(date(2000, 1, 1), date(2030, 1, 1)), with_persons=True)
    request = exports.begin(export, 2, who="clerk", who_pk="1")
    claimed = work_requests.claim_due(ExportRequest)
    parts = exports.write_parts(claimed)
    next(parts)
    erase(order=NUMBER)
    assert not ExportPart.objects.exists()
    with pytest.raises(work_requests.ClaimLost):
        list(parts)
    exports.continue_due()
    request.refresh_from_db()
    assert (request.status, request.documents, request.is_deleted) == ("done", 2, False)
    file = b"".join(exports.content(request)).decode()
    assert contract("order")["shipping_address"]["last_name"] not in file
    assert NUMBER in file
    assert other.shipping_address.last_name in file


@pytest.mark.parametrize(
    ("values", "stays"),
    [
        ({"topic": "order", "with_persons": True}, False),
        ({"topic": "order", "with_persons": False}, True),
    ],
)
def test_file_of_an_export_that_may_hold_her_is_deleted(order, values, stays):
    request = factories.ExportPartFactory(
        request__status="done", request__due_at=None, **{f"request__{name}": value for name, value in values.items()}
    ).request
    counts = preview(by_order(NUMBER)).counts["files"]
    assert ExportPart.objects.exists()
    erase(order=NUMBER)
    request.refresh_from_db()
    assert (ExportPart.objects.exists(), request.is_deleted, counts) == (stays, not stays, int(not stays))


def test_message_whose_transaction_is_repeated_is_applied(order, monkeypatch):
    erase(order=NUMBER)
    due = datetime(2020, 1, 1, tzinfo=timezone.utc)
    later = sample("order", status="closed", updated_at="2024-06-01T00:00:00+00:00")
    hers = factories.MessageFactory(
        status="received", due_at=due, attempts=0, increment_id="", body=json.dumps(later).encode()
    )
    bad = factories.MessageFactory(status="received", due_at=due, attempts=0, increment_id="")
    apply = pipeline.apply

    def fails(parsed, message):
        applied = apply(parsed, message)
        if message.pk == bad.pk:
            raise ValueError
        return applied

    monkeypatch.setattr(pipeline, "apply", fails)
    Worker().once()
    hers.refresh_from_db()
    assert (hers.status, hers.outcome, bytes(hers.body)) == ("applied", "updated", b"")
    assert Order.objects.get(increment_id=NUMBER).status == "closed"


def test_spool_file_of_an_erased_message_is_no_fault(order, settings, tmp_path):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"SPOOL_DIR": str(tmp_path)}
    message = Message.objects.get(topic="order")
    message.body = bytes(message.body)
    journal.write_to_spool(message)
    erase(order=NUMBER)
    Worker().once()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgresql
@pytest.mark.mariadb  # on SQLite a running receiver keeps out all other writers
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_running_receiver_is_not_waited_for(post, hear):
    began, release = threading.Event(), threading.Event()

    def run(**arguments):
        began.set()
        assert release.wait(30)

    hear(signals.order_created, run, uid="shop.runs")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
        for message in claim_due():
            pipeline.process(message)
        failed = factories.ReceiverCallFactory(
            event=Event.objects.get(type="order.created"), order=Order.objects.get(), status="given_up", due_at=None
        )
        ReceiverCall.objects.filter(pk=failed.pk).update(last_error=EMAIL, cause="x")
        with in_thread(lambda: calls.deliver_due(until=float("inf"))):
            assert began.wait(10)
            began_at = time.monotonic()
            try:
                erase(order=NUMBER)
                seconds = time.monotonic() - began_at
            finally:
                release.set()
    assert seconds < 10
    failed.refresh_from_db()
    assert EMAIL not in failed.last_error
    assert ReceiverCall.objects.get(receiver="shop.runs").status == "done"
