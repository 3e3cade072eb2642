"""Drive the orders of this shop by Stock Hub's messages alone; print what is wrong in the end, as JSON."""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.db.models import F
from django.test import Client
from django.test.utils import setup_test_environment
from django.utils import timezone
from lives import as_sent, lives
from oscar.apps.order.models import Order, ShippingEventType
from oscar.apps.partner.models import StockRecord
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from stockhub_webhooks.models import Message, ReceiverCall

KEY = {"x-api-key": os.environ["STOCKHUB_API_KEY"]}
STOCK = 1000


def seed(told):
    """Place an order of Oscar for each of Stock Hub's, as its checkout does."""
    for code in ("shipped", "returned"):
        ShippingEventType.objects.get_or_create(code=code, defaults={"name": code.title()})
    get_user_model().objects.create_superuser("admin", "admin@example.com", "admin")
    buyer = get_user_model().objects.create_user("buyer", "buyer@example.com", "buyer")
    country = get_model("address", "Country").objects.create(
        iso_3166_1_a2="NL", iso_3166_1_a3="NLD", iso_3166_1_numeric="528", printable_name="Netherlands",
        is_shipping_country=True,
    )  # fmt: skip
    for number, steps in told.items():
        basket = factories.create_basket(empty=True)
        basket.strategy = get_class("partner.strategy", "Selector")().strategy()
        for (sku, size), pieces in ordered(steps).items():
            basket.add_product(product(f"{sku}|{size}"), quantity=pieces)
        factories.create_order(
            number=number, basket=basket, user=buyer, shipping_address=factories.ShippingAddressFactory(country=country)
        )


def product(sku):
    """The article with a SKU of the partner; the same for all orders."""
    record = StockRecord.objects.filter(partner_sku=sku).first()
    if record is None:
        article = factories.create_product(title=sku, upc=f"upc-{StockRecord.objects.count()}")
        record = factories.create_stockrecord(
            article, price=Decimal("24.95"), partner_sku=sku, num_in_stock=STOCK, partner_name="Stock Hub"
        )
    return record.product


def ordered(steps):
    """The pieces that the customer ordered, by SKU and size."""
    first = {}
    for step in steps:
        if step.topic == "order":
            first.setdefault(step.payload["increment_id"].partition("-")[0], step.payload["items"])
    pieces = {}
    for items in first.values():
        for item in items:
            key = item["sku"], item["size"]
            pieces[key] = pieces.get(key, 0) + item["qty_ordered"]
    return pieces


def send(topic, body):
    """Post a message as Stock Hub does."""
    answer = Client().post(f"/api/v1/stockhub/{topic}", json.dumps(body), content_type="application/json", headers=KEY)
    assert answer.status_code in (200, 202), answer.content


def play(told, mode):
    """Send all messages, and let the worker complete what they left."""
    steps = [(step.topic, as_sent(number, step)) for number, steps in told.items() for step in steps]
    chance = random.Random(mode)
    if mode != "in_sequence":
        chance.shuffle(steps)
    if mode == "twice":
        steps = [step for step in steps for _ in range(2)]
    if mode == "at_once":

        def send_and_close(step):
            send(*step)
            connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(send_and_close, steps))
    else:
        for step in steps:
            send(*step)
    for _ in range(20):
        # the quarter of an hour that a cancellation waits passes; of a message from the spool, too
        fresh = Message.objects.filter(received_at__gt=timezone.now() - timedelta(minutes=30))
        fresh.update(received_at=F("received_at") - timedelta(hours=1))
        ReceiverCall.objects.filter(status="pending").update(due_at=timezone.now())
        call_command("stockhub_worker", "--once", "--max-seconds=120")
        if not ReceiverCall.objects.exclude(status="done").exists():
            break


def wrong(told):
    """What differs from what the last messages of each document say."""
    faults = [
        f"{call.receiver} {call.event}: {call.last_error[:300]}" for call in ReceiverCall.objects.exclude(status="done")
    ]
    in_stock, allocated = {}, {}
    for number, steps in told.items():
        faults += [f"{number} {fault}" for fault in faults_of(number, steps, in_stock, allocated)]
    for record in StockRecord.objects.all():
        expected = STOCK + in_stock.get(record.partner_sku, 0), allocated.get(record.partner_sku, 0)
        found = record.num_in_stock, record.num_allocated
        if found != expected:
            faults.append(f"stock of {record.partner_sku}: {found}, not {expected}")
    return faults


