"""A shop full of canaries: texts of two customers, in each field, by each way in."""

import base64
import json
import os
import re
import uuid
import zlib
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from stockhub_webhooks import signals
from stockhub_webhooks.models import (
    Address,
    BulkRequest,
    ExportPart,
    ExportRequest,
    MentionedNumber,
    Message,
    Order,
    RefusedBody,
    Replay,
)
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import exports, search_index
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.receiving import journal, journal_copy, refusals, spool
from stockhub_webhooks.receiving.kept_fields import SPOOLED
from stockhub_webhooks.testing import factories
from tests.samples import ALPHABETICAL, contract

FIELDS = sorted({field.name for field in Address._meta.concrete_fields} - {"id"})
NUMBERS = {"her": "0007", "his": "0008"}  # how the numbers of each one's documents begin
LATER = datetime(2026, 10, 1, tzinfo=timezone.utc)


def token(who, way, field):
    return f"zq{who}{way}{field.replace('_', '')}"


def number_of(who, kind):
    return f"{NUMBERS[who]}{kind:05d}"


def body(topic, who, way="first", **changes):
    """Return the example of a topic as a document of a customer, with a canary in each field that may hold one."""
    found = contract(topic)
    order, own = number_of(who, 1), number_of(who, 2 + ALPHABETICAL.index(topic))
    for name, value in found.items():
        if name == "order_increment_id":
            found[name] = order
        elif name == "increment_id":
            found[name] = order if topic == "order" else own
        elif name == "purchase_order_increment_id":
            found[name] = own
        elif name == "po_number":
            found[name] = f"SHOP-{who}"
        elif "address" in name and isinstance(value, dict):
            found[name] = {field: token(who, way, field) for field in FIELDS} | {"note": token(who, way, "addressnote")}
        elif name == "pay_by_link":
            found[name] = f"https://pay.example.com/{token(who, way, 'link')}"
        elif name == "updated_at":
            found[name] = f"2026-09-01T10:{len(way):02d}:00+00:00"
    for item in found["items"]:
        item["engraving"] = token(who, way, "engraving")
    for name in ("tracking_url", "url"):
        if name in found:
            found[name] = f"https://carrier.example.com/{token(who, way, 'trackingurl')}"
    # a word with a digit is a number that the message is found by
    return {"wish": token(who, way, "wish7")} | found | {"gift_note": token(who, way, "giftnote")} | changes


def fill(post, hear, tmp_path):
    """Let messages of both customers in by each way, and let colleagues and the program write about them."""

    def fails(event, **kwargs):
        raise ValueError(f"no such customer: {token(event.po_number.removeprefix('SHOP-'), 'receiver', 'error')}")

    hear(signals.event_recorded, fails)
    for who in NUMBERS:
        for topic in ALPHABETICAL:
            assert post(topic, body(topic, who)).status_code == 200
            assert post(topic, body(topic, who, "second", updated_at=LATER.isoformat())).status_code == 200
            post(topic, body(topic, who, "refused"), key="mistyped")
        post("order", json.dumps(body("order", who, "broken")).encode()[:-40])
        post("order", json.dumps(body("order", who, "torn")).encode()[:-40], key="mistyped")
        spooled(tmp_path, who)
        ingest(tmp_path, who)
        pull(who)
        _release(post, who)
        _reasons(who)
        _worklist(who)
    both = [body("order", who, "split") for who in NUMBERS]
    assert post("any", json.dumps(both).encode()).json()["outcome"] == "split"
    post("any", json.dumps([*both, {"increment_id": "000990001"}]).encode())
    post("any", json.dumps([body("order", who, "splitrefused") for who in NUMBERS]).encode(), key="mistyped")
    search_index.throttle.reset()
    Worker().once()
    _export()
    for who in NUMBERS:
        failed = Message.objects.filter(increment_id=number_of(who, 1), status="applied").first()
        failed.status, failed.error = "failed", f"DataError: {token(who, 'failed', 'error')}"
        failed.save()
    assert RefusedBody.objects.exists()
    assert Message.objects.filter(status="quarantined").exists()
    for holder in ({"message__isnull": False}, {"refused_body__isnull": False}):
        assert MentionedNumber.objects.filter(number__startswith="zqher", **holder).exists()


