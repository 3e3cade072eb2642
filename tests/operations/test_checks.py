"""System checks: every configuration error is reported with an id and a hint."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import django
import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings
from django.urls import include, path, re_path

from stockhub_webhooks import runners, signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.delivery import discovery
from stockhub_webhooks.exceptions import ReceiverRefused
from stockhub_webhooks.operations.checks import addresses, configuration, hanging_database, spool_directory
from stockhub_webhooks.views import ReceiveView
from tests.mails import use_smtp

# some of Django's own checks query the database
pytestmark = pytest.mark.django_db(databases="__all__")

GOOD = {"API_KEYS": "a-good-long-key-0123456789", "SPOOL_DIR": Path(tempfile.gettempdir()) / "stockhub-not-made-yet"}


class Sleeper:
    """Not a runner: it lacks `wake`."""

    applies_in_request = True

    def after_answer(self, message):
        pass


def no_class():
    pass


def results(settings):
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        return {
            message.id.partition(".")[2]: message
            for message in run_checks()
            if message.id.startswith("stockhub_webhooks.")
        }


def test_valid_settings_pass_every_check():
    assert results(GOOD) == {}


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
def test_configuration_error_is_reported_with_a_hint_and_without_keys(changes, code):
    messages = results(GOOD | changes)
    assert code in messages
    assert messages[code].hint
    assert messages[code].is_serious() == code.startswith("E")
    assert all(GOOD["API_KEYS"] not in str(message) for message in messages.values())


SECRETS = {
    "key": lambda secret: {"API_KEYS": secret},
    "second key": lambda secret: {"API_KEYS": [GOOD["API_KEYS"], secret]},
    "key of an account": lambda secret: {"API_KEYS": {"one": GOOD["API_KEYS"], "two": [secret]}},
    "test key": lambda secret: {"API_KEYS": {"default": GOOD["API_KEYS"], "test": secret}},
    "metrics token": lambda secret: {"METRICS_TOKEN": secret},
}


@pytest.mark.parametrize("place", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(("length", "is_short"), [(1, True), (15, True), (16, False), (40, False)])
def test_short_secret_is_a_warning_and_an_error_only_if_deployed(place, length, is_short):
    with override_settings(STOCKHUB_WEBHOOKS=GOOD | place("Kx9".ljust(length, "z")[:length])):
        usual, deployed = (
            {message.id.partition(".")[2]: message for message in run_checks(include_deployment_checks=deploy)}
            for deploy in (False, True)
        )
    assert bool(usual.keys() & {"W001", "W024"}) == is_short
    assert "E022" not in usual
    assert ("E022" in deployed) == is_short
    assert not is_short or (deployed["E022"].is_serious() and "Kx9zz" not in str(deployed["E022"]))


ODD_KEYS = {
    "quotes": '"{}"',
    "single quotes": "'{}'",
    "typographic quotes": "“{}”",
    "bearer": "Bearer {}",
    "lower-case bearer": "bearer {}",
    "header": "x-api-key:{}",
    "comment": "{} # of Winkelstraat",
    "quotes and comment": '"{}" # of Winkelstraat',
    "blank": "a{0} b{0}",
    "newline": "{0}\n{0}",
    "tab": "{0}\t{0}",
    "no-break space": "{0}\u00a0{0}",
    "zero width": "\u200b{}",
    "byte order mark": "\ufeff{}",
    "soft hyphen": "{}\u00ad",
    "control": "{}\x7f",
    "hyphen": "{}\u2010",
    "full-width": "{}\uff11",
    "Cyrillic": "{}\u0430",
    "combining": "{}e\u0301",
}


@pytest.mark.parametrize("odd", ODD_KEYS.values(), ids=ODD_KEYS)
def test_key_that_was_copied_with_too_much_is_a_warning_without_the_key(odd):
    key = GOOD["API_KEYS"]
    messages = results(
        GOOD | {"API_KEYS": {"default": "another-good-long-key-0123", "brand_b": [key + "x", odd.format(key)]}}
    )
    assert set(messages) == {"W030"}
    warning = messages["W030"]
    assert "Key 2" in warning.msg
    assert "'brand_b'" in warning.msg
    assert warning.hint
    assert key[2:-2] not in f"{warning.msg} {warning.hint}"


@pytest.mark.parametrize(
    "key", ["bearer-of-good-news-0123", "#0123456789-0123456789", " {} \n", "it's-a-key-0123456789"]
)
def test_key_of_any_visible_ascii_is_no_warning(key):
    assert results(GOOD | {"API_KEYS": key.format(GOOD["API_KEYS"])}) == {}


def test_hint_for_a_misspelt_setting_suggests_the_right_one_first():
    misspelt = results(GOOD | {"API_KEY": "misspelt"})["E001"].hint
    nonsense = results(GOOD | {"nonsense": 1})["E001"].hint
    assert nonsense in misspelt
    assert "API_KEYS" in misspelt.removesuffix(nonsense)
    assert all(name in nonsense for name in conf.names())


def test_misspelt_name_of_the_settings_dict_is_reported(settings):
    settings.STOCKHUB_WEBHOOK = GOOD
    error = results(None)["E001"]
    assert {"STOCKHUB_WEBHOOK", "STOCKHUB_WEBHOOKS"} <= set(re.findall(r"\w+", error.msg))
    assert "E001" not in results(GOOD)


@pytest.mark.parametrize("value", ["a key", [GOOD["API_KEYS"]], 1])
def test_settings_of_another_type_than_dict_are_reported(value):
    assert results(value)["E002"].hint


def test_settings_are_optional():
    assert "E002" not in results(None)


def test_two_functions_with_one_identity_are_reported():
    def one(sender, **kwargs): ...

    def other(sender, **kwargs): ...

    signals.order_created.connect(one, dispatch_uid="shop.same")
    signals.order_updated.connect(one, dispatch_uid="shop.same")
    try:
        assert "W026" not in results(GOOD)
        signals.shipment_created.connect(other, dispatch_uid="shop.same")
        warning = results(GOOD)["W026"]
        assert all(text in warning.msg for text in ("locals>.one", "locals>.other", "'shop.same'"))
    finally:
        for signal in (signals.order_created, signals.order_updated, signals.shipment_created):
            signal.disconnect(dispatch_uid="shop.same")


def test_relative_spool_directory_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(results(GOOD | {"SPOOL_DIR": "spool"})) == {"W027"}


def test_account_for_tests_beside_a_real_one_is_allowed():
    assert results(GOOD | {"API_KEYS": {"default": GOOD["API_KEYS"], "test": "another-good-long-key-0123"}}) == {}


# ---------------------------------------------------------------- metrics


def test_metrics_without_their_package_are_an_error(monkeypatch):
    assert results(GOOD | {"METRICS": True, "METRICS_TOKEN": "a-good-long-token-0123456789"}) == {}
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    errors = results(GOOD | {"METRICS": True})
    assert set(errors) == {"E019"}
    assert "django-stockhub-webhooks[metrics]" in errors["E019"].hint
    assert results(GOOD) == {}


def test_shared_metrics_directory_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert results(GOOD | {"METRICS": True}) == {}
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    assert set(results(GOOD | {"METRICS": True})) == {"W025"}
    assert results(GOOD) == {}


# ---------------------------------------------------------------- the runner


ON_SQLITE = {"W019"}  # the tests may run on SQLite, where several processes are reported


@pytest.mark.parametrize(("runner", "package"), [("celery", "celery"), ("tasks", "django_tasks")])
def test_runner_without_its_package_is_an_error_that_names_the_package(monkeypatch, runner, package):
    def named():
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(runners, "named", named)
    errors = results(GOOD | {"RUNNER": runner})
    assert set(errors) - ON_SQLITE == {"E013"}
    assert f"django-stockhub-webhooks[{runner}]" in errors["E013"].hint


def ids_in_new_process(runner, *, missing_package="-", **settings):
    """Run the checks in a new process with these settings of the host; return the ids of the results."""
    code = (
        "import json, sys; sys.modules[sys.argv[2]] = None; import tests.host.settings as host;"
        "vars(host).update(json.loads(sys.argv[1]));"
        "import django; django.setup(); from django.core.checks import run_checks;"
        "print(sorted(found.id[-4:] for found in run_checks() if found.id.startswith('stockhub_webhooks.')"
        " and found.id[-4:] != 'W019'))"
    )
    given = settings | {"STOCKHUB_WEBHOOKS": GOOD | {"RUNNER": runner, "SPOOL_DIR": str(GOOD["SPOOL_DIR"])}}
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(given), missing_package], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_missing_celery_is_an_error_and_not_a_crash():
    assert ids_in_new_process("celery", missing_package="celery") == "['E013']"


def test_celery_without_an_app_of_the_host_is_a_warning():
    assert ids_in_new_process("celery") == "['W015']"


def test_task_backend_without_the_default_queue_is_an_error():
    backend = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
    tasks = {"default": {"BACKEND": f"{backend}.backends.immediate.ImmediateBackend", "QUEUES": ["mail"]}}
    assert ids_in_new_process("tasks", TASKS=tasks) == "['E005']"


@pytest.mark.parametrize("settings", [None, "text", []])
def test_settings_of_another_type_than_dict_contain_no_key(settings):
    assert "E003" in results(settings)


def test_missing_urls_are_a_warning_that_names_the_include(settings):
    settings.ROOT_URLCONF = "tests.host.no_addresses"
    (warning,) = addresses.not_mounted()
    assert (warning.id[-4:], 'include("stockhub_webhooks.urls")' in warning.hint) == ("W023", True)


def test_process_without_a_urlconf_needs_no_urls(settings):
    settings.ROOT_URLCONF = None
    assert list(addresses.not_mounted()) == []


def test_alarm_without_a_recipient_is_a_warning(settings):
    settings.ADMINS = []
    assert set(results(GOOD)) == {"W017"}
    assert set(results(GOOD | {"ALERT": ""})) == {"W040"}
    assert results(GOOD | {"ALERT": "", "KEEP_REFUSED": 0}) == {}
    assert results(GOOD | {"ALERT": "tests.operations.test_checks.results"}) == {}


def test_mail_server_without_a_time_out_is_a_warning_if_the_alarm_is_mailed(settings):
    use_smtp(settings, None)
    settings.ADMINS = ["office@example.com"]
    assert "EMAIL_TIMEOUT" in results(GOOD)["W032"].hint
    assert results(GOOD | {"ALERT": "tests.operations.test_checks.results"}) == {}
    use_smtp(settings, 10)
    assert results(GOOD) == {}


def test_settings_without_time_zones_are_an_error(settings):
    settings.USE_TZ = False
    assert [found.id[-4:] for found in configuration.naive_times()] == ["E008"]


def test_database_without_autocommit_is_an_error(monkeypatch):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"AUTOCOMMIT": False})
    assert [found.id[-4:] for found in configuration.autocommit_off()] == ["E009"]


def test_alert_can_be_switched_off():
    assert "E011" not in results(GOOD | {"ALERT": ""})


def test_checks_are_skipped_if_only_another_app_is_checked():
    from django.apps import apps

    with override_settings(STOCKHUB_WEBHOOKS={}):
        assert not any("stockhub" in found.id for found in run_checks(app_configs=[apps.get_app_config("auth")]))
        assert any(
            "stockhub" in found.id for found in run_checks(app_configs=[apps.get_app_config("stockhub_webhooks")])
        )


@override_settings(STOCKHUB_WEBHOOKS={"MAX_ATTEMPTS": "many", "INLINE_BUDGET_SECONDS": 2})
def test_setting_of_a_wrong_type_has_its_default():
    assert conf.MAX_ATTEMPTS == 22
    assert conf.INLINE_BUDGET_SECONDS == 2


def test_only_settings_have_a_description():
    assert conf.setting("RUNNER").default == "inline"
    with pytest.raises(KeyError):
        conf.setting("accounts")


# ---------------------------------------------------------------- the spool directory


@pytest.fixture
def spool(tmp_path):
    """Create a valid spool directory."""
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


def results_for_spool(folder):
    return results(GOOD | {"SPOOL_DIR": str(folder)})


def make_unwritable(monkeypatch, folder):
    """Report the folder as not writable; file modes do not stop root, and tests often run as root."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and real(path, mode))


