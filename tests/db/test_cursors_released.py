"""A statement that fails on SQLite leaves no cursor to the garbage collector, which may run in another thread.

A thread with the right to write would wait for the connection of the other one, and that one for the right to write.
"""

import gc
import weakref

import pytest
from django.db import OperationalError, connection

from stockhub_webhooks.db.connections import with_retries
from stockhub_webhooks.db.timeouts import query_timeout, sqlite_busy_timeout
from stockhub_webhooks.models import Order

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cursors(monkeypatch):
    """References to all cursors that are made, while no garbage is collected."""
    made = []
    create = connection.create_cursor

    def recorded(name=None):
        cursor = create(name)
        made.append(weakref.ref(cursor))
        return cursor

    monkeypatch.setattr(connection, "create_cursor", recorded)
    gc.disable()
    yield made
    gc.enable()


def by_a_cursor():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")


def by_a_query():
    list(Order.objects.extra(where=["no_such_column = 1"]))


@pytest.mark.parametrize("statement", [by_a_cursor, by_a_query])
@pytest.mark.parametrize(
    "within",
    [
        with_retries,
        lambda step: _inside(query_timeout("default"), step),
        lambda step: _inside(sqlite_busy_timeout("default", 0.1), step),
    ],
    ids=["retries", "time-out", "busy time-out"],
)
def test_cursor_of_a_failed_statement_is_gone_with_its_error(cursors, within, statement):
    with pytest.raises(OperationalError):
        within(statement)
    assert cursors
    assert not [cursor for cursor in cursors if cursor() is not None]


def _inside(context, step):
    with context:
        step()
