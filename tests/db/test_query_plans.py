"""What is asked of large tables is answered by an index: PostgreSQL's plans.

Some thousand rows do, with sequential scans refused. STOCKHUB_EXPLAIN_MESSAGES=1000000 makes a million messages and a
third as many orders, and leaves the choice to PostgreSQL.
"""

import json
import os
from datetime import date
from functools import partial

import pytest
from django.apps import apps
from django.db import connection

from benchmarks import large_tables
from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.models import HostLink, Message, Order
from stockhub_webhooks.office import search
from stockhub_webhooks.office.export import rows
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import worker
from stockhub_webhooks.receiving import transitions
from tests.samples import ALPHABETICAL

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.postgresql]

# small enough to be read whole: no plan is asked to leave them alone
SMALL_MODELS = ("paymentrequest", "paymentrequestitem", "alarm", "heartbeat", "receiverstate")
SMALL = {f"stockhub_webhooks_{name}" for name in SMALL_MODELS}
MESSAGES = int(os.environ.get("STOCKHUB_EXPLAIN_MESSAGES", "9000"))
IS_LARGE = MESSAGES >= 100_000
FEW = 1000  # rows, which PostgreSQL rather reads than looks for


@pytest.fixture(scope="module", autouse=True)
def rows_of_the_module(django_db_setup, django_db_blocker):
    """Enough rows for an index to pay, committed once for all of these tests."""
    with django_db_blocker.unblock():
        large_tables.fill(connection, orders=MESSAGES // 3, messages=MESSAGES)
        connection.close()  # it has no statement_timeout any more
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        tables = ", ".join(
            sorted({model._meta.db_table for model in apps.get_app_config("stockhub_webhooks").get_models()})
        )
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_whole(sql, parameters):
    """The tables of ours that the database reads from end to end for a statement, and does not stop early.

    With a million rows also those that it goes through by an index, looking for rows that have something else.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (answer,) = cursor.fetchone()
    plan = (answer if isinstance(answer, list) else json.loads(answer))[0]["Plan"]
    scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan" or (IS_LARGE and is_walk(node))]
    read = {node["Relation Name"] for node in scans if node["Relation Name"].startswith("stockhub_")} - SMALL
    read = {name for name in read if not name.endswith("_seq")}  # a sequence has one row
    return {table for table in read if rows_in(table) > FEW} if IS_LARGE else read


def is_walk(node):
    """Whether an index is gone through from its one end, for rows that it cannot tell apart."""
    return "Index" in node["Node Type"] and "Filter" in node and "Index Cond" not in node


def rows_in(table):
    """How many rows PostgreSQL thinks that a table has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [table])
        return cursor.fetchone()[0]


def statements(ask, kinds=("SELECT", "(")):
    """What it asks of our tables, each with its parameters."""
    asked = []

    def note(execute, sql, parameters, many, context):
        if sql.startswith(kinds) and "stockhub_webhooks_" in sql:
            asked.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        ask()
    return asked


@pytest.fixture
def without_scans():
    """PostgreSQL reads a table whole only where it has no index that would do; a large one it does not anyway."""
    if not IS_LARGE:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


@pytest.mark.usefixtures("without_scans")
def test_a_table_that_is_read_whole_is_noticed():
    (asked,) = statements(lambda: list(Order.objects.filter(po_number__icontains="1500")))
    assert read_whole(*asked) == {"stockhub_webhooks_order"}


TYPED = (
    "000001500", "1500", "shop-1500", "1z00000000001500", "SKU-1500", "mpn1500", "klant1500@example.com", "Klant1500",
    "1500AB", "jan klant1500", "shop-1500 sku",
)  # fmt: skip


@pytest.mark.usefixtures("without_scans")
def test_a_search_reads_no_table_whole():
    for text in TYPED:
        asked = statements(lambda text=text: search.find(text, ALPHABETICAL, persons=True))
        assert asked
        for sql, parameters in asked:
            assert read_whole(sql, parameters) == set(), (text, sql)


