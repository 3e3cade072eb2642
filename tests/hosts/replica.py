"""Receive messages while the replica that routers read from stands still; print what was read there as JSON."""

import json
import time

import django

django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.db.backends.signals import connection_created
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Order, ReceiverCall
from stockhub_webhooks.signals import purchase_changed
from tests.hosts.crawl import pages
from tests.hosts.post import post
from tests.samples import contract, sample

ORDER = contract(topics.ORDER)
NUMBER = ORDER["po_number"]
on_replica = []
seen = []


def watch(sender, connection, **kwargs):
    """Note each statement of a new connection to the replica."""
    if connection.alias == "replica":
        connection.execute_wrappers.append(note)


def note(execute, sql, params, many, context):
    on_replica.append(sql)
    return execute(sql, params, many, context)


def read(sender, *, purchase, event, **kwargs):
    """Read what a receiver of a shop reads."""
    order = Order.objects.defer("status").get(pk=purchase.orders[0].pk)
    parcels = [parcel.is_delivered for parcel in order.shipments.all()]
    sent = [line.sent for line in purchase.lines]
    seen.append([order.status, parcels, sent, list(event.book("sent", dict.fromkeys("x", len(seen))).values())])


def value_of(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def stop_the_replica():
    """Let the replica take in all that was written until now, and nothing after it."""
    written = value_of("default", "SELECT pg_current_wal_lsn()::text")
    wait_until(lambda: value_of("replica", f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))
    value_of("replica", "SELECT pg_wal_replay_pause()")
    wait_until(lambda: value_of("replica", "SELECT pg_get_wal_replay_pause_state()") == "paused")


def main():
    connection_created.connect(watch)
    call_command("migrate", verbosity=0)
    user = get_user_model().objects.db_manager("default").create_superuser("office", password="secret")
    post(topics.ORDER, ORDER | {"status": "processing"})
    stop_the_replica()
    purchase_changed.connect(read, dispatch_uid="shop.read")
    answers = [
        post(topics.ORDER, ORDER | {"status": "complete", "updated_at": "2027-01-01T10:00:00+00:00"}),
        post(topics.SHIPMENT, sample(topics.SHIPMENT, status="DELIVERED")),
        *(post(topic, contract(topic)) for topic in sorted(set(topics.ALL) - {topics.ORDER, topics.SHIPMENT})),
        post(topics.ORDER, {"firstname": "no number"}),
    ]
    client = Client(headers={"host": "shop.example", "x-api-key": "the-key-of-the-tests-0123456789"})
    client.force_login(user)
    others = ("/api/stockhub/events/", "/api/v1/stockhub/health", "/stockhub/metrics")
    token = f"Bearer {settings.STOCKHUB_WEBHOOKS['METRICS_TOKEN']}"
    opened = {page: client.get(page, headers={"authorization": token}).status_code for page in (*pages(), *others)}
    rest = client.get("/api/stockhub/orders/", {"increment_id": ORDER["increment_id"]}).json()["results"][0]
    for command in (
        ["stockhub_worker", "--once"], ["stockhub_status"], ["stockhub_groups"], ["stockhub_person", "--po", NUMBER],
        ["stockhub_prune", "--dry-run"], ["stockhub_replay", "--order", NUMBER, "--reason=test"],
        ["stockhub_retry", "--since=2026-01-01"],
        ["stockhub_erase", "--po", NUMBER, "--noinput"],
    ):  # fmt: skip
        run(command)
    reads_of_ours = [sql[:300] for sql in on_replica if 'FROM "stockhub_webhooks_' in sql]
    print(
        json.dumps(
            {
                "answers": answers,
                "wrong": {page: status for page, status in opened.items() if status != 200},
                "seen": seen,
                "rest": [rest["status"], len(rest["items"]), len(rest["shipments"])],
                "calls": list(ReceiverCall.objects.exclude(status="done").values_list("last_error", flat=True)),
                "is_behind": list(Order.objects.using("replica").values_list("status", flat=True)),
                "reads_of_the_shop": sum("auth_user" in sql for sql in on_replica),
                "reads_of_ours": reads_of_ours,
            }
        )
    )


def run(command):
    try:
        call_command(*command)
    except SystemExit as end:
        assert end.code in (0, 1), command


main()
