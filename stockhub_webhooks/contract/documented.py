"""Fields of the contract that are in each documented message and are never null there, and the known versions."""

from stockhub_webhooks.contract import topics

VERSIONS = frozenset({"V1"})  # values of `x-version`

ALWAYS_SENT: dict[str, frozenset[str]] = {
    topics.ORDER: frozenset(
        {"increment_id", "created_at", "updated_at", "items", "shipping_address", "billing_address"}
    ),
    topics.SHIPMENT: frozenset(
        {"increment_id", "order_increment_id", "created_at", "updated_at", "items", "shipping_address"}
        | {"origin_address", "track", "currency"}
    ),
    topics.INVOICE: frozenset(
        {"increment_id", "order_increment_id", "created_at", "updated_at", "items", "billing_address"}
        | {"grand_total", "subtotal", "currency", "po_number"}
    ),
    topics.RMA: frozenset(
        {"increment_id", "order_increment_id", "date_requested", "items", "status", "currency", "po_number"}
    ),
    topics.CREDIT_MEMO: frozenset(
        {"increment_id", "order_increment_id", "created_at", "updated_at", "items", "billing_address"}
        | {"shipping_price", "grand_total", "subtotal", "currency", "adjustment", "fee_amount"}
    ),
    topics.PAYMENT_REQUEST: frozenset({"items", "grand_total", "subtotal", "tax_amount", "discount_amount"}),
}

# what the REST calls say beside the fields of the messages, by topic
ONLY_IN_REST: dict[str, frozenset[str]] = {topics.ORDER: frozenset({"is_invoiced", "is_shipped"})}

_ARTICLE = frozenset({"sku", "manufacturer", "size", "mpn", "item_price_inc_tax", "row_total_inc_tax"})

ALWAYS_SENT_IN_ITEMS: dict[str, frozenset[str]] = {
    topics.ORDER: _ARTICLE | {"qty_ordered"},
    topics.SHIPMENT: _ARTICLE | {"qty"},
    topics.INVOICE: _ARTICLE | {"qty"},
    topics.RMA: frozenset(
        {"id", "sku", "resolution", "qty_requested", "item_return_fee", "row_line_return_fee", "status"}
    ),
    topics.CREDIT_MEMO: _ARTICLE | {"qty", "reversal", "return_item_fee"},
    topics.PAYMENT_REQUEST: _ARTICLE | {"qty"},
}
