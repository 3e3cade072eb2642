"""A shop full of canaries: texts of two customers, in each field, by each way in."""

import base64
import json
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from stockhub_webhooks import signals
from stockhub_webhooks.models import Address, Message, Order, RefusedBody, Replay
from stockhub_webhooks.operations.worker import Worker
from stockhub_webhooks.receiving import journal, records, refusals, spool
from stockhub_webhooks.receiving.kept import SPOOLED
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
    return found | {"gift_note": token(who, way, "giftnote")} | changes


def fill(post, hear, tmp_path):
    """Let messages of both customers in by each way; return the directory of a copy of the journal."""

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
    both = [body("order", who, "split") for who in NUMBERS]
    assert post("any", json.dumps(both).encode()).json()["outcome"] == "split"
    post("any", json.dumps([*both, {"increment_id": "000990001"}]).encode())
    post("any", json.dumps([body("order", who, "splitrefused") for who in NUMBERS]).encode(), key="mistyped")
    Worker().once()
    for who in NUMBERS:
        failed = Message.objects.filter(increment_id=number_of(who, 1), status="applied").first()
        failed.status, failed.error = "failed", f"DataError: {token(who, 'failed', 'error')}"
        failed.save()
    assert RefusedBody.objects.exists()
    assert Message.objects.filter(status="quarantined").exists()
    return _copy(tmp_path)


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
    Replay.objects.create(requested_by="clerk", reason=f"{name} called", created_at=LATER, status="done", due_at=None)
    LogEntry.objects.create(
        user=apps.get_model("auth", "User").objects.get_or_create(username="clerk")[0],
        content_type=ContentType.objects.get_for_model(Order),
        object_id=str(order.pk),
        object_repr=order.increment_id,
        action_flag=2,
        change_message=f"{token(who, 'log', 'reason')} called",
    )


def _copy(tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    lines = [records.to_line(message) for message in Message.objects.order_by("pk")]
    (folder / "1.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


def found(who, *folders):
    """Return all canaries of a customer that any column of ours or any file holds."""
    texts = []
    for model in [*apps.get_app_config("stockhub_webhooks").get_models(), LogEntry]:
        for row in model.objects.all():
            for column in model._meta.concrete_fields:
                value = getattr(row, column.attname)
                texts.append(bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value))
    texts += [
        path.read_text("utf-8", "replace") for folder in folders for path in Path(folder).rglob("*") if path.is_file()
    ]
    words = " ".join(decoded(text) for text in texts)
    return {
        word
        for word in words.replace('"', " ").replace("'", " ").replace("/", " ").replace("\\", " ").split()
        if word.startswith(f"zq{who}")
    }


def decoded(text):
    """Return a text with the bodies of spool files, which are in base64."""
    try:
        record = json.loads(text)
        return text + base64.b64decode(record["body"], validate=True).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return text