def test_valid_spool_directory_passes(spool):
    assert results_for_spool(spool) == {}


def test_unwritable_spool_directory_is_an_error(spool, monkeypatch):
    make_unwritable(monkeypatch, spool)
    assert str(spool) in results_for_spool(spool)["E015"].hint


def test_file_instead_of_a_spool_directory_is_an_error(spool):
    file = spool / "file"
    file.touch(mode=0o600)
    assert set(results_for_spool(file)) == {"E015"}
    assert set(results_for_spool(file / "below")) == {"W006"}


def test_spool_directory_that_cannot_be_created_is_a_warning(spool, monkeypatch):
    make_unwritable(monkeypatch, spool)
    warnings = results_for_spool(spool / "not" / "there")
    assert set(warnings) == {"W006"}
    assert str(spool / "not" / "there") in warnings["W006"].hint


def test_spool_directory_that_can_be_created_passes(spool):
    assert results_for_spool(spool / "not" / "there") == {}


@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT", "STATICFILES_DIRS", "with a prefix"])
def test_spool_directory_that_the_web_server_serves_is_a_warning(spool, tmp_path, settings, setting):
    if setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        setattr(settings, setting, str(tmp_path))
    else:
        settings.STATICFILES_DIRS = [tmp_path if setting == "STATICFILES_DIRS" else ("files", str(tmp_path))]
    assert set(results_for_spool(spool)) == {"W007"}
    assert results_for_spool(tmp_path.parent / "elsewhere") == {}


