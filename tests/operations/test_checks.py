"""Every wrong set-up has a finding with an id and a hint."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django
import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from stockhub_webhooks import runners, signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.checks import configuration, hanging_database, spool_directory

# some of Django's own checks look at the database
pytestmark = pytest.mark.django_db(databases="__all__")

GOOD = {"API_KEYS": "a-good-long-key-0123456789", "SPOOL_DIR": Path(tempfile.gettempdir()) / "stockhub-not-made-yet"}


class Sleeper:
    """No runner: nobody can wake it."""

    applies_in_request = True

    def after_answer(self, message):
        pass


def no_class():
    pass


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
        ({"HOST_ORDER_RESOLVER": "tests.operations.test_checks.GOOD"}, "E007"),
        ({"ALERT": "tests.operations.test_checks.GOOD"}, "E011"),
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
        ({"RUNNER": "tests.operations.test_checks.Sleeper"}, "E014"),
        ({"RUNNER": "tests.operations.test_checks.no_class"}, "E014"),
        ({"RUNNER": "tasks"}, "W014"),
        ({"MAX_BODY_BYTES": 0}, "E017"),
        ({"BACKOFF_BASE_SECONDS": -1}, "E017"),
        ({"METRICS_TOKEN": GOOD["API_KEYS"]}, "E020"),
        ({"API_KEYS": "short"}, "W001"),
        ({"REQUIRE_API_KEY": False}, "W002"),
        ({"API_KEYS": [GOOD["API_KEYS"], ""]}, "W003"),
        ({"SPOOL_DIR": ""}, "W004"),
        ({"API_KEYS": {"test": GOOD["API_KEYS"]}}, "W012"),
        ({"API_KEYS": {"shop": GOOD["API_KEYS"], "Test": "another-good-long-key-0123"}}, "W013"),
        ({"METRICS_TOKEN": "short"}, "W024"),
    ],
)
def test_a_fault_is_found_and_says_what_to_do(changes, code):
    found = findings(GOOD | changes)
    assert code in found
    assert found[code].hint
    assert found[code].is_serious() == code.startswith("E")
    assert all(GOOD["API_KEYS"] not in str(message) for message in found.values())


def test_a_misspelt_setting_is_told_apart_by_what_is_meant():
    hint = findings(GOOD | {"API_KEY": "misspelt"})["E001"].hint
    assert hint.startswith("Is API_KEYS meant? Known are API_KEYS, REQUIRE_API_KEY,")
    assert findings(GOOD | {"nonsense": 1})["E001"].hint.startswith("Known are")


def test_a_misspelt_name_of_all_settings_is_found(settings):
    settings.STOCKHUB_WEBHOOK = GOOD
    found = findings(None)
    assert found["E001"].msg == "The settings hold no STOCKHUB_WEBHOOKS, but STOCKHUB_WEBHOOK, which nobody reads."
    assert "E001" not in findings(GOOD)


@pytest.mark.parametrize("value", ["a key", [GOOD["API_KEYS"]], 1])
def test_settings_that_are_no_dict_are_found(value):
    assert findings(value)["E002"].hint == "Make it a dict of settings."


def test_settings_may_be_left_out():
    assert "E002" not in findings(None)


def test_two_functions_under_one_identity_are_found():
    def one(sender, **kwargs): ...

    def other(sender, **kwargs): ...

    signals.order_created.connect(one, dispatch_uid="shop.same")
    signals.order_updated.connect(one, dispatch_uid="shop.same")
    try:
        assert "W026" not in findings(GOOD)
        signals.shipment_created.connect(other, dispatch_uid="shop.same")
        found = findings(GOOD)["W026"]
        assert "locals>.one and" in found.msg
        assert "'shop.same'" in found.msg
    finally:
        for signal in (signals.order_created, signals.order_updated, signals.shipment_created):
            signal.disconnect(dispatch_uid="shop.same")


def test_a_relative_spool_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(findings(GOOD | {"SPOOL_DIR": "spool"})) == {"W027"}


def test_an_account_for_tests_beside_the_real_one_is_as_it_should_be():
    assert findings(GOOD | {"API_KEYS": {"default": GOOD["API_KEYS"], "test": "another-good-long-key-0123"}}) == {}


# ---------------------------------------------------------------- who counts it


def test_metrics_without_their_package_are_an_error(monkeypatch):
    assert findings(GOOD | {"METRICS": True, "METRICS_TOKEN": "a-good-long-token-0123456789"}) == {}
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    found = findings(GOOD | {"METRICS": True})
    assert set(found) == {"E019"}
    assert "django-stockhub-webhooks[metrics]" in found["E019"].hint
    assert findings(GOOD) == {}


def test_a_directory_that_processes_share_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert findings(GOOD | {"METRICS": True}) == {}
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    assert set(findings(GOOD | {"METRICS": True})) == {"W025"}
    assert findings(GOOD) == {}


# ---------------------------------------------------------------- who does the work


ON_SQLITE = {"W019"}  # several processes write to one file


@pytest.mark.parametrize(("runner", "package"), [("celery", "celery"), ("tasks", "django_tasks")])
def test_a_runner_whose_engine_is_not_installed_says_what_to_install(monkeypatch, runner, package):
    def named():
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(runners, "named", named)
    found = findings(GOOD | {"RUNNER": runner})
    assert set(found) - ON_SQLITE == {"E013"}
    assert f"django-stockhub-webhooks[{runner}]" in found["E013"].hint


def of_process(runner, *, lacks="-", **settings):
    """What the checks find in a process of its own, without a package, with these settings of the host; their ids."""
    code = (
        "import json, sys; sys.modules[sys.argv[2]] = None; import tests.host.settings as host;"
        "vars(host).update(json.loads(sys.argv[1]));"
        "import django; django.setup(); from django.core.checks import run_checks;"
        "print(sorted(found.id[-4:] for found in run_checks() if found.id.startswith('stockhub_webhooks.')"
        " and found.id[-4:] != 'W019'))"
    )
    given = settings | {"STOCKHUB_WEBHOOKS": GOOD | {"RUNNER": runner, "SPOOL_DIR": str(GOOD["SPOOL_DIR"])}}
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(given), lacks], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_celery_that_is_really_not_there_is_an_error_and_no_crash():
    assert of_process("celery", lacks="celery") == "['E013']"


def test_celery_without_an_app_of_the_hosts_is_warned_of():
    assert of_process("celery") == "['W015']"


def test_a_queue_that_takes_no_default_tasks_is_an_error():
    backend = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    tasks = {"default": {"BACKEND": f"{backend}.backends.immediate.ImmediateBackend", "QUEUES": ["mail"]}}
    assert of_process("tasks", TASKS=tasks) == "['E005']"


@pytest.mark.parametrize("settings", [None, "text", []])
def test_settings_that_are_no_dict_are_no_key(settings):
    assert "E003" in findings(settings)


def test_an_app_without_an_address_receives_nothing(settings):
    settings.ROOT_URLCONF = "tests.host.no_addresses"
    (found,) = configuration.not_mounted()
    assert (found.id[-4:], 'include("stockhub_webhooks.urls")' in found.hint) == ("W023", True)


def test_a_process_without_addresses_is_not_asked_for_them(settings):
    settings.ROOT_URLCONF = None
    assert list(configuration.not_mounted()) == []


def test_an_alarm_that_nobody_hears_is_warned_of(settings):
    settings.ADMINS = []
    assert set(findings(GOOD)) == {"W017"}
    assert findings(GOOD | {"ALERT": ""}) == {}
    assert findings(GOOD | {"ALERT": "tests.operations.test_checks.findings"}) == {}


def test_without_time_zones_nothing_can_be_stored(settings):
    settings.USE_TZ = False
    assert [found.id[-4:] for found in configuration.naive_times()] == ["E008"]


def test_without_autocommit_nothing_is_stored(monkeypatch):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"AUTOCOMMIT": False})
    assert [found.id[-4:] for found in configuration.autocommit_off()] == ["E009"]


def test_an_alert_may_be_turned_off():
    assert "E011" not in findings(GOOD | {"ALERT": ""})


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


# ---------------------------------------------------------------- the spool directory


@pytest.fixture
def spool(tmp_path):
    """A spool directory as it should be."""
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


def of_spool(folder):
    return findings(GOOD | {"SPOOL_DIR": str(folder)})


def refuse(monkeypatch, folder):
    """Nobody may write there: root, as whom tests often run, always may."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and real(path, mode))