@pytest.fixture
def looked_for(settings):
    """A resolver that finds nothing, and a row of what it said for all orders but the newest."""
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.find_nothing"}
    orders = list(Order.objects.order_by("pk").values_list("pk", flat=True))[:-5]
    links = [HostLink(order_id=pk, account="default", status="found" if pk % 50 else "missing") for pk in orders]
    HostLink.objects.bulk_create(links)
    HostLink.objects.absent().update(since=NOW, due_at=NOW)


def find_nothing(po_number, order):
    """A resolver of a shop without orders."""


@pytest.mark.usefixtures("looked_for", "without_scans")
def test_whether_the_shop_has_the_orders_is_found_out_and_listed_by_an_index(staff):
    asked = statements(host_orders.look_up_due, ("SELECT", "(", "UPDATE"))
    for query in ("", "?found=later", "?found=all", "?q=1500", "?status__exact=failed"):
        url = f"/admin/stockhub_webhooks/hostlink/{query}"
        asked += statements(lambda url=url: staff.get(url))
    asked += statements(lambda: staff.get("/admin/stockhub_webhooks/"))
    assert len(asked) > 30
    for sql, parameters in asked:
        assert read_whole(sql, parameters) == set(), sql


ADDRESSES = ("{}/", "{}/?q=1500", "{}/?q=klant1500")
FILTERED = (
    "order/?created_at_from=2022-01-02&created_at_to=2022-01-02", "order/?received_at_to=2022-01-01",
    "shipment/?created_at_from=2022-01-02&created_at_to=2022-01-02", "rma/?date_requested_to=2022-01-01",
    "message/?received_at_from=2022-01-02&received_at_to=2022-01-02",
    "message/?status__exact=quarantined&account=~real",
    "message/?needs=in_part", "message/?needs=times",
    "message/?outcome=stale", "message/?needs=outdated", "event/?occurred_at_from=2022-01-02&occurred_at_to=2022-01-02",
    "receivercall/?event_occurred_at_from=2022-01-02&event_occurred_at_to=2022-01-02",
    "receivercall/?status__exact=given_up",
)  # fmt: skip


@pytest.mark.usefixtures("without_scans")
def test_no_list_reads_a_table_whole(staff):
    lists = ("message", "order", "shipment", "invoice", "rma", "creditmemo", "event", "receivercall", "worklistrow")
    for address in (*(address.format(name) for name in lists for address in ADDRESSES), *FILTERED):
        url = f"/admin/stockhub_webhooks/{address}"
        answers = []
        asked = statements(lambda url=url, answers=answers: answers.append(staff.get(url)))
        assert answers[0].status_code == 200, url
        assert asked, url
        for sql, parameters in asked:
            assert read_whole(sql, parameters) == set(), (url, sql)


@pytest.mark.usefixtures("without_scans")
def test_an_export_reads_its_days_by_an_index(monkeypatch):
    monkeypatch.setattr(rows, "CHUNK_SIZE", 100)
    for table in TABLES.values():
        export = Export(table, Period(date(2022, 1, 2), date(2022, 1, 3)), by_line=True, with_persons=True)
        asked = statements(lambda export=export: (list(export.rows()), export.totals()))
        for sql, parameters in asked:
            assert read_whole(sql, parameters) == set(), sql


@pytest.mark.usefixtures("without_scans")
def test_neither_a_message_nor_the_work_after_it_reads_a_table_whole(post, hear):
    hear(signals.event_recorded)
    for ask in (
        *(partial(post, topic) for topic in ALPHABETICAL * 2),  # each of them once more
        lambda: transitions.requeue(list(Message.objects.order_by("-pk").values_list("pk", flat=True)[:12])),
        lambda: worker.Worker().once(),
    ):
        asked = statements(ask, ("SELECT", "(", "UPDATE", "DELETE", "WITH"))
        assert asked
        for sql, parameters in asked:
            assert read_whole(sql, parameters) == set(), sql