def test_link_to_a_directory_that_the_web_server_serves_is_a_warning(spool, tmp_path, settings):
    settings.MEDIA_ROOT = spool
    (tmp_path / "link").symlink_to(spool)
    assert set(results_for_spool(tmp_path / "link")) == {"W007"}


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o704, 0o730])
def test_spool_directory_open_to_other_users_is_a_warning(spool, mode):
    spool.chmod(mode)
    warnings = results_for_spool(spool)
    assert set(warnings) == {"W008"}
    assert f"{mode:o}" in warnings["W008"].msg


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
def test_spool_directory_on_a_network_file_system_is_a_warning(spool, tmp_path, monkeypatch, kind, warned):
    there = tmp_path / "a share"
    (there / "spool").mkdir(parents=True, mode=0o700)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(there=str(there).replace(" ", r"\040"), kind=kind))
    monkeypatch.setattr(spool_directory, "MOUNTS", mounts)
    assert set(results_for_spool(there / "spool")) == ({"W009"} if warned else set())
    assert results_for_spool(there / "local" / "spool") == {}
    assert results_for_spool(spool) == {}


def test_file_system_is_not_checked_if_mounts_are_unknown(spool, tmp_path, monkeypatch):
    monkeypatch.setattr(spool_directory, "MOUNTS", tmp_path / "none")
    assert results_for_spool(spool) == {}


