"""Where a customer can be, besides the columns of her orders: logs, bodies without a number, files set aside."""

import io
import json
import time
import uuid

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command

from stockhub_webhooks.models import Erasure, Message, Order, RefusedBody
from stockhub_webhooks.operations.privacy import files
from stockhub_webhooks.operations.privacy.subjects import by_email
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.receiving import journal_copy, spool
from stockhub_webhooks.receiving.dismissal import dismiss_by_hand
from stockhub_webhooks.receiving.kept_fields import SPOOLED
from stockhub_webhooks.testing import factories
from tests.samples import contract

pytestmark = pytest.mark.django_db

NUMBER = contract("order")["increment_id"]


def erase(number=NUMBER):
    call_command("stockhub_erase", order=number, interactive=False, verbosity=0)


def order_of(email, street="Prinsengracht", **changes):
    address = contract("order")["shipping_address"] | {"email": email, "street": street}
    return contract("order") | {"shipping_address": address, "billing_address": None} | changes


# ---------------------------------------------------------------- the log of the admin


@pytest.fixture
def reasons(post, admin_user):
    """Rows about one order, each with a reason in the admin's log that names nobody."""
    assert post("order", contract("order")).status_code == 200
    post("order", contract("order"), key="mistyped")
    post("order", json.dumps(contract("order")).encode()[:-5])
    order = Order.objects.get()
    row = factories.WorklistRowFactory(order=order, subject_id=order.pk, kind="order", number=order.increment_id)
    rows = [order, row, RefusedBody.objects.get(), Message.objects.get(status="quarantined")]
    for each in rows:
        LogEntry.objects.log_actions(admin_user.pk, [each], CHANGE, "dismissed (her cousin called)")
    return rows


def test_reasons_in_the_log_go_with_their_rows(reasons):
    erase()
    assert LogEntry.objects.count() == len(reasons)
    assert not LogEntry.objects.exclude(change_message="").exists()


def test_a_preview_leaves_the_log(reasons):
    call_command("stockhub_erase", order=NUMBER, dry_run=True, verbosity=0)
    assert not LogEntry.objects.filter(change_message="").exists()


# ---------------------------------------------------------------- bodies without a number


@pytest.mark.parametrize("end", [None, -5])
def test_unreadable_message_without_a_number_goes_by_surname_and_street(post, end):
    address = contract("order")["shipping_address"] | {"last_name": "Zoë", "street": "Ünterweg"}
    post("order", contract("order") | {"shipping_address": address})
    body = json.dumps(contract("order") | {"increment_id": None, "po_number": None, "shipping_address": address})
    assert post("order", body.encode()[:end]).status_code == 406
    others = json.dumps(json.loads(body) | {"shipping_address": address | {"street": "Singel"}})
    assert post("order", others.encode()[:end]).status_code == 406
    erase()
    hers, other = Message.objects.exclude(status="applied").order_by("pk")
    assert (hers.status, bytes(hers.body), hers.error) == ("dismissed", b"", "")
    assert (other.status, bytes(other.body)) == ("quarantined", others.encode()[:end])


@pytest.mark.parametrize("is_dismissed", [False, True])
@pytest.mark.parametrize("url", ["shipment", "rma", "any"])
def test_message_without_the_number_of_its_order_goes_by_surname_and_street(post, url, is_dismissed):
    hers = contract("shipment") | {"order_increment_id": None, "po_number": None}
    if url == "any":
        hers = {name: hers[name] for name in ("increment_id", "shipping_address")}
    address = hers["shipping_address"]
    post("order", contract("order") | {"shipping_address": address})
    his = hers | {"increment_id": "000990001", "shipping_address": address | {"street": "Singel"}}
    for body in (hers, his):
        assert post(url, body).status_code == 406
    if is_dismissed:
        pks = list(Message.objects.failing().values_list("pk", flat=True))
        assert dismiss_by_hand(pks, by="clerk", reason="late") == 2
    erase()
    former, other = Message.objects.exclude(status="applied").order_by("pk")
    assert (former.status, bytes(former.body)) == ("dismissed", b"")
    assert bytes(other.body)


def test_address_of_the_reseller_takes_no_message_of_another_customer(post):
    reseller = contract("order")["shipping_address"] | {"last_name": "Shop", "street": "Market"}
    post("order", contract("order") | {"billing_address": reseller})
    body = order_of("his@example.com", increment_id=None, po_number=None) | {"billing_address": reseller}
    assert post("order", body).status_code == 406
    erase()
    assert Message.objects.get(status="quarantined").body


