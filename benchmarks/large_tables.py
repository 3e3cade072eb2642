"""A shop with years behind it, made by PostgreSQL itself: a million messages and 300,000 orders in a minute or two.

As a program it fills the database that DATABASE_URL names, whose tables are there and empty:
`python -m benchmarks.large_tables --orders 300000 --messages 1000000`.
"""

import argparse
import os
import time

FIRST_DAY = "timestamptz '2022-01-01 00:00:00+00'"

ORDERS = f"""
INSERT INTO stockhub_webhooks_address (id, first_name, last_name, email, telephone, street, house_number, postcode,
    city, country_id)
SELECT n, 'Jan' || n % 997, (ARRAY['', 'van den ', 'de '])[1 + n % 3] || 'Klant' || n % 20011,
    'klant' || n || '@example.com', '+316' || n, 'Laan', n % 300, lpad((n % 9000 + 1000)::text, 4, '0') || 'AB',
    'Stad' || n % 500, 'NL'
FROM generate_series(1, 3 * %(orders)s) n;

INSERT INTO stockhub_webhooks_order (id, account, increment_id, po_number, received_at, reading_digest, status,
    created_at, updated_at, currency, subtotal, shipping_price, grand_total, shipping_address_id, billing_address_id)
SELECT n, 'default', lpad(n::text, 9, '0'), 'SHOP-' || n, t, '', (ARRAY['complete', 'processing', 'closed'])[1 + n % 3],
    t, t, 'EUR', n % 200, 5, n % 200 + 5, 2 * n - 1, 2 * n
FROM generate_series(1, %(orders)s) n, LATERAL (SELECT {FIRST_DAY} + n * interval '5 minutes' AS t) at;

INSERT INTO stockhub_webhooks_orderitem (position, sku, manufacturer, size, mpn, item_price_inc_tax, row_total_inc_tax,
    qty_ordered, order_id)
SELECT line, 'sku-' || (n * line) % 50021, 'Merk', 'L', 'MPN' || (n * line) % 50021, n % 100, n % 100, 1, n
FROM generate_series(1, %(orders)s) n, generate_series(1, 2) line;
"""

CHILDREN = f"""
INSERT INTO stockhub_webhooks_shipment (id, account, increment_id, po_number, received_at, reading_digest, order_id,
    status, created_at, updated_at, currency, shipping_address_id)
SELECT n, 'default', lpad(n::text, 9, '0'), 'SHOP-' || n, t, '', n, 'DELIVERED', t, t, 'EUR', 2 * %(orders)s + n
FROM generate_series(1, %(orders)s) n, LATERAL (SELECT {FIRST_DAY} + n * interval '5 minutes' AS t) at;

INSERT INTO stockhub_webhooks_shipmentitem (position, sku, size, mpn, qty, shipment_id)
SELECT 0, 'sku-' || n % 50021, 'L', 'MPN' || n % 50021, 1, n FROM generate_series(1, %(orders)s) n;

INSERT INTO stockhub_webhooks_track (shipment_id, tracking_number, carrier)
SELECT n, '1Z' || lpad(n::text, 14, '0'), 'ups' FROM generate_series(1, %(orders)s) n;

INSERT INTO stockhub_webhooks_invoice (account, increment_id, po_number, received_at, reading_digest, order_id,
    created_at, updated_at, currency, subtotal, shipping_price, grand_total)
SELECT 'default', lpad(n::text, 9, '0'), 'SHOP-' || n, t, '', n, t, t, 'EUR', n % 200, 5, n % 200 + 5
FROM generate_series(1, %(orders)s) n, LATERAL (SELECT {FIRST_DAY} + n * interval '5 minutes' AS t) at;

INSERT INTO stockhub_webhooks_creditmemo (account, increment_id, po_number, received_at, reading_digest, order_id,
    created_at, updated_at, currency, subtotal, grand_total)
SELECT 'default', lpad(n::text, 9, '0'), 'SHOP-' || n * 5, t, '', n * 5, t, t, 'EUR', n % 200, n % 200
FROM generate_series(1, %(orders)s / 5) n, LATERAL (SELECT {FIRST_DAY} + n * interval '25 minutes' AS t) at;

INSERT INTO stockhub_webhooks_rma (account, increment_id, po_number, received_at, reading_digest, order_id, status,
    date_requested, currency)
SELECT 'default', lpad(n::text, 9, '0'), 'SHOP-' || n * 5, t, '', n * 5, 'processed_closed', t, 'EUR'
FROM generate_series(1, %(orders)s / 5) n, LATERAL (SELECT {FIRST_DAY} + n * interval '25 minutes' AS t) at;
"""