# ---------------------------------------------------------------- a database that hangs

POSTGRESQL = {"connect_timeout": 5, "tcp_user_timeout": 10000, "options": "-c statement_timeout=15000"}
MYSQL = {"connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}


@pytest.mark.parametrize(
    ("vendor", "options", "code", "named"),
    [
        ("postgresql", POSTGRESQL, "", ""),
        ("postgresql", {}, "W010", "connect_timeout, tcp_user_timeout, statement_timeout"),
        ("postgresql", POSTGRESQL | {"options": "-c lock_timeout=1"}, "W010", "statement_timeout"),
        ("postgresql", POSTGRESQL | {"connect_timeout": 0}, "W010", "connect_timeout"),
        ("postgresql", POSTGRESQL | {"pool": True}, "W016", "30 seconds"),
        ("postgresql", POSTGRESQL | {"pool": {"max_size": 4}}, "W016", "30 seconds"),
        ("postgresql", POSTGRESQL | {"pool": {"timeout": 5}}, "", ""),
        ("postgresql", POSTGRESQL | {"pool": False}, "", ""),
        ("mysql", MYSQL, "", ""),
        ("mysql", {}, "W010", "connect_timeout, read_timeout, write_timeout"),
        ("mysql", {"connect_timeout": 5}, "W010", "read_timeout, write_timeout"),
        ("sqlite", {}, "", ""),
        ("sqlite", {"timeout": 20}, "", ""),
        ("sqlite", {"timeout": 4.5}, "W011", "4.5 seconds"),
        ("oracle", {}, "", ""),
    ],
)
def test_missing_timeouts_are_reported_by_name(monkeypatch, vendor, options, code, named):
    connection = connections["default"]
    monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"OPTIONS": options})
    monkeypatch.setattr(type(connection), "vendor", vendor)
    messages = [message for check in hanging_database.CHECKS for message in check()]
    assert [message.id.partition(".")[2] for message in messages] == [code] * bool(code)
    assert all(named in message.msg for message in messages)


