"""The messages of the demo: the life of one order, with invented names and numbers, and amounts that add up."""

from __future__ import annotations

from dataclasses import dataclass

from stockhub_webhooks.testing.samples import Story
from stockhub_webhooks.testing.samples.world import ARTICLES, SampleLine

NUMBER = "SHOP-1042"  # the shop's order number, which Stock Hub calls po_number
SHOES, SCARVES, ONE_SCARF = SampleLine(ARTICLES[0], 1), SampleLine(ARTICLES[2], 2), SampleLine(ARTICLES[2], 1)
STORY = Story(po_number=NUMBER, lines=[SHOES, SCARVES])


@dataclass(frozen=True)
class Step:
    """One message: its title on the screen, topic, body, and the expected answer."""

    title: str
    topic: str
    body: dict
    promised: str
    wrong_key: bool = False


ACCEPTED = STORY.order("processing")
CUSTOMER = STORY.customer
STORY.wait(minutes=6)
INVOICE = STORY.invoice()
PARCEL = STORY.pack()
STORY.wait(hours=7)
ON_ITS_WAY = STORY.shipment(PARCEL, "IN_TRANSIT")
STORY.wait(days=2)
DELIVERED = STORY.shipment(PARCEL, "DELIVERED")
STORY.wait(minutes=1)
COMPLETE = STORY.order("complete")
STORY.wait(days=2)
BACK = STORY.take_back([ONE_SCARF])
AUTHORIZED = STORY.rma(BACK, "authorized")
STORY.wait(days=3)
BACK.received_at = STORY.now
APPROVED = STORY.rma(BACK, "approved")
STORY.wait(days=1)
CREDIT_MEMO = STORY.credit_memo([ONE_SCARF], fee_cents=250)

STEPS = (
    Step("order, processing", "order", ACCEPTED, "200 created"),
    Step("  the same once more", "order", ACCEPTED, "200 unchanged"),
    Step("invoice", "invoice", INVOICE, "200 created"),
    Step("shipment, IN_TRANSIT", "shipment", ON_ITS_WAY, "200 created"),
    Step("shipment, DELIVERED", "shipment", DELIVERED, "200 updated"),
    Step("  the older one, late", "shipment", ON_ITS_WAY, "200 stale"),
    Step("order, complete", "order", COMPLETE, "200 updated"),
    Step("  with a wrong key", "order", ACCEPTED, "401 refused", wrong_key=True),
    Step("return, authorized", "rma", AUTHORIZED, "200 created"),
    Step("return, approved", "rma", APPROVED, "200 updated"),
    Step("credit memo", "creditmemo", CREDIT_MEMO, "200 created"),
)