def test_a_good_directory_has_no_finding(spool):
    assert of_spool(spool) == {}


def test_a_directory_that_takes_nothing_is_an_error(spool, monkeypatch):
    refuse(monkeypatch, spool)
    assert f"chown that-user {spool}" in of_spool(spool)["E015"].hint


def test_a_file_is_no_directory(spool):
    file = spool / "file"
    file.touch(mode=0o600)
    assert set(of_spool(file)) == {"E015"}
    assert set(of_spool(file / "below")) == {"W006"}


def test_a_directory_that_cannot_be_made_is_warned_of(spool, monkeypatch):
    refuse(monkeypatch, spool)
    found = of_spool(spool / "not" / "there")
    assert set(found) == {"W006"}
    assert str(spool / "not" / "there") in found["W006"].hint


def test_a_directory_to_be_made_is_fine(spool):
    assert of_spool(spool / "not" / "there") == {}


@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT", "STATICFILES_DIRS", "with a prefix"])
def test_a_directory_that_is_handed_out_is_warned_of(spool, tmp_path, settings, setting):
    if setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        setattr(settings, setting, str(tmp_path))
    else:
        settings.STATICFILES_DIRS = [tmp_path if setting == "STATICFILES_DIRS" else ("files", str(tmp_path))]
    assert set(of_spool(spool)) == {"W007"}
    assert of_spool(tmp_path.parent / "elsewhere") == {}


