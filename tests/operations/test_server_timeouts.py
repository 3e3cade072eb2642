"""A check reads the database's own time-outs, and warns if one is shorter than a receiver may take."""

import pytest
from django.core.checks import run_checks
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def findings():
    return [message for message in run_checks(databases=["default"]) if message.id == "stockhub_webhooks.W034"]


@pytest.fixture
def limit():
    """Return a function that sets a time-out of this session, which ends with the test."""

    def use(name, value):
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {name} = {value}")

    yield use
    connection.close()


def test_usual_time_outs_are_no_finding():
    assert findings() == []


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("name", "value", "is_short"),
    [
        ("idle_in_transaction_session_timeout", "'20s'", True),
        ("idle_in_transaction_session_timeout", "'5min'", False),
        ("idle_in_transaction_session_timeout", "0", False),
        ("statement_timeout", "'15s'", False),  # as W010 proposes
        ("statement_timeout", "'2s'", True),
    ],
)
def test_short_time_out_of_postgresql_is_a_warning_with_its_remedy(limit, name, value, is_short):
    limit(name, value)
    hints = [message.hint for message in findings()]
    assert [f"SET {name}" in hint for hint in hints] == [True] * is_short


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("name", "value", "is_short"),
    [
        ("idle_transaction_timeout", 20, True),
        ("idle_transaction_timeout", 300, False),
        ("idle_transaction_timeout", 0, False),
        ("wait_timeout", 30, True),
    ],
)
def test_short_time_out_of_mariadb_is_a_warning_with_its_remedy(limit, name, value, is_short):
    limit(name, value)
    hints = [message.hint for message in findings()]
    assert [name in hint for hint in hints] == [True] * is_short
