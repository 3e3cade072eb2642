"""The command that removes all rows of the test account, and no others."""

import builtins
import io

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.models import BacklogTurn, Message, Order
from stockhub_webhooks.operations import prune
from tests.conftest import KEY, TEST_KEY
from tests.samples import ALPHABETICAL, sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(post, hear):
    """Post all topics in both accounts, with a receiver call for each event."""
    hear(signals.event_recorded, test=True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"default": KEY, "test": TEST_KEY}}):
        for key in (KEY, TEST_KEY):
            for topic in ALPHABETICAL:
                assert post(topic, key=key).status_code == 200
            post("order", sample("order", increment_id="000000999"), key=key)
            post("order", b"not JSON", key=key)
        yield


def rows():
    """Return the number of rows of each model that has any; the turn at left-over work is no data."""
    models = set(apps.get_app_config("stockhub_webhooks").get_models()) - {BacklogTurn}
    return {model.__name__: number for model in models if (number := model.objects.count())}


def answer(monkeypatch, text):
    monkeypatch.setattr(builtins, "input", lambda question: text)


@pytest.mark.parametrize("batch", [1, 200])
def test_all_rows_of_tests_are_removed_and_real_rows_stay(filled, monkeypatch, capsys, batch):
    monkeypatch.setattr(prune, "BATCH", batch)
    before = rows()
    call_command("stockhub_prune", "--account", "test", "--no-input")
    assert rows() == {name: number // 2 for name, number in before.items()}
    assert {"Message", "Event", "ReceiverCall", "Address", "Track", "OrderItem"} <= set(rows())
    assert not Message.objects.of_account("test").exists()
    assert capsys.readouterr().out
    call_command("stockhub_prune", "--account", "test", "--yes")
    assert capsys.readouterr().out.endswith(" 0\n")


def test_dry_run_prints_the_numbers_and_removes_nothing(filled, capsys):
    before = rows()
    call_command("stockhub_prune", "--account", "test", "--dry-run")
    assert rows() == before
    out = capsys.readouterr().out
    assert f"{Message._meta.verbose_name_plural}: 8\n" in out
    assert out.endswith(f" {sum(prune.count('test').values())}\n")


@pytest.mark.parametrize("account", ["default", "Test", "no such"])
def test_real_account_cannot_be_pruned(filled, account):
    before = rows()
    with pytest.raises(CommandError, match="'test'"):
        call_command("stockhub_prune", "--account", account, "--no-input")
    assert rows() == before


@pytest.mark.parametrize("text", ["", "n", "yes please"])
def test_prune_asks_for_confirmation(filled, monkeypatch, text):
    before = rows()
    answer(monkeypatch, text)
    with pytest.raises(CommandError):
        call_command("stockhub_prune", "--account", "test")
    assert rows() == before


@pytest.mark.parametrize("text", ["Y", "yes"])
def test_prune_begins_once_it_is_confirmed(filled, monkeypatch, text):
    answer(monkeypatch, text)
    call_command("stockhub_prune", "--account", "test")
    assert Order.objects.real().count() == Order.objects.count()


def test_prune_without_a_terminal_removes_nothing_and_names_the_option(filled, monkeypatch):
    before = rows()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="--no-input"):
        call_command("stockhub_prune", "--account", "test")
    assert rows() == before


def test_prune_that_was_stopped_can_be_run_again(filled, monkeypatch):
    real = prune._remove_batch
    monkeypatch.setattr(prune, "BATCH", 1)

    def step(model, account):
        if model is Order:
            raise OperationalError("called off")
        return real(model, account)

    with monkeypatch.context() as patch:
        patch.setattr(prune, "_remove_batch", step)
        with pytest.raises(CommandError, match="OperationalError"):
            call_command("stockhub_prune", "--account", "test", "--no-input")
    assert Order.objects.of_account("test").exists()
    call_command("stockhub_prune", "--account", "test", "--no-input")
    assert not Order.objects.of_account("test").exists()
