import time
import tracemalloc
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import models as m
from stockhub_webhooks.admin.figures_page import figures_of
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures import sheet_rows

pytestmark = pytest.mark.django_db
N = 100_000
S = datetime(2024, 3, 1, tzinfo=timezone.utc)


def add(model, rows):
    batch = []
    for r in rows:
        batch.append(r)
        if len(batch) == 5000:
            model.objects.bulk_create(batch, batch_size=2000)
            batch = []
    if batch:
        model.objects.bulk_create(batch, batch_size=2000)


def doc(model, n, **v):
    return model(account="default", increment_id=f"{n:09}", po_number=f"P{n}", received_at=S, **v)


def test_it():
    t = lambda n: S + timedelta(seconds=n * 26)
    add(
        m.Order,
        (
            doc(m.Order, n, created_at=t(n), currency="EUR", grand_total=Decimal("12.30"), status="complete")
            for n in range(N)
        ),
    )
    pk = list(m.Order.objects.order_by("increment_id").values_list("pk", flat=True))
    add(
        m.OrderItem,
        (
            m.OrderItem(
                order_id=pk[n // 2],
                sku=f"S{n % 20000}",
                manufacturer=f"B{n % 200}",
                qty_ordered=1,
                item_price_inc_tax=Decimal(6),
            )
            for n in range(2 * N)
        ),
    )
    add(m.Shipment, (doc(m.Shipment, n, order_id=pk[n], created_at=t(n) + timedelta(days=2)) for n in range(N)))
    add(m.RMA, (doc(m.RMA, n, order_id=pk[n * 5], date_requested=t(n * 5) + timedelta(days=4)) for n in range(N // 5)))
    rp = list(m.RMA.objects.order_by("increment_id").values_list("pk", flat=True))
    add(
        m.RMAItem,
        (
            m.RMAItem(rma_id=rp[n], sku=f"S{n % 20000}", manufacturer=f"B{n % 200}", qty_requested=1, status="approved")
            for n in range(N // 5)
        ),
    )
    add(
        m.CreditMemo,
        (
            doc(
                m.CreditMemo,
                n,
                order_id=pk[n * 5],
                created_at=t(n * 5) + timedelta(days=9),
                currency="EUR",
                grand_total=Decimal(6),
            )
            for n in range(N // 5)
        ),
    )
    with connection.cursor() as c:
        if connection.vendor == "postgresql":
            c.execute("ANALYZE")
    p = Period(date(2024, 3, 1), date(2024, 3, 31))
    for _ in range(2):
        with CaptureQueriesContext(connection) as q:
            b = time.time()
            figures_of(p)
            print("page", connection.vendor, round(time.time() - b, 2))
        for x in q.captured_queries:
            print("   ", x["time"], x["sql"][:1], x["sql"][-160:].replace("\n", " "))
    b = time.time()
    tracemalloc.start()
    n = sum(1 for _ in sheet_rows.rows(p, "en"))
    print("file", n, round(time.time() - b, 2), tracemalloc.get_traced_memory()[1] // 1024, "KiB")
