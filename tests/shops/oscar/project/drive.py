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
from oscar.apps.order.models import Order, ShippingEventType
from oscar.apps.partner.models import StockRecord
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.testing import LIVES, life

KEY = {"x-api-key": os.environ["STOCKHUB_API_KEY"]}
STOCK = 1000
SEED = 100


def lives():
    """The lives of some orders of each kind, and one more kind: an edited order."""
    told = {f"SHOP-{name}-{n}": list(life(name, SEED + n, po_number=f"SHOP-{name}-{n}"))
            for n, name in enumerate([*LIVES] * 3)}  # fmt: skip
    for n in range(3):
        number = f"SHOP-edited-{n}"
        told[number] = edited(list(life("parcels", SEED + 50 + n, po_number=number)))
    for n in range(3):  # split: two orders of Stock Hub for one of the shop
        number = f"SHOP-split-{n}"
        told[number] = [
            *life("happy", SEED + 60 + n, po_number=number), *life("returned", SEED + 70 + n, po_number=number),
        ]  # fmt: skip
    for n, name in enumerate(("happy", "returned", "cancelled")):  # an article on two lines
        number = f"SHOP-repeated-{n}"
        told[number] = [repeated(step) for step in life(name, SEED + 80 + n, po_number=number)]
    return told


def repeated(step):
    """Let the document name its first article on a second line."""
    first = step.payload["items"][0]
    again = first | {name: int(f"9{first[name]}") for name in ("id", "item_id") if name in first}
    return step._replace(payload=step.payload | {"items": [*step.payload["items"], again]})


def edited(steps):
    """Cancel the order and continue it under a new number."""
    number = steps[0].payload["increment_id"]
    at = steps[0].at + timedelta(minutes=3)
    cancelled = steps[0].payload | {"status": "canceled", "updated_at": at.isoformat()}

    def moved(step):
        names = {name for name in ("increment_id", "order_increment_id") if step.payload.get(name) == number}
        names -= {"increment_id"} if step.topic != "order" else set()
        return step._replace(payload=step.payload | dict.fromkeys(names, f"{number}-1"))

    return [steps[0], steps[0]._replace(payload=cancelled, at=at), *map(moved, steps)]


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


def send(step):
    """Post a message as Stock Hub does."""
    answer = Client().post(
        f"/api/v1/stockhub/{step.topic}", json.dumps(step.payload), content_type="application/json", headers=KEY
    )
    assert answer.status_code in (200, 202), answer.content


def play(told, mode):
    """Send all messages, and let the worker complete what they left."""
    steps = [step for steps in told.values() for step in steps]
    chance = random.Random(mode)
    if mode != "in_sequence":
        chance.shuffle(steps)
    if mode == "twice":
        steps = [step for step in steps for _ in range(2)]
    if mode == "at_once":

        def send_and_close(step):
            send(step)
            connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(send_and_close, steps))
    else:
        for step in steps:
            send(step)
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
    left = [body for body in documents.get("shipment", []) if body["status"] in ("IN_TRANSIT", "DELIVERED")]
    sent = pieces(left, "qty")
    back = pieces(documents.get("rma", []), "qty_returned")
    reversed_ = pieces(documents.get("creditmemo", []), "qty", lambda item: item["reversal"] == "CANCELLED")
    is_cancelled = all(body["status"] == "canceled" for body in documents["order"])
    for line in order.lines.all():
        gone, returned = sent.get(line.partner_sku, 0), back.get(line.partner_sku, 0)
        cancelled = line.quantity - gone if is_cancelled else reversed_.get(line.partner_sku, 0)
        found = {code: line.shipping_event_quantity(ShippingEventType.objects.get(code=code))
                 for code in ("shipped", "returned")}  # fmt: skip
        if found != {"shipped": gone, "returned": returned}:
            yield f"{line.partner_sku}: {found}, not {gone} and {returned}"
        open_pieces = line.quantity - gone - cancelled
        if line.num_allocated != open_pieces:
            yield f"{line.partner_sku}: {line.num_allocated} allocated, not {open_pieces}"
        status = (
            "Cancelled" if cancelled == line.quantity
            else "Returned" if gone and returned == gone
            else "Shipped" if gone and not open_pieces
            else "Being processed"
        )  # fmt: skip
        if line.status != status:
            yield f"{line.partner_sku} is {line.status}, not {status}"
        in_stock[line.partner_sku] = in_stock.get(line.partner_sku, 0) + returned - gone
        allocated[line.partner_sku] = allocated.get(line.partner_sku, 0) + open_pieces
    yield from faults_of_order(order, documents, left, is_cancelled, sent, back)


def faults_of_order(order, documents, left, is_cancelled, sent, back):
    """Compare the status, the parcels and the proposal of an order."""
    status = "Cancelled" if is_cancelled else "Returned" if sent == back else "Complete"
    if order.status != status:
        yield f"is {order.status}, not {status}"
    tracks = sorted(f"ups {body['track']['tracking_number']}" for body in left)
    noted = sorted(order.shipping_events.filter(event_type__code="shipped").values_list("notes", flat=True))
    if noted != tracks:
        yield f"has the parcels {noted}, not {tracks}"
    memos = documents.get("creditmemo", [])
    proposals = [f"Refund proposal: {sum(body['grand_total'] for body in memos):.2f}"] if memos else []
    if list(order.notes.values_list("message", flat=True)) != proposals:
        yield f"has the notes {list(order.notes.values_list('message', flat=True))}, not {proposals}"


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