@pytest.mark.parametrize(("vendor", "options"), [("postgresql", POSTGRESQL), ("mysql", MYSQL)])
def test_hint_contains_the_options_to_set(vendor, options):
    _, hint = hanging_database.BY_VENDOR[vendor]
    assert f'"OPTIONS": {options}'.replace("'", '"') in hint


# ---------------------------------------------------------------- URL patterns of the host


def urlconf(*patterns):
    module = types.ModuleType("tests_urlconf")
    module.urlpatterns = list(patterns)
    return module


def page(request):
    raise AssertionError("never called")


@pytest.mark.parametrize("prefix", ["hooks/", ""])
def test_pattern_of_the_host_that_is_never_reached_is_found(settings, prefix):
    ours, theirs = path(prefix, include("stockhub_webhooks.urls")), path(f"{prefix}own", page)
    settings.ROOT_URLCONF = urlconf(ours, theirs)
    assert [found.id for found in addresses.shadowed_patterns()] == ["stockhub_webhooks.W029"]
    settings.ROOT_URLCONF = urlconf(theirs, ours)
    assert list(addresses.shadowed_patterns()) == []
    settings.ROOT_URLCONF = urlconf(ours, path("elsewhere/own", page)) if prefix else urlconf(theirs)
    assert list(addresses.shadowed_patterns()) == []


@pytest.mark.parametrize("other", [[], [re_path(".*", page)]], ids=["nothing there", "another page there"])
def test_prefix_without_its_slash_is_missed(settings, other):
    ours = path("hooks/", include("stockhub_webhooks.urls"))
    settings.ROOT_URLCONF = urlconf(ours, *other)
    (found,) = addresses.no_slash()
    assert (found.id, 'path("hooks", ReceiveView.as_view())' in found.hint) == ("stockhub_webhooks.W031", True)
    settings.ROOT_URLCONF = urlconf(ours, path("hooks", ReceiveView.as_view()), *other)
    assert list(addresses.no_slash()) == []
    settings.ROOT_URLCONF = urlconf(path("", include("stockhub_webhooks.urls")))
    assert list(addresses.no_slash()) == []


@pytest.mark.parametrize(("is_app", "codes"), [(False, {"E023"}), (True, set())])
def test_receivers_in_a_package_that_is_no_app_are_an_error(monkeypatch, tmp_path, settings, is_app, codes):
    package = tmp_path / "projectpackage"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "stockhub_receivers.py").touch()
    (package / "urls.py").write_text("from tests.host.urls import urlpatterns  # noqa: F401")
    monkeypatch.syspath_prepend(tmp_path)
    settings.ROOT_URLCONF = "projectpackage.urls"
    if is_app:
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "projectpackage"]
    assert {code for code in results(GOOD) if code == "E023"} == codes


def test_each_process_connects_the_receivers_beside_a_resolver(monkeypatch, tmp_path):
    (tmp_path / "resolver_beside.py").write_text("def find(po_number, order): pass")
    monkeypatch.syspath_prepend(tmp_path)
    with override_settings(STOCKHUB_WEBHOOKS=GOOD | {"HOST_ORDER_RESOLVER": "resolver_beside.find"}):
        discovery.import_receivers()
    assert sys.modules.pop("resolver_beside", None)