# ---------------------------------------------------------------- orders that were not received


@pytest.fixture(params=["mistyped", "cut off", "cut off at the shared address"])
def unreceived(request, post):
    """An order whose only message was refused, or cannot be read."""
    whole = json.dumps(contract("order")).encode()

    def send():
        if request.param == "mistyped":
            post("order", whole, key="mistyped")
        else:
            post("order" if request.param == "cut off" else "any", whole[:-5])
        assert not Order.objects.exists()

    send()
    return send


def bodies():
    return [bytes(row.body) for model in (Message, RefusedBody) for row in model.objects.all() if row.body]


def test_order_that_was_not_received_is_erased_and_stays_erased(unreceived, post):
    erase(NUMBER.lstrip("0"))
    assert not bodies()
    assert post("order", contract("order")).status_code == 200
    assert not bodies()
    order = Order.objects.get()
    assert order.erased_at
    assert order.grand_total
    assert not order.shipping_address


BY = {"order": NUMBER, "po": contract("order")["po_number"], "email": contract("order")["shipping_address"]["email"]}


@pytest.mark.parametrize("name", BY)
def test_order_that_was_not_received_is_found_by_all_that_its_message_names(unreceived, name):
    out = io.StringIO()
    call_command("stockhub_person", **{name: BY[name]}, stdout=out)
    found = json.loads(out.getvalue())
    assert found["orders"] == [{"account": "default", "numbers": [NUMBER]}]
    (rows,) = found["tables"].values()
    assert BY["email"] in rows[0]["body"]
    call_command("stockhub_erase", **{name: BY[name]}, interactive=False, verbosity=0)
    assert not bodies()
    assert Order.objects.get(increment_id=NUMBER).erased_at


def test_order_whose_refused_message_has_another_address_is_found_by_that(post):
    post("order", contract("order"))
    post("order", order_of("new@example.com"), key="mistyped")
    post("any", json.dumps([order_of("x.new@example.com", increment_id="000990001")]).encode(), key="mistyped")
    out = io.StringIO()
    call_command("stockhub_person", email="NEW@example.com", stdout=out)
    assert json.loads(out.getvalue())["orders"] == [{"account": "default", "numbers": [NUMBER]}]


def test_order_that_was_refused_needs_an_account_if_there_are_several(post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"API_KEYS": {"one": "a" * 20, "two": "b" * 20}}
    post("order", contract("order"), key="mistyped")
    for command in ("stockhub_person", "stockhub_erase"):
        with pytest.raises(CommandError, match="account"):
            call_command(command, email=BY["email"])
    call_command("stockhub_person", email=BY["email"], account="two", stdout=io.StringIO())


def test_order_that_was_not_received_is_only_shown_in_a_preview(unreceived):
    call_command("stockhub_erase", order=NUMBER, dry_run=True, verbosity=0)
    assert len(bodies()) == 1
    assert not Order.objects.exists()


def test_order_that_was_not_received_is_erased_again_after_a_restore(unreceived, settings, tmp_path):
    log = tmp_path / "erasures.jsonl"
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"ERASURE_LOG": str(log)}
    erase()
    Erasure.objects.all().delete()
    Order.objects.all().delete()
    unreceived()
    call_command("stockhub_erase", again=str(log), verbosity=0)
    assert not bodies()
    assert Erasure.objects.get().order_numbers == [NUMBER]


# ---------------------------------------------------------------- what is kept of a person


def test_messages_that_were_not_applied_are_part_of_what_is_kept_of_a_person(post):
    hers, his = contract("order"), order_of("his@example.com", increment_id="000990001", po_number="WEB-HIS")
    post("order", hers)
    post("order", json.dumps(hers).encode()[:-5])
    post("any", json.dumps([hers, his]).encode(), key="mistyped")
    out = io.StringIO()
    call_command("stockhub_person", order=NUMBER, stdout=out)
    tables = json.loads(out.getvalue())["tables"]
    assert [row["status"] for row in tables["Message"]] == ["applied", "quarantined"]
    assert hers["shipping_address"]["email"] in tables["RefusedBody"][0]["body"]
    assert "his@example.com" not in out.getvalue()


# ---------------------------------------------------------------- by e-mail


@pytest.mark.parametrize("stored", [" Old@Example.COM ", "old@example.com\u200b", "mailto:old@example.com"])
def test_order_is_found_by_any_spelling_of_the_address(post, stored):
    post("order", order_of(stored))
    (found,) = by_email(" old@example.com")
    assert found.numbers == [NUMBER]


