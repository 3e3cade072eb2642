"""Test set-ups of other people's shops: packages and backends that choose a schema, or see each statement."""

import json
import os
import subprocess
import sys

import pytest

from stockhub_webhooks.contract import topics
from tests.processes import ROOT, scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server, pytest.mark.postgresql]  # a cursor of our own is PostgreSQL's
APPLIED = sorted([topic, "applied"] for topic in topics.ALL)


@pytest.fixture
def receive(transactional_db, tmp_path):
    """Return a function that receives messages in a shop of one kind, and returns what came of them."""

    def run(host, **variables):
        variables |= {"HOST": host, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        command = [sys.executable, "-m", "tests.hosts.post"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=110
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stderr == ""  # no warning, and no message went to the spool
        return json.loads(done.stdout.splitlines()[-1])  # after what migrate_schemas prints

    with scratch_database(tmp_path) as url:
        yield run


@pytest.mark.parametrize(
    "middleware",
    ["django_tenants.middleware.main.TenantMainMiddleware", "tests.hosts.tenants.middleware.CachedTenantMiddleware"],
)
def test_messages_land_in_the_schema_of_their_tenant(receive, middleware):
    result = receive("tenants", TENANT_MIDDLEWARE=middleware)
    assert set(result["answers"]) == {200}
    assert_apart(result)


@pytest.mark.parametrize("variables", [{}, {"ALL_TENANTS": "1"}], ids=["tenant_command", "all_tenants_command"])
def test_worker_works_in_the_schema_of_its_tenant(receive, variables):
    result = receive("tenants", RUNNER="worker", **variables)
    assert set(result["answers"]) == {202}
    assert_apart(result)


def assert_apart(result):
    """Assert that each tenant has its own messages, orders and calls, and all of them."""
    for name in ("alfa", "beta"):
        stored = result["stored"][name]
        assert stored["messages"] == APPLIED
        assert name in stored["orders"]
        assert {"alfa": "beta", "beta": "alfa"}[name] not in stored["orders"]
        assert stored["calls"] == ["done"]
    assert {(schema, number) for schema, number in result["heard"] if number in ("alfa", "beta")} == {
        ("alfa", "alfa"),
        ("beta", "beta"),
    }


def test_messages_are_journaled_where_statements_get_a_context(receive):
    result = receive("history")
    assert set(result["answers"]) == {200}
    assert result["stored"]["messages"] == APPLIED
    assert result["stored"]["calls"] == ["done"]


def test_the_debug_toolbar_shows_the_statements(receive):
    result = receive("toolbar")
    assert set(result["answers"]) == {200}
    assert result["stored"]["messages"] == APPLIED
    inserts = [sql for sql in result["statements"] if sql.startswith('INSERT INTO "stockhub_webhooks_message"')]
    assert len(inserts) == len(topics.ALL)


def test_a_backend_makes_the_cursors_of_our_statements(receive):
    result = receive("backend")
    assert set(result["answers"]) == {200}
    assert result["stored"]["messages"] == APPLIED
    assert result["cursors"] >= 4  # journal, lock, message, outcome: each statement asks for one
