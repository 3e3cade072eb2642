"""The settings of the REST calls: what the system check says, and an installation without the extra."""

import subprocess
import sys

import pytest

from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.checks import reconcile
from tests.operations.test_checks import GOOD, results

pytestmark = pytest.mark.django_db(databases="__all__")

REST = {
    "REST_BASE_URL": "https://shop.example/rest/all",
    "REST_TOKEN": "token",
    "RECENT_PO_NUMBERS": "tests.operations.reconcile.conftest.recent_numbers",
}


def test_good_settings_pass():
    assert results(GOOD | REST) == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"REST_BASE_URL": "http://shop.example/rest/all"}, "E030"),
        ({"REST_TOKEN": ""}, "E030"),
        ({"REST_TOKEN": "bro\nken"}, "E030"),
        ({"REST_AUTH": "not.there"}, "E031"),
        ({"RECENT_PO_NUMBERS": "tests.operations.reconcile.conftest.RECENT"}, "E031"),
        ({"REST_TOKEN": {"default": "x", "other": "y"}}, "E032"),
        ({"REST_TOKEN": {"default": "x", "test": 1}}, "E032"),
        ({"RECENT_PO_NUMBERS": ""}, "W050"),
        ({"REST_BASE_URL": ["https://shop.example"]}, "E002"),
    ],
)
def test_a_fault_is_found(changes, code):
    found = results(GOOD | REST | changes)
    assert set(found) == {code}
    assert found[code].hint
    assert "broken" not in str(found)


def test_no_token_is_in_a_finding():
    found = results(GOOD | REST | {"REST_TOKEN": "secret\x00é"})
    assert "secret" not in str(found)


def test_the_extra_is_named_if_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(reconcile, "find_spec", lambda name: None)
    assert "[reconcile]" in results(GOOD | REST)["E030"].hint


def test_values_of_an_account(settings):
    settings.STOCKHUB_WEBHOOKS = GOOD | {"API_KEYS": {"a": "x" * 20, "b": "y" * 20, "test": "z" * 20}}
    settings.STOCKHUB_WEBHOOKS |= {"REST_BASE_URL": " https://one ", "REST_TOKEN": {"b": "of b", "test": "t"}}
    assert conf.of_account("REST_BASE_URL", "a") == conf.of_account("REST_BASE_URL", "b") == "https://one"
    assert conf.of_account("REST_BASE_URL", "test") == ""
    assert [conf.of_account("REST_TOKEN", account) for account in ("a", "b", "test")] == ["", "of b", "t"]
    assert conf.rest_accounts() == ["a", "b"]


def test_all_but_the_calls_works_without_the_extra():
    script = (
        "import sys, django; sys.modules['httpx'] = None\n"
        "django.setup()\n"
        "from importlib import import_module\n"
        "for name in ('admin.pull', 'operations.worker', 'office.worklists.gaps', 'operations.reconcile.report',\n"
        "             'management.commands.stockhub_reconcile'):\n"
        "    import_module(f'stockhub_webhooks.{name}')\n"
        "from stockhub_webhooks.operations.reconcile.run import open_client\n"
        "try: open_client('default')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "[reconcile]" in done.stdout, done.stderr