@pytest.mark.parametrize(
    "stored", ["gold@example.com", "b.old@example.com", "old@example.com.au", "old@example.community"]
)
def test_order_of_a_longer_address_is_not_found(post, stored):
    post("order", order_of(stored))
    assert not by_email("old@example.com")


def test_order_is_found_by_the_address_that_it_had_before(post):
    post("order", order_of("old@example.com"))
    post("order", order_of("new@example.com", updated_at="2026-11-01T10:00:00+00:00"))
    assert Order.objects.get().shipping_address.email == "new@example.com"
    (found,) = by_email("OLD@example.com", "default")
    assert found.numbers == [NUMBER]
    assert not by_email("old@example.com", "another")


# ---------------------------------------------------------------- bodies with several documents


HERS = contract("order")
HIS = order_of("his@example.com", "Singel", increment_id="000990001", po_number="WEB-HIS")
UNREADABLE = (HERS | {"increment_id": None, "po_number": None}, HIS | {"increment_id": None, "po_number": None})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("documents", [(HERS, HIS), (HIS, HERS), UNREADABLE], ids=["first", "last", "unreadable"])
def test_copy_of_the_journal_keeps_what_others_had_in_the_same_body(post, settings, tmp_path, documents):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"JOURNAL_COPY_DIR": str(tmp_path)}
    post("order", HERS)
    post("any", json.dumps(documents).encode())
    Worker().once()
    erase()
    journal_copy.COPY.close()
    files.clean_journal_copies(tmp_path, now=time.time() + 7200)
    text = "".join(path.read_text() for path in journal_copy.files(tmp_path))
    assert HERS["shipping_address"]["email"] not in text
    assert "his@example.com" in text
    Message.objects.all().delete()
    Order.objects.all().delete()
    call_command("stockhub_ingest", str(tmp_path), verbosity=0)
    (kept,) = Message.objects.all()
    assert (kept.status, b"his@example.com" in bytes(kept.body)) == (
        "quarantined" if documents is UNREADABLE else "applied",
        True,
    )


@pytest.mark.parametrize("is_dismissed", [False, True])
def test_what_others_had_in_the_same_body_stays_dismissed(post, is_dismissed):
    post("order", HERS)
    post("any", json.dumps(UNREADABLE).encode())
    unread = Message.objects.failing().get()
    if is_dismissed:
        dismiss_by_hand([unread.pk], by="clerk", reason="her cousin called")
    erase()
    Worker().once()
    rest = Message.objects.latest("pk")
    assert b"his@example.com" in bytes(rest.body)
    assert (rest.status, rest.dismissed_by) == (("dismissed", "clerk") if is_dismissed else ("quarantined", None))
    assert not Message.objects.filter(dismissed_reason__contains="cousin").exists()


# ---------------------------------------------------------------- files that the spool set aside


@pytest.fixture
def set_aside(settings, tmp_path):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "SPOOL_DIR": str(tmp_path),
        "API_KEYS": {"default": "a-key-of-the-shop-0001", "other": "a-key-of-the-shop-0002"},
    }

    def write(account, end=None, content=HERS):
        message = Message(url_topic="order", account=account, body=json.dumps(content).encode())
        path = spool.write({name: getattr(message, name) for name in SPOOLED} | {"uid": uuid.uuid4()})
        aside = spool.set_aside(path)
        aside.write_bytes(aside.read_bytes()[:end])
        return aside

    return write


def test_files_go_by_account_also_if_they_are_torn_or_their_account_is_gone(set_aside):
    factories.OrderFactory(account="default", increment_id=NUMBER)
    gone = [set_aside("default"), set_aside("default", -40), set_aside("removed")]
    stays = set_aside("other")
    erase()
    assert not [path for path in gone if path.exists()]
    assert stays.exists()


def test_file_keeps_what_others_had_in_it(set_aside, tmp_path):
    factories.OrderFactory(account="default", increment_id=NUMBER)
    gone = set_aside("default", content=[HERS, HIS])
    call_command("stockhub_erase", order=NUMBER, dry_run=True, verbosity=0)
    assert gone.exists()
    erase()
    assert not gone.exists()
    Worker().once()
    assert list(tmp_path.iterdir()) == []
    (message,) = Message.objects.exclude(body=b"")
    assert message.increment_id == HIS["increment_id"]