def spooled(tmp_path, who):
    fields = body("shipment", who, "spooled", updated_at=LATER.isoformat())
    message = Message(url_topic="shipment", account="default", body=json.dumps(fields).encode(), received_at=LATER)
    path = spool.write({name: getattr(message, name) for name in SPOOLED})
    aside = spool.write({name: getattr(message, name) for name in SPOOLED} | {"uid": uuid.uuid4()})
    spool.set_aside(aside)
    assert path.exists()


def ingest(tmp_path, who):
    path = tmp_path / f"{who}.json"
    path.write_text(json.dumps(body("invoice", who, "ingested", updated_at=(LATER + timedelta(days=1)).isoformat())))
    call_command("stockhub_ingest", str(path), topic="invoice", verbosity=0)
    path.unlink()


def pull(who, way="pulled"):
    """Journal what a request to Stock Hub's REST answered."""
    fields = body("creditmemo", who, way, updated_at=(LATER + timedelta(days=2)).isoformat())
    message = Message(url_topic="creditmemo", account="default", body=json.dumps(fields).encode(), source="pull")
    journal.enter(message)


def _release(post, who):
    """Let a refused message in after all."""
    post("shipment", body("shipment", who, "released", updated_at=LATER.isoformat()), key="mistyped")
    refusals.release([RefusedBody.objects.latest("pk").pk], by="clerk", account="default")


def _reasons(who):
    order = Order.objects.get(increment_id=number_of(who, 1))
    name = token(who, "second", "email")
    asked = {"requested_by": "clerk", "reason": f"{name} called", "created_at": LATER, "status": "done", "due_at": None}
    Replay.objects.create(**asked)
    BulkRequest.objects.create(action="give_up", **asked)
    factories.NoteFactory(order=order, text=f"{token(who, 'note', 'text')} called")
    factories.NoteFactory(order=order, text=token(who, "withdrawnnote", "text"), withdrawn_at=LATER)
    LogEntry.objects.create(
        user=apps.get_model("auth", "User").objects.get_or_create(username="clerk")[0],
        content_type=ContentType.objects.get_for_model(Order),
        object_id=str(order.pk),
        object_repr=order.increment_id,
        action_flag=2,
        change_message=f"{token(who, 'log', 'reason')} called",
    )


def _worklist(who):
    order = Order.objects.get(increment_id=number_of(who, 1))
    numbers = {"order": order.increment_id, "number": order.po_number}
    for kind, number in numbers.items():
        own = order if kind == "order" else None
        values = {"kind": kind, "number": number, "order": own, "subject_id": own and own.pk, "status": "dismissed"}
        reason = token(who, "dismissed", kind)
        factories.WorklistRowFactory(
            account="default", rule="not_sent", po_number=order.po_number, dismissed_reason=reason, **values
        )


def _export():
    """Make large exports: one of all orders that is done, and one that is under way."""
    period = Period(date(2000, 1, 1), date(2030, 1, 1))
    for _time in range(2):
        exports.begin(Export(TABLES["order"], period, with_persons=True), 2, who="clerk", who_pk="1")
    exports.continue_due()
    done, open_one = ExportRequest.objects.order_by("pk")
    assert (done.status, open_one.status) == ("done", "open")
    ExportPart.objects.create(request=open_one, data=done.parts.get().data)


def close_copies(folder):
    """Let hours pass, so that nothing writes to the files of the copy any more."""
    journal_copy.COPY.close()
    for path in folder.glob("*.jsonl"):
        old = os.stat(path).st_mtime - 7200
        os.utime(path, (old, old))


def found(who, *folders):
    """Return all canaries of a customer that any column of ours or any file holds."""
    texts = []
    for model in [*apps.get_app_config("stockhub_webhooks").get_models(), LogEntry]:
        for row in model.objects.all():
            for column in model._meta.concrete_fields:
                value = getattr(row, column.attname)
                texts.append(plain(value) if isinstance(value, (bytes, memoryview)) else str(value))
    texts += [
        path.read_text("utf-8", "replace") for folder in folders for path in Path(folder).rglob("*") if path.is_file()
    ]
    words = " ".join(decoded(line) for text in texts for line in text.splitlines())
    return {word for word in re.split(r"[\s\"'/\\\\,;]+", words) if word.startswith(f"zq{who}")}


def plain(value):
    """Return bytes as a text; those of an export are compressed."""
    with suppress(zlib.error):
        value = zlib.decompress(value)
    return bytes(value).decode("latin-1")


def decoded(text):
    """Return a line with the bodies of spool files, which are in base64."""
    try:
        record = json.loads(text)
        return text + base64.b64decode(record["body"], validate=True).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return text
