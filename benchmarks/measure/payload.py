"""The message that is measured: the contract's order with three lines and two addresses, its numbers always new."""

import json
from pathlib import Path

PLACE = "{{ID}}"  # here each request has a number of its own
CONTRACT = Path(__file__).resolve().parents[2] / "tests" / "samples" / "contract" / "order.json"


def order(lines=3):
    """An order as an object, with its place for the number."""
    body = json.loads(CONTRACT.read_text(encoding="utf-8"))
    first = body["items"][0]
    body["items"] = [first | {"sku": f"{first['sku']}-{n}", "mpn": f"{first['mpn']}-{n}"} for n in range(lines)]
    body["subtotal"] = lines * first["row_total_inc_tax"]
    body["grand_total"] = round(body["subtotal"] + body["shipping_price"], 2)
    return body | {"increment_id": PLACE, "po_number": f"PO-{PLACE}"}


def template(lines=3):
    """The same as text."""
    return json.dumps(order(lines))


def with_number(number, lines=3):
    """The bytes of one message."""
    return template(lines).replace(PLACE, str(number)).encode()


# what Postmark tells of a mail that was delivered; django-anymail receives it
POSTMARK = json.dumps(
    {
        "RecordType": "Delivery",
        "MessageID": PLACE,
        "Recipient": "piet.testman@example.com",
        "DeliveredAt": "2026-03-01T10:20:30Z",
        "Details": "accepted",
        "Tag": "order",
        "ServerID": 23,
        "Metadata": {"order": "000000701"},
        "MessageStream": "outbound",
    }
)
