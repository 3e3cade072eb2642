"""A shop in which everything is long: one order of many lines, one of many documents, a purchase of many orders."""

import json
import zlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from django.contrib.auth import get_user_model

from stockhub_webhooks import models
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message, Order

# the shop's order numbers: of an order of many lines, of one of many lines with one SKU, and so on
LINES, TWINS, DOCUMENTS, ORDERS = "LONG-1", "SAME-1", "MANY-1", "SPLIT-1"
START = datetime(2024, 3, 1, tzinfo=timezone.utc)
BATCH = 500
PRICE = Decimal("10.00")


def fill(count):
    """Insert `count` rows of each kind, as many documents in all; no signal of the app is sent."""
    lines = range(count)
    order = order_of_many_lines(lines, LINES, sku)
    order_of_many_lines(lines, TWINS, lambda number: "SKU-1")
    many_messages(lines, order)
    _order_of_many_documents(range(max(count // len(CHILDREN), 1)))
    _purchase_of_many_orders(lines)
    _many_rows_of_the_operation(lines, order)
    return order


def sku(number):
    return f"SKU-{number}"


def _at(number):
    return START + timedelta(seconds=number)


def _add(model, rows):
    return model.objects.bulk_create(list(rows), batch_size=BATCH)


def _document(model, number, **values):
    names = {field.name for field in model._meta.fields}
    amounts = dict.fromkeys(("subtotal", "grand_total"), PRICE) | {"shipping_price": Decimal(0)}
    times = dict.fromkeys(("created_at", "updated_at", "date_requested", "collected_at", "delivered_at"), START)
    known = {name: value for name, value in {"currency": "EUR", **amounts, **times}.items() if name in names}
    return model(account="default", increment_id=number, received_at=START, **known | values)


ITEMS = {
    models.Order: (models.OrderItem, "order", "qty_ordered"),
    models.Shipment: (models.ShipmentItem, "shipment", "qty"),
    models.Invoice: (models.InvoiceItem, "invoice", "qty"),
    models.RMA: (models.RMAItem, "rma", "qty_requested"),
    models.CreditMemo: (models.CreditMemoItem, "credit_memo", "qty"),
    models.PaymentRequest: (models.PaymentRequestItem, "payment_request", "qty"),
}
CHILDREN = [model for model in ITEMS if model is not Order]
MOVING = {models.Shipment: "shipment", models.RMA: "rma"}


def _item(document, position, sku):
    model, owner, pieces = ITEMS[type(document)]
    names = {field.name for field in model._meta.fields}
    prices = dict.fromkeys(("item_price_inc_tax", "row_total_inc_tax"), PRICE)
    values = {"manufacturer": "Brand", "size": "M", "item_id": str(position), "status": "authorized", **prices}
    known = {name: value for name, value in values.items() if name in names}
    return model(position=position, sku=sku, **{owner: document, pieces: 1}, **known)


def _track(document, number):
    owner = MOVING[type(document)]
    number = f"3S{document.pk}{owner}{number}"
    return models.Track(
        tracking_number=number, carrier="postnl", tracking_url="https://carrier.example/", **{owner: document}
    )


def order_of_many_lines(lines, po_number, sku):
    total = PRICE * len(lines)
    extra = {"items": [{"id": str(number), "gift": "yes"} for number in lines]}
    order = _document(
        Order, po_number, po_number=po_number, status="processing", subtotal=total, grand_total=total, extra=extra
    )
    order.save()
    documents = [order]
    for model in CHILDREN:
        document = _document(model, po_number, po_number=po_number, order=order)
        document.save()
        documents.append(document)
    for document in documents:
        _add(ITEMS[type(document)][0], (_item(document, number, sku(number)) for number in lines))
        if type(document) in MOVING:
            _add(models.Track, (_track(document, number) for number in lines))
    return order


def _message(topic, number, **values):
    values = {"body": b"{}", "status": "applied", "outcome": "updated", "received_at": START, **values}
    return Message(topic=topic, url_topic=topic, account="default", increment_id=number, headers={}, **values)


def _event(message, order, number, kind, subject=1, **changes):
    return models.Event(
        type=kind, account="default", order=order, message=message, subject_id=subject, increment_id=LINES,
        po_number=LINES, changes=changes, occurred_at=_at(number),
    )  # fmt: skip


def _call(event, order, number):
    failing = number % 2
    return models.ReceiverCall(
        event=event, order=order, signal="event_recorded", receiver="shop.receiver",
        status="given_up" if failing else "done", attempts=1, cause=f"ValueError {number}" if failing else "",
        last_error=f"ValueError: {number}" if failing else "", failed_at=START if failing else None,
    )  # fmt: skip


def many_messages(lines, order):
    """Messages about one order; the last one changed every line, and added every parcel."""
    items = [{"sku": sku(number), "size": "M", "qty_ordered": 1, "row_total_inc_tax": "10.00"} for number in lines]
    body = {"increment_id": LINES, "po_number": LINES, "updated_at": "2024-03-01 00:00:00", "items": items}
    _add(Message, (_message(topics.ORDER, LINES, received_at=_at(number)) for number in lines))
    messages = list(Message.objects.order_by("pk"))
    late = _at(len(lines) + 1)
    long = _message(topics.ORDER, LINES, received_at=late, body=json.dumps(body).encode())
    parcels = _message(topics.SHIPMENT, LINES, received_at=late)
    long.save()
    parcels.save()
    changes = {f"items[{sku(number)}/M#{number}].qty_ordered": (1, 2) for number in lines}
    tracks = models.Track.objects.filter(shipment__po_number=LINES).values_list("pk", flat=True)
    events = [_event(message, order, number, "order.updated", order.pk) for number, message in enumerate(messages)]
    events += [_event(parcels, order, number, "track.added", pk) for number, pk in enumerate(tracks)]
    events.append(_event(long, order, len(lines) + 1, "order.updated", order.pk, **changes))
    _add(models.Event, events)
    events = models.Event.objects.order_by("pk").only("pk")
    _add(models.ReceiverCall, (_call(event, order, number) for number, event in enumerate(events)))
    _add(Message, (
        _message(topics.RMA, "", status="quarantined", error=f"not_json: {number}", cause=f"cause {number}",
                 received_at=_at(number), notes=[{"path": "", "code": "unknown_field", "detail": ""}])
        for number in lines
    ))  # fmt: skip


def _order_of_many_documents(lines):
    extra = {"items": [{"id": str(number), "gift": "yes"} for number in lines]}
    order = _document(Order, "D1", po_number=DOCUMENTS, status="processing", extra=extra)
    order.save()
    _add(models.OrderItem, [_item(order, 0, "SKU-0")])
    for model in CHILDREN:
        _add(model, (_document(model, f"D{number}", po_number=DOCUMENTS, order=order) for number in lines))
        documents = list(model.objects.filter(po_number=DOCUMENTS))
        _add(ITEMS[model][0], (_item(document, 0, sku(number)) for number, document in enumerate(documents)))
        if model in MOVING:
            _add(models.Track, (_track(document, 0) for document in documents))


def _purchase_of_many_orders(lines):
    _add(models.Address, (models.Address(last_name=f"Long {number}", city="Utrecht") for number in lines))
    addresses = list(models.Address.objects.filter(last_name__startswith="Long "))
    _add(Order, (
        _document(Order, f"S{number}", po_number=ORDERS, status="processing", shipping_address=address)
        for number, address in enumerate(addresses)
    ))  # fmt: skip
    orders = list(Order.objects.filter(po_number=ORDERS))
    _add(models.OrderItem, (_item(order, 0, "SKU-0") for order in orders))
    _add(models.HostLink, (
        models.HostLink(order=order, account="default", status="missing", since=START) for order in orders
    ))  # fmt: skip
    _add(models.WorklistRow, (
        models.WorklistRow(account="default", rule="missing_invoice", kind="order", number=order.increment_id,
                           order=order, subject_id=order.pk, po_number=ORDERS, since=START, fingerprint="x",
                           detail=[{"code": "missing_invoice"}], status="open")
        for order in orders
    ))  # fmt: skip
    links = models.HostLink.objects.select_related("order").prefetch_related("order__items").exclude(order=None)
    _add(models.MissingLine, (
        models.MissingLine(link=link, item=link.order.items.first(), account="default", status="missing", since=START,
                           looked_at=START)
        for link in links
        if link.order.items.all()
    ))  # fmt: skip


def _many_rows_of_the_operation(lines, order):
    _add(models.Refusal, (
        models.Refusal(hour=START - timedelta(hours=number), reason="wrong_key", remote_address=f"a{number}", count=1,
                       last_at=START)
        for number in lines
    ))  # fmt: skip
    _add(models.RefusedBody, (
        models.RefusedBody(url_topic="order", topic="order", increment_id=f"R{number}", body=b"{}", headers={},
                           reason="wrong_key", remote_address=f"a{number}", refused_at=_at(number),
                           network=f"net{number}", key_fingerprint=f"key{number}")
        for number in lines
    ))  # fmt: skip
    _add(models.MutedSender, (
        models.MutedSender(network=f"net{number}", muted_at=START, muted_by="office", reason="strangers")
        for number in lines
    ))  # fmt: skip
    kept = models.RefusedBody.objects.latest("pk")
    _add(models.MentionedNumber, (
        models.MentionedNumber(refused_body=kept, number=f"number{number}") for number in lines
    ))  # fmt: skip
    _add(models.Replay, (
        models.Replay(requested_by="office", created_at=_at(number), reason="to see", status="done")
        for number in lines
    ))  # fmt: skip
    _add(models.BulkRequest, (
        models.BulkRequest(action="try_again", requested_by="office", created_at=_at(number), reason="to see",
                           status="done", total=1)
        for number in lines
    ))  # fmt: skip
    asked, calls = models.BulkRequest.objects.earliest("pk"), models.ReceiverCall.objects.values_list("pk", flat=True)
    _add(models.BulkEntry, (models.BulkEntry(request=asked, row=pk, is_acted=True) for pk in calls))
    models.BulkRequest.objects.filter(pk=asked.pk).update(total=len(calls), acted=len(calls))
    user = get_user_model().objects.order_by("pk").values_list("pk", flat=True).first()  # whose file it is
    _add(models.ExportRequest, (
        models.ExportRequest(topic="order", first=START.date(), last=START.date(), requested_by="office",
                             requested_by_pk=str(user), created_at=_at(number), reason="", status="done")
        for number in lines
    ))  # fmt: skip
    part = zlib.compress(b"number\r\n")
    _add(models.ExportPart, (models.ExportPart(request=each, data=part) for each in models.ExportRequest.objects.all()))
    _add(models.Pull, (
        models.Pull(account="default", requested_by="office", created_at=_at(number), status="done", finished_at=START)
        for number in lines
    ))  # fmt: skip
    _add(models.AskedNumber, (
        models.AskedNumber(account="default", po_number=f"ASKED-{number}", first_asked_at=START, asked_at=START)
        for number in lines
    ))  # fmt: skip
    orders = models.Order.objects.order_by("pk")[: len(lines)]
    _add(models.OrderAnswer, (
        models.OrderAnswer(order=each, asked_at=START, is_shipped=True, is_invoiced=True) for each in orders
    ))  # fmt: skip
    _add(models.Erasure, (
        models.Erasure(account="default", order_numbers=[f"{number}"], erased_by="office") for number in lines
    ))  # fmt: skip
    _add(models.Drift, (
        models.Drift(topic="order", kind="unknown_field", name=f"name{number}", count=1, first_seen_at=START,
                     last_seen_at=START)
        for number in lines
    ))  # fmt: skip
    _add(models.Alarm, (models.Alarm(name=f"alarm{number}", since=START) for number in lines))
    _add(models.Note, (
        models.Note(order=order, account="default", po_number=LINES, text=f"note {number}", written_by="office",
                    written_by_pk="1", written_at=_at(number))
        for number in lines
    ))  # fmt: skip
    _add(models.Heartbeat, (models.Heartbeat(name=f"worker{number}", beat_at=START) for number in lines))
