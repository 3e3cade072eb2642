"""Every wrong set-up has a finding with an id and a hint."""

import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from stockhub_webhooks import checks
from stockhub_webhooks.conf import conf

# some of Django's own checks look at the database
pytestmark = pytest.mark.django_db(databases="__all__")

GOOD = {"API_KEYS": "a-good-long-key-0123456789", "SPOOL_DIR": "/var/spool/stockhub"}


def findings(settings):
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        return {
            found.id.partition(".")[2]: found for found in run_checks() if found.id.startswith("stockhub_webhooks.")
        }


def test_a_good_set_up_has_none():
    assert findings(GOOD) == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"API_KEY": "misspelt"}, "E001"),
        ({"MAX_BODY_BYTES": "1 MiB"}, "E002"),
        ({"REQUIRE_API_KEY": "False"}, "E002"),
        ({"API_KEYS": ""}, "E003"),
        ({"API_KEYS": {"one": ""}}, "E003"),
        ({"API_KEYS": {"one": GOOD["API_KEYS"], "two": [GOOD["API_KEYS"]]}}, "E004"),
        ({"RUNNER": "inlien"}, "E005"),
        ({"NAIVE_TIMEZONE": "Europe/Winkelstraat"}, "E006"),
        ({"HOST_ORDER_RESOLVER": "shop.nowhere"}, "E007"),
        ({"API_KEYS": {"x" * 65: GOOD["API_KEYS"]}}, "E010"),
        ({"ALERT": "shop.nowhere"}, "E011"),
        ({"OPENING_HOURS": ("8", "18")}, "E012"),
        ({"API_KEYS": "short"}, "W001"),
        ({"REQUIRE_API_KEY": False}, "W002"),
        ({"API_KEYS": [GOOD["API_KEYS"], ""]}, "W003"),
        ({"SPOOL_DIR": ""}, "W004"),
    ],
)
def test_a_fault_is_found_and_says_what_to_do(changes, code):
    found = findings(GOOD | changes)
    assert code in found
    assert found[code].hint
    assert found[code].is_serious() == code.startswith("E")
    assert all(GOOD["API_KEYS"] not in str(message) for message in found.values())


@pytest.mark.parametrize("settings", [None, "text", []])
def test_settings_that_are_no_dict_are_no_key(settings):
    assert "E003" in findings(settings)


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"CONN_MAX_AGE": 0}, True),
        ({"CONN_MAX_AGE": 60}, False),
        ({"CONN_MAX_AGE": None}, False),
        ({"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True}}, False),
    ],
)
def test_a_new_connection_for_each_message_is_warned_of(monkeypatch, changes, warned):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | changes)
    monkeypatch.setattr(type(connection), "vendor", "postgresql")
    assert ("W005" in {message.id[-4:] for message in checks.new_connections()}) is warned


def test_without_time_zones_nothing_can_be_stored(settings):
    settings.USE_TZ = False
    assert [found.id[-4:] for found in checks.naive_times()] == ["E008"]


def test_without_autocommit_nothing_is_stored(monkeypatch):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"AUTOCOMMIT": False})
    assert [found.id[-4:] for found in checks.autocommit_off()] == ["E009"]


def test_an_alert_may_be_turned_off():
    assert "E011" not in findings(GOOD | {"ALERT": ""})


def test_sqlite_opens_fast_enough(monkeypatch):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"CONN_MAX_AGE": 0})
    monkeypatch.setattr(type(connection), "vendor", "sqlite")
    assert list(checks.new_connections()) == []


def test_the_checks_are_left_out_where_another_app_is_asked_for():
    from django.apps import apps

    with override_settings(STOCKHUB_WEBHOOKS={}):
        assert not any("stockhub" in found.id for found in run_checks(app_configs=[apps.get_app_config("auth")]))
        assert any(
            "stockhub" in found.id for found in run_checks(app_configs=[apps.get_app_config("stockhub_webhooks")])
        )


@override_settings(STOCKHUB_WEBHOOKS={"MAX_ATTEMPTS": "many", "INLINE_BUDGET_SECONDS": 2})
def test_a_setting_of_another_type_counts_as_not_given():
    assert conf.MAX_ATTEMPTS == 22
    assert conf.INLINE_BUDGET_SECONDS == 2


def test_only_settings_have_a_description():
    assert conf.setting("RUNNER").default == "inline"
    with pytest.raises(KeyError):
        conf.setting("accounts")