RESOLVER = {"HOST_ORDER_RESOLVER": f"{__name__}.no_class"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        (RESOLVER, {"W053"}),
        (RESOLVER | {"HOST_ORDER_NUMBER": "numbr"}, {"W053"}),
        ({"HOST_ORDER_NUMBER": "numbr"}, {"W053"}),
        (RESOLVER | {"HOST_ORDER_NUMBER": "username"}, set()),  # a field
        (RESOLVER | {"HOST_ORDER_NUMBER": "get_full_name"}, set()),  # a method
    ],
)
def test_order_of_the_shop_whose_number_nothing_holds_is_warned_of(changes, codes):
    assert set(results(GOOD | changes)) == codes


def test_attribute_of_the_order_holds_its_number_without_a_setting(monkeypatch):
    monkeypatch.setattr(User, "stockhub_po_number", "", raising=False)
    assert results(GOOD | RESOLVER) == {}


@pytest.mark.parametrize("resolver", ["no_such_module.find", "no_module"])
def test_start_does_not_fail_for_a_resolver_that_cannot_be_imported(resolver):
    with override_settings(STOCKHUB_WEBHOOKS=GOOD | {"HOST_ORDER_RESOLVER": resolver}):
        discovery.import_receivers()
        assert "E007" in results(GOOD | {"HOST_ORDER_RESOLVER": resolver})


@pytest.mark.parametrize(
    "days", [{"not_send": 3}, {"not_sent": "three"}, {"not_sent": -1}, {"not_sent": True}], ids=str
)
def test_days_of_an_unknown_rule_or_of_no_number_are_an_error(settings, days):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": days}
    assert "stockhub_webhooks.E034" in {message.id for message in run_checks()}


def test_days_and_none_are_no_error(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {"not_sent": 2.5, "not_in_shop": None}}
    assert "stockhub_webhooks.E034" not in {message.id for message in run_checks()}


def test_include_in_a_namespace_of_the_host_counts(settings):
    module = types.ModuleType("urls_with_namespace")
    module.urlpatterns = [path("plugins/", include(([path("s/", include("stockhub_webhooks.urls"))], "plugins")))]
    sys.modules[module.__name__] = module
    settings.ROOT_URLCONF = module.__name__
    try:
        assert "W023" not in results(GOOD)
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("changes", "is_lost"),
    [
        ({"SECURE_SSL_REDIRECT": True}, True),
        ({"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, False),
        ({"PREPEND_WWW": True}, True),
        ({}, False),
    ],
)
def test_redirects_before_the_views_are_warned_of(settings, changes, is_lost):
    for name, value in changes.items():
        setattr(settings, name, value)
    assert ("W048" in results(GOOD)) == is_lost


@pytest.mark.parametrize(
    ("allowed", "site_url", "is_lost"),
    [
        ([], "", True),
        (["other.example"], "https://shop.example", True),
        (["other.example"], "", False),
        (["shop.example"], "https://shop.example:8443/", False),
        ([".example"], "https://shop.example", False),
        (["*"], "https://shop.example", False),
        (["shop.example"], "https://[", False),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_host_that_django_refuses_is_warned_of(settings, allowed, site_url, is_lost, debug):
    settings.ALLOWED_HOSTS, settings.DEBUG = allowed, debug
    assert ("W054" in results(GOOD | {"SITE_URL": site_url})) == (is_lost and not debug)


def test_module_that_was_imported_under_two_names_is_named(monkeypatch, tmp_path):
    (tmp_path / "one.py").write_text("def hear(sender, **kwargs): pass")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    one = importlib.import_module("one")
    spec = importlib.util.spec_from_file_location("package.one", tmp_path / "one.py")
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    signals.order_created.connect(one.hear)
    signals.order_created.connect(other.hear)
    try:
        assert "W046" in results(GOOD)
        with pytest.raises(ReceiverRefused, match="two names"):
            for module in (one, other):
                signals.order_updated.connect(module.hear, dispatch_uid="shop.hear")
    finally:
        signals.order_created.disconnect(one.hear)
        signals.order_created.disconnect(other.hear)
        signals.order_updated.disconnect(dispatch_uid="shop.hear")
