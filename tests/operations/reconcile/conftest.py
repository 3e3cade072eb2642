"""A Magento, and the settings that point at it."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from stockhub_webhooks.operations.reconcile import client as client_module
from stockhub_webhooks.testing.magento import FakeMagento
from tests.conftest import KEY

RECENT = []


def recent_numbers():
    return list(RECENT)


@pytest.fixture
def magento(settings, monkeypatch):
    monkeypatch.setattr(client_module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(client_module, "PER_SECOND", 1000.0)
    RECENT.clear()
    with FakeMagento() as server:
        settings.STOCKHUB_WEBHOOKS = {
            "API_KEYS": KEY,
            "RECENT_PO_NUMBERS": f"{__name__}.recent_numbers",
            **server.settings,
        }
        yield server


@pytest.fixture
def reconcile():
    """Run the command; the lines that it prints."""

    def run(*arguments, fails=None):
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("stockhub_reconcile", "--per-second", "1000", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            assert fails is not None, error
            assert fails in str(error)
        else:
            assert fails is None
        run.errors = err.getvalue()
        return out.getvalue()

    return run


@pytest.fixture
def report(reconcile):
    """The report as a list of (rule, number or the shop's number)."""

    def read(*arguments):
        data = json.loads(reconcile("--report", "--json", "--no-fetch", *arguments))
        return [(gap["rule"], gap["number"] or gap["po_number"]) for gap in data["gaps"]]

    return read
