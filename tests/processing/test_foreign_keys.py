"""A row of the shop may name a row of ours by a foreign key at any time: no statement of ours makes it wait.

PostgreSQL checks a foreign key with FOR KEY SHARE, which FOR UPDATE refuses, and so does the change of a key column.
"""

import pytest
from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Order, Shipment
from stockhub_webhooks.operations import replay, worker
from stockhub_webhooks.operations.replay import MessageChoice
from tests.processes import separate_cursor
from tests.processing.test_locked_orders import BY_WORKER
from tests.processing.test_locked_parts import changed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
TABLES = [model._meta.db_table for model in apps.get_app_config("stockhub_webhooks").get_models()]


@pytest.fixture
def waits():
    """Return a set of the statements after which a foreign key would wait, each with the table that it names."""
    found = set()
    with separate_cursor() as other:

        def look_after(execute, sql, *arguments):
            result = execute(sql, *arguments)
            for table in TABLES:
                try:
                    other.execute(f"SELECT 1 FROM {table} FOR KEY SHARE NOWAIT")
                except OperationalError:
                    found.add((table, sql))
            return result

        with connection.execute_wrapper(look_after):
            yield found


@pytest.mark.parametrize("runner", ["inline", "worker"])
def test_no_statement_makes_a_foreign_key_wait(post, hear, waits, runner):
    heard = hear(signals.event_recorded)
    with override_settings(STOCKHUB_WEBHOOKS=BY_WORKER | {"RUNNER": runner}):
        for make in (None, changed):
            for topic in topics.ALL:
                post(topic, make and make(topic))
        worker.drain()
        replay.begin(MessageChoice(order="000000001"), who="office", reason="to see", receivers=["shop.new"])
        worker.drain()
    assert heard
    assert not waits


def test_a_wait_is_found(post, waits):
    post("order")
    post("shipment")
    with transaction.atomic():
        Order.objects.select_for_update().get()
        Shipment.objects.update(increment_id="another")
        transaction.set_rollback(True)
    assert {table for table, sql in waits} == {Order._meta.db_table, Shipment._meta.db_table}
