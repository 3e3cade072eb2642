"""PostgreSQL finds out within 30 seconds that the machine of a client is gone."""

from operator import methodcaller

import pytest
from django.db import connection, connections

from stockhub_webhooks import signals
from stockhub_webhooks.db import prepared_statements
from stockhub_webhooks.db.cursors import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
SHORT = ("10", "5", "4")


@pytest.fixture(autouse=True)
def _new_connection(monkeypatch):
    monkeypatch.setattr(prepared_statements, "_is_off", False)
    connection.close()
    yield
    connection.close()


def keepalives():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),"
            " current_setting('tcp_keepalives_count')"
        )
        return cursor.fetchone()


def test_receiver_runs_with_keepalives_that_end_with_its_transaction(post, hear):
    heard = []

    def receive(**arguments):
        heard.append(keepalives())

    hear(signals.order_created, receive)
    usual = keepalives()
    connection.close()
    post("order")
    assert heard == [SHORT]
    connection.close()
    assert keepalives() == usual != SHORT


def test_direct_connection_that_is_kept_has_keepalives():
    for _ in range(2):
        run(connections["default"], "SELECT %s::int", (1,), methodcaller("fetchone"))
    assert keepalives() == SHORT


def test_session_behind_a_pooler_is_left_alone(monkeypatch):
    monkeypatch.setattr(prepared_statements, "_is_direct", lambda driver_connection: False)
    for _ in range(2):
        run(connections["default"], "SELECT %s::int", (1,), methodcaller("fetchone"))
    assert keepalives() != SHORT
