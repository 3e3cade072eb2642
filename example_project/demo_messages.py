"""What Stock Hub sends in the demo: the life of one order. Names and numbers are invented, and the amounts add up."""

from __future__ import annotations

from dataclasses import dataclass

NUMBER = "SHOP-1042"  # the shop's own, which Stock Hub calls po_number

CUSTOMER = {
    "first_name": "Sanne",
    "last_name": "de Voorbeeld",
    "email": "sanne@example.com",
    "telephone": "+31600000042",
    "street": "Keizersgracht",
    "house_number": "999B",
    "postcode": "1015ZZ",
    "city": "Amsterdam",
    "region_code": None,
    "country_id": "NL",
    "company_name": None,
}
WAREHOUSE = {
    **{name: CUSTOMER[name] for name in ("region_code", "country_id")},
    "email": "magazijn@example.com",
    "telephone": "+31200000007",
    "street": "Havenweg",
    "house_number": "12",
    "postcode": "3089ZZ",
    "city": "Rotterdam",
    "company_name": "Voorbeeld Logistiek BV",
}
SHOES = {
    "sku": "wsnl100-5f2c7a90b1de4c3388aa0172",
    "parent_sku": "100217",
    "manufacturer": "Voorbeeldmerk",
    "size": "42",
    "mpn": "VM42ZW",
}
SCARF = {
    "sku": "wsnl100-5f2c7a90b1de4c3388aa0955",
    "parent_sku": "100981",
    "manufacturer": "Voorbeeldmerk",
    "size": "OS",
    "mpn": "VMSJ01",
}
SHOES_PRICE, SCARF_PRICE, SHIPPING_PRICE, RETURN_FEE = 149.9, 39.95, 4.95, 2.5
SUBTOTAL = SHOES_PRICE + 2 * SCARF_PRICE
TOTALS = {
    "subtotal": round(SUBTOTAL, 2),
    "shipping_price": SHIPPING_PRICE,
    "grand_total": round(SUBTOTAL + SHIPPING_PRICE, 2),
}
CHILD = {"order_increment_id": "000004711", "po_number": NUMBER, "currency": "EUR"}


def line(article: dict, quantity: int, price: float, name: str = "qty") -> dict:
    return {**article, name: quantity, "item_price_inc_tax": price, "row_total_inc_tax": round(quantity * price, 2)}


def lines(name: str = "qty") -> list[dict]:
    return [line(SHOES, 1, SHOES_PRICE, name), line(SCARF, 2, SCARF_PRICE, name)]


def order(status: str, updated_at: str) -> dict:
    return {
        "increment_id": CHILD["order_increment_id"],
        "po_number": NUMBER,
        "currency": "EUR",
        "status": status,
        "created_at": "2026-03-02T09:14:05.000+00:00",
        "updated_at": updated_at,
        "items": lines("qty_ordered"),
        **TOTALS,
        "billing_address": CUSTOMER,
        "shipping_address": CUSTOMER,
    }


def invoice() -> dict:
    return {
        **CHILD,
        "increment_id": "000003315",
        "created_at": "2026-03-02T09:20:11.000+00:00",
        "updated_at": "2026-03-02T09:20:11.000+00:00",
        "items": lines(),
        **TOTALS,
        "billing_address": CUSTOMER,
    }


def shipment(status: str, updated_at: str, delivered_at: str | None = None) -> dict:
    number = "1Z00ZZ000000004711"
    return {
        **CHILD,
        "increment_id": "000002209",
        "status": status,
        "created_at": "2026-03-02 15:02:40",
        "updated_at": updated_at,
        "collected_at": "2026-03-02 16:30:00",
        "delivered_at": delivered_at,
        "items": lines(),
        "track": {
            "carrier": "ups",
            "method": None,
            "tracking_number": number,
            "tracking_url": f"https://tracking.example.com/{number}",
        },
        "origin_address": WAREHOUSE,
        "shipping_address": CUSTOMER,
    }


def rma(status: str, date_received: str | None = None) -> dict:
    number, approved = "1Z00ZZ000000000512", 1 if status == "approved" else None
    item = {
        **SCARF,
        "id": 88,
        "color": "Zwart",
        "resolution": "refund",
        "reason": "no_reason",
        "qty_requested": 1,
        "qty_approved": approved,
        "qty_returned": approved,
        "merchant_product_reference": SCARF["mpn"],
        "merchant_resolution": None,
        "item_return_fee": RETURN_FEE,
        "row_line_return_fee": RETURN_FEE,
        "status": status,
    }
    return {
        **CHILD,
        "increment_id": "000000512",
        "status": status,
        "date_requested": "2026-03-06T18:44:00.000+00:00",
        "date_received": date_received,
        "date_processed": None,
        "items": [item],
        "track": {
            "carrier": "ups",
            "method": None,
            "tracking_number": number,
            "tracking_url": f"https://tracking.example.com/{number}",
        },
    }


def credit_memo() -> dict:
    return {
        **CHILD,
        "increment_id": "000000187",
        "created_at": "2026-03-10T10:31:26.000+00:00",
        "updated_at": "2026-03-10T10:31:26.000+00:00",
        "items": [{**line(SCARF, 1, SCARF_PRICE), "reversal": "NONE", "return_item_fee": RETURN_FEE}],
        "subtotal": SCARF_PRICE,
        "shipping_price": 0,
        "adjustment": 0,
        "fee_amount": RETURN_FEE,
        "grand_total": round(SCARF_PRICE - RETURN_FEE, 2),
        "billing_address": CUSTOMER,
    }


@dataclass(frozen=True)
class Step:
    """One message: how it is called on the screen, what is sent where, and the answer that is promised."""

    title: str
    topic: str
    body: dict
    promised: str
    wrong_key: bool = False


ACCEPTED = order("processing", "2026-03-02T09:14:05.000+00:00")
ON_ITS_WAY = shipment("IN_TRANSIT", "2026-03-02 16:30:05")
DELIVERED = shipment("DELIVERED", "2026-03-04 11:05:12", "2026-03-04 11:05:09")
COMPLETE = order("complete", "2026-03-04T11:06:00.000+00:00")
STEPS = (
    Step("order, processing", "order", ACCEPTED, "200 created"),
    Step("  the same once more", "order", ACCEPTED, "200 unchanged"),
    Step("invoice", "invoice", invoice(), "200 created"),
    Step("shipment, IN_TRANSIT", "shipment", ON_ITS_WAY, "200 created"),
    Step("shipment, DELIVERED", "shipment", DELIVERED, "200 updated"),
    Step("  the older one, late", "shipment", ON_ITS_WAY, "200 stale"),
    Step("order, complete", "order", COMPLETE, "200 updated"),
    Step("  with a wrong key", "order", ACCEPTED, "401 refused", wrong_key=True),
    Step("return, authorized", "rma", rma("authorized"), "200 created"),
    Step("return, approved", "rma", rma("approved", "2026-03-09T13:00:00.000+00:00"), "200 updated"),
    Step("credit memo", "creditmemo", credit_memo(), "200 created"),
)
