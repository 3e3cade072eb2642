"""A command that finds nothing to do, or no tables, says so, and ends with an error."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError, connection

from stockhub_webhooks import signals
from stockhub_webhooks.management.output import database_sentence
from stockhub_webhooks.models import Replay
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving.authentication import fingerprint

pytestmark = pytest.mark.django_db


def test_unknown_receiver_is_not_retried(hear):
    hear(signals.order_created, uid="shop.orders")
    with pytest.raises(CommandError, match=r"shop\.ordres.*shop\.orders"):
        call_command("stockhub_retry", receiver="shop.ordres")
    call_command("stockhub_retry", receiver="shop.orders")


def test_refused_message_that_does_not_wait_is_named():
    with pytest.raises(CommandError, match="999"):
        call_command("stockhub_release", 999)


def test_keys_that_have_refused_messages_are_listed(post):
    post("order", key="mistyped")
    with pytest.raises(CommandError, match=f"{fingerprint('mistyped')}: 1"):
        call_command("stockhub_release")


def test_replay_of_no_message_is_not_recorded():
    with pytest.raises(CommandError):
        call_command("stockhub_replay", order="NOPE", reason="a typing error")
    assert not Replay.objects.exists()


def test_empty_standard_input_is_an_error_since_the_other_command_may_have_failed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(CommandError):
        call_command("stockhub_ingest", "-")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("stockhub_worker", {"once": True, "max_seconds": -5.0}),
        ("stockhub_doctor", {"language": "xx"}),
        ("stockhub_openapi", {"server": "nonsense"}),
    ],
)
def test_option_without_sense_is_refused(command, options):
    with pytest.raises(CommandError):
        call_command(command, **options)


def fault_of(statement):
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except (OperationalError, ProgrammingError) as fault:
        return fault
    return None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["SELECT 1 FROM no_such_table", "SELECT no_such_column FROM django_content_type"])
def test_missing_table_leads_to_migrate(statement):
    assert "migrate" in database_sentence(fault_of(statement))


def test_other_faults_of_statements_are_left_to_the_traceback():
    assert database_sentence(DataError("too long")) == ""
    assert database_sentence(ProgrammingError("syntax")) == ""
    for fault in (OperationalError("gone"), InterfaceError("closed")):
        assert type(fault).__name__ in database_sentence(fault)


@pytest.mark.parametrize(
    ("command", "options", "place"),
    [
        ("stockhub_prune", {}, "stockhub_webhooks.operations.privacy.retention.prune"),
        ("stockhub_prune", {"account": "test", "interactive": False}, "stockhub_webhooks.operations.prune.remove"),
        ("stockhub_erase", {"order": "1"}, "stockhub_webhooks.management.commands.stockhub_erase.chosen_subjects"),
    ],
)
def test_command_that_may_be_run_again_names_migrate_as_well(command, options, place, monkeypatch):
    def without_tables(*arguments):
        raise OperationalError("no such table: stockhub_webhooks_message")

    monkeypatch.setattr(place, without_tables)
    with pytest.raises(CommandError, match="migrate"):
        call_command(command, **options)


def test_status_without_tables_names_the_command(monkeypatch):
    def away(*arguments, **options):
        raise OperationalError("no such table: stockhub_webhooks_message")

    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._from_tables", away)
    report = collect_report()
    assert report.no_tables
    (problem,) = [problem for problem in find_problems(report) if problem.code == "database"]
    assert "migrate" in problem.text