def faults_of(number, steps, in_stock, allocated):
    """Compare one order; note what it does to the stock."""
    order = Order.objects.get(number=number)
    newest = {}
    for step in sorted(steps, key=lambda step: step.at):
        newest[step.topic, step.number] = step.payload
    documents = {topic: [body for (each, _), body in newest.items() if each == topic] for topic, _ in newest}
    left = [body for body in documents.get("shipment", []) if body["status"] != "READY_FOR_PICKUP"]
    sent = pieces(left, "qty")
    delivered = pieces([body for body in left if body["status"] == "DELIVERED"], "qty")
    back = pieces(documents.get("rma", []), "qty_returned")
    cancelled = pieces(documents.get("creditmemo", []), "qty", lambda item: item["reversal"] == "CANCELLED")
    numbers = {body["increment_id"] for body in documents["order"]}
    for body in documents["order"]:
        if body["status"] == "canceled" and f"{body['increment_id']}-1" not in numbers:
            gone = pieces([each for each in left if each["order_increment_id"] == body["increment_id"]], "qty")
            for sku, ordered_pieces in pieces([body], "qty_ordered").items():
                cancelled[sku] = cancelled.get(sku, 0) + ordered_pieces - gone.get(sku, 0)
    still_open = 0
    for line in order.lines.all():
        gone, returned = sent.get(line.partner_sku, 0), back.get(line.partner_sku, 0)
        found = {code: line.shipping_event_quantity(ShippingEventType.objects.get(code=code))
                 for code in ("shipped", "returned")}  # fmt: skip
        if found != {"shipped": gone, "returned": returned}:
            yield f"{line.partner_sku}: {found}, not {gone} and {returned}"
        open_pieces = line.quantity - gone - cancelled.get(line.partner_sku, 0)
        if line.num_allocated != open_pieces:
            yield f"{line.partner_sku}: {line.num_allocated} allocated, not {open_pieces}"
        status = (
            "Being processed" if open_pieces
            else "Cancelled" if not gone
            else "Returned" if returned == gone
            else "Shipped"
        )  # fmt: skip
        if line.status != status:
            yield f"{line.partner_sku} is {line.status}, not {status}"
        in_stock[line.partner_sku] = in_stock.get(line.partner_sku, 0) + returned - gone
        allocated[line.partner_sku] = allocated.get(line.partner_sku, 0) + open_pieces
        still_open += open_pieces
    status = (
        "Cancelled" if not sent and not still_open
        else "Being processed" if not sent
        else "Partially shipped" if still_open
        else "Returned" if sent == back
        else "Complete" if sent == delivered
        else "Shipped"
    )  # fmt: skip
    if order.status != status:
        yield f"is {order.status}, not {status}"
    yield from faults_of_documents(order, documents, left)


def faults_of_documents(order, documents, left):
    """Compare the parcels and the proposal of an order."""
    events = list(order.shipping_events.filter(event_type__code="shipped").values_list("notes", flat=True))
    missing = [body["increment_id"] for body in left if track_of(body) not in events]
    if missing or len(events) != len(left):
        yield f"has the parcels {events}, and not {missing}"
    memos = documents.get("creditmemo", [])
    proposals = [f"Refund proposal: {sum(body['grand_total'] for body in memos):.2f}"] if memos else []
    if list(order.notes.values_list("message", flat=True)) != proposals:
        yield f"has the notes {list(order.notes.values_list('message', flat=True))}, not {proposals}"


def track_of(body):
    """What the shipping event of a parcel says."""
    number = f"ups {body['track']['tracking_number']}, " if body["track"] else ""
    return f"{number}parcel {body['increment_id']}"


def pieces(bodies, name, counts=lambda item: True):
    """Add up the pieces of documents by SKU and size."""
    total = {}
    for body in bodies:
        for item in filter(counts, body["items"]):
            sku = f"{item['sku']}|{item['size']}"
            total[sku] = total.get(sku, 0) + (item[name] or 0)
    return {sku: number for sku, number in total.items() if number}


def visit():
    """Oscar's own pages with us installed: status by path, for the staff and for a customer."""
    staff, customer = Client(), Client()
    staff.force_login(get_user_model().objects.get(username="admin"), "django.contrib.auth.backends.ModelBackend")
    customer.force_login(get_user_model().objects.get(username="buyer"), "django.contrib.auth.backends.ModelBackend")
    order = Order.objects.filter(number__startswith="SHOP-parcels").first()
    shown = customer.get(f"/accounts/orders/{order.number}/").content.decode()
    answers = {
        path: client.get(path).status_code
        for client, paths in (
            (staff, ("/dashboard/", "/dashboard/orders/", f"/dashboard/orders/{order.number}/", "/dashboard/catalogue/",
                     "/admin/stockhub_webhooks/", "/admin/stockhub_webhooks/order/", "/admin/order/order/")),
            (customer, ("/", "/catalogue/", "/basket/", "/accounts/orders/", f"/accounts/orders/{order.number}/")),
        )
        for path in paths
    }  # fmt: skip
    article = StockRecord.objects.first().product
    customer.post(f"/basket/add/{article.pk}/", {"quantity": 1})
    answers["checkout"] = customer.get("/checkout/shipping-address/", follow=True).status_code
    box = staff.get(f"/dashboard/orders/{order.number}/").content.decode()
    return {"answers": answers, "tracking": "1Z00AA" in shown, "box": "stockhub-box" in box and "1Z00AA" in box}


def main(mode):
    """Do one run on an empty database: in_sequence, shuffled, twice or at_once."""
    setup_test_environment()
    call_command("check")
    call_command("migrate", verbosity=0)
    told = lives()
    seed(told)
    play(told, mode)
    print(json.dumps({"orders": len(told), "calls": ReceiverCall.objects.count(), "wrong": wrong(told), **visit()}))