def test_a_link_into_what_is_handed_out_is_seen_through(spool, tmp_path, settings):
    settings.MEDIA_ROOT = spool
    (tmp_path / "link").symlink_to(spool)
    assert set(of_spool(tmp_path / "link")) == {"W007"}


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o704, 0o730])
def test_a_directory_open_to_others_is_warned_of(spool, mode):
    spool.chmod(mode)
    found = of_spool(spool)
    assert set(found) == {"W008"}
    assert f"{mode:o}" in found["W008"].msg


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / {there} rw shared:2 master:3 - {kind} server:/share rw
31 22 8:2 / {there}/local rw - xfs /dev/sdb1 rw
broken
"""


@pytest.mark.parametrize(
    ("kind", "warned"),
    [("nfs", True), ("nfs4", True), ("cifs", True), ("smb3", True), ("fuse.sshfs", True), ("ext4", False)],
)
def test_a_directory_on_the_network_is_warned_of(spool, tmp_path, monkeypatch, kind, warned):
    there = tmp_path / "a share"
    (there / "spool").mkdir(parents=True, mode=0o700)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(there=str(there).replace(" ", r"\040"), kind=kind))
    monkeypatch.setattr(spool_directory, "MOUNTS", mounts)
    assert set(of_spool(there / "spool")) == ({"W009"} if warned else set())
    assert of_spool(there / "local" / "spool") == {}
    assert of_spool(spool) == {}


def test_where_mounts_are_not_told_nothing_is_said_of_them(spool, tmp_path, monkeypatch):
    monkeypatch.setattr(spool_directory, "MOUNTS", tmp_path / "none")
    assert of_spool(spool) == {}


# ---------------------------------------------------------------- a database that hangs

POSTGRESQL = {"connect_timeout": 5, "tcp_user_timeout": 10000, "options": "-c statement_timeout=15000"}
MYSQL = {"connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}


@pytest.mark.parametrize(
    ("vendor", "options", "code", "named"),
    [
        ("postgresql", POSTGRESQL, "", ""),
        ("postgresql", {}, "W010", "connect_timeout, tcp_user_timeout, statement_timeout"),
        ("postgresql", POSTGRESQL | {"options": "-c lock_timeout=1"}, "W010", "lacks statement_timeout"),
        ("postgresql", POSTGRESQL | {"connect_timeout": 0}, "W010", "lacks connect_timeout"),
        ("postgresql", POSTGRESQL | {"pool": True}, "W016", "30 seconds"),
        ("postgresql", POSTGRESQL | {"pool": {"max_size": 4}}, "W016", "30 seconds"),
        ("postgresql", POSTGRESQL | {"pool": {"timeout": 5}}, "", ""),
        ("postgresql", POSTGRESQL | {"pool": False}, "", ""),
        ("mysql", MYSQL, "", ""),
        ("mysql", {}, "W010", "connect_timeout, read_timeout, write_timeout"),
        ("mysql", {"connect_timeout": 5}, "W010", "lacks read_timeout, write_timeout"),
        ("sqlite", {}, "", ""),
        ("sqlite", {"timeout": 20}, "", ""),
        ("sqlite", {"timeout": 4.5}, "W011", "4.5 seconds"),
        ("oracle", {}, "", ""),
    ],
)
def test_options_that_bound_a_hanging_database_are_missed(monkeypatch, vendor, options, code, named):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"OPTIONS": options})
    monkeypatch.setattr(type(connection), "vendor", vendor)
    found = [message for check in hanging_database.CHECKS for message in check()]
    assert [message.id.partition(".")[2] for message in found] == [code] * bool(code)
    assert all(named in message.msg for message in found)


@pytest.mark.parametrize(("vendor", "options"), [("postgresql", POSTGRESQL), ("mysql", MYSQL)])
def test_the_hint_says_exactly_what_to_write(vendor, options):
    _, hint = hanging_database.BY_VENDOR[vendor]
    assert f'"OPTIONS": {options}'.replace("'", '"') in hint