# every order is told of with its shipment and invoice, then again and again
MESSAGES = f"""
INSERT INTO stockhub_webhooks_message (id, uid, url_topic, topic, account, body, headers, key_fingerprint,
    remote_address, source, received_at, status, outcome, error, cause, notes, increment_id, attempts, due_at,
    applied_at, is_replay)
SELECT n, gen_random_uuid(), topic, topic, 'default', convert_to(repeat('{{"a": "bytes of a message"}}', 30), 'UTF8'),
    '{{"x-version": "V1"}}', 'abcdef', '192.0.2.1', 'webhook', t,
    CASE WHEN n %% 5000 = 0 THEN 'quarantined' ELSE 'applied' END,
    CASE WHEN n %% 5000 = 0 THEN '' ELSE (ARRAY['created', 'updated', 'unchanged'])[1 + n %% 3] END,
    CASE WHEN n %% 5000 = 0 THEN 'not_json: line 1' ELSE '' END,
    CASE WHEN n %% 5000 = 0 THEN 'not_json' ELSE '' END, '[]',
    lpad((1 + n %% %(orders)s)::text, 9, '0'), 1, NULL, t, false
FROM generate_series(1, %(messages)s) n,
    LATERAL (SELECT (ARRAY['order', 'shipment', 'invoice'])[1 + n %% 3] AS topic,
                    {FIRST_DAY} + n * interval '90 seconds' AS t) what;

INSERT INTO stockhub_webhooks_event (id, type, account, order_id, message_id, subject_id, increment_id, po_number,
    changes, occurred_at, is_replay)
SELECT n, (ARRAY['order.updated', 'shipment.status_changed', 'invoice.created'])[1 + n %% 3], 'default',
    1 + n %% %(orders)s, n, 1 + n %% %(orders)s, lpad((1 + n %% %(orders)s)::text, 9, '0'),
    'SHOP-' || 1 + n %% %(orders)s, '{{"status": ["processing", "complete"]}}',
    {FIRST_DAY} + n * interval '90 seconds', false
FROM generate_series(1, %(messages)s) n WHERE n %% 3 < 2;

INSERT INTO stockhub_webhooks_receivercall (event_id, signal, receiver, order_id, status, attempts, due_at, last_error,
    cause, failed_at, done_at, is_replay)
SELECT id, 'event_recorded', 'shop.hears', order_id, CASE WHEN id %% 4000 = 0 THEN 'given_up' ELSE 'done' END, 1, NULL,
    CASE WHEN id %% 4000 = 0 THEN 'ValueError: no stock' ELSE '' END,
    CASE WHEN id %% 4000 = 0 THEN 'ValueError at shop.stock.book:7' ELSE '' END,
    CASE WHEN id %% 4000 = 0 THEN occurred_at END, CASE WHEN id %% 4000 = 0 THEN NULL ELSE occurred_at END, false
FROM stockhub_webhooks_event;
"""

SERIAL = """
SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT COALESCE(MAX(id), 1) FROM {table}))
"""


def fill(connection, *, orders=300_000, messages=1_000_000):
    """Fill empty tables of a PostgreSQL, and let it count them. The customers' names begin with Klant."""
    counts = {"orders": orders, "messages": messages}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statements in (ORDERS, CHILDREN, MESSAGES):
            for statement in statements.split(";\n"):
                if statement.strip():
                    # the numbers are ours, and some statements have % of their own
                    cursor.execute(
                        statement % counts if "%%" in statement else statement.replace("%(orders)s", str(orders))
                    )
        for name in ("address", "order", "shipment", "message", "event"):
            table = f"stockhub_webhooks_{name}"
            cursor.execute(SERIAL.format(table=table), [table])
        for name in connection.introspection.table_names(cursor):
            if name.startswith("stockhub_webhooks_"):
                cursor.execute(f"{'ANALYZE' if connection.in_atomic_block else 'VACUUM ANALYZE'} {name}")


def main():
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
    django.setup()
    from django.db import connection

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=300_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    options = parser.parse_args()
    began = time.monotonic()
    fill(connection, orders=options.orders, messages=options.messages)
    print(f"filled in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
