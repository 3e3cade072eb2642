"""What all tests share."""

import gc
import json
import os
import re
from contextlib import ExitStack

import pytest
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck, settings

from stockhub_webhooks import pytest_plugin as plugin
from stockhub_webhooks import signals
from stockhub_webhooks.db import row_locks
from stockhub_webhooks.db.low_water import LowWaterMark
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.delivery import breaker, host_orders, ledger, shares
from stockhub_webhooks.models import Message
from stockhub_webhooks.office.worklists import sweep
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.kept_report import KEPT_REPORT
from stockhub_webhooks.receiving.recent import RECENT
from stockhub_webhooks.runners import inline, slices
from tests import leftovers, state_changes
from tests.processes import ROOT, Shop, scratch_database
from tests.samples import contract
from tests.selection import is_slow, shared_out

# generating JSON is slow on a busy machine, which says nothing about the code
settings.register_profile("many", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("few", settings.get_profile("many"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "many"))

KEY = "the-key-of-the-tests-0123456789"
TEST_KEY = "the-key-of-the-account-test-0123"
PREFIX = "/api/v1/stockhub/"

# the sources of a release have neither benchmarks nor workflows: what needs them is left out there
REPOSITORY_ONLY = re.compile(r"^from benchmarks|^import benchmarks|\.github/workflows", re.MULTILINE)
collect_ignore = [
    str(path)
    for path in ([] if (ROOT / "benchmarks").is_dir() else ROOT.glob("tests/**/test_*.py"))
    if REPOSITORY_ONLY.search(path.read_text(encoding="utf-8"))
]


# what pytest finds by itself where the package is installed
stockhub = plugin.stockhub
pytest_itemcollected = plugin.pytest_itemcollected


def pytest_collection_modifyitems(config, items):
    """Mark slow files; leave out tests of other databases, rather than skip them; those of none run on SQLite."""
    vendor = "mariadb" if connection.vendor == "mysql" else connection.vendor
    kept, left_out = [], []
    for item in items:
        if any(item.get_closest_marker(name) for name in ("server", "browser")):
            item.add_marker(pytest.mark.xdist_group("servers"))  # with `--dist loadgroup`, one after the other
        if is_slow(item):
            item.add_marker(pytest.mark.slow)
        wanted = {name for name in ("postgresql", "mariadb", "sqlite") if item.get_closest_marker(name)}
        if not wanted:
            wanted = shared_out(item)
        (kept if not wanted or vendor in wanted else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_collection_finish(session):
    """Spare the garbage collector the collected tests, which stay until the end."""
    gc.freeze()


@pytest.fixture
def post(client):
    """POST a body to a topic's URL as Stock Hub does; the answer."""

    def send(topic, body=None, *, key=KEY, http=client, **extra):
        raw = body if isinstance(body, bytes) else json.dumps(contract(topic) if body is None else body).encode()
        headers = {"x-version": "V1", **({"x-api-key": key} if key is not None else {}), **extra.pop("headers", {})}
        return http.post(
            PREFIX + ("" if topic == "any" else topic),
            raw,
            content_type=extra.pop("content_type", "application/json"),
            headers=headers,
            **extra,
        )

    return send


@pytest.fixture
def hear():
    """Connect a function to a signal for one test; it is recorded in the list that is returned."""
    connected = []

    def connect(signal, function=None, uid=None, sender=None, test=False):
        heard = []
        uid = uid or f"test.{signal.name}.{len(connected)}"

        def receiver(sender, **arguments):
            heard.append(arguments | {"sender": sender})
            if function:
                function(**arguments)

        signal.connect(receiver, sender=sender, dispatch_uid=uid, test=test)
        connected.append((signal, receiver, uid, sender))
        return heard

    yield connect
    for signal, receiver, uid, sender in connected:
        signal.disconnect(receiver, sender=sender, dispatch_uid=uid)


@pytest.fixture
def staff(django_user_model):
    """A client that is logged in and may do everything."""
    user = django_user_model.objects.create_superuser("office", "office@example.com", "secret")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        state_changes.watch(connection)
    leftovers.blockers.append(django_db_blocker)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", leftovers.empty_databases)
        yield
    leftovers.blockers.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Let the test fail that leaves rows behind, rather than one that comes after it."""
    result = yield
    if "rows_of_the_module" not in item.fixturenames:
        assert not (left := leftovers.remove_leftovers()), f"the test left rows behind: {', '.join(left)}"
    return result


@pytest.fixture(autouse=True)
def _state_changes_are_declared():
    state_changes.undeclared.clear()
    yield
    assert not state_changes.undeclared, "add it to TRANSITIONS of the model, and run docs/state_diagram.py"


@pytest.fixture(autouse=True)
def _no_receivers_left():
    yield
    assert not any(signal.find(r.identity) for signal in signals.BY_NAME.values() for r in signal.connected()), (
        "a test left a receiver behind"
    )


@pytest.fixture(autouse=True)
def _language_of_the_settings():
    """Start each test in the language of the settings, whatever a request before it asked for in this thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _throttles(monkeypatch):
    """Start each test as a new process of a shop with little traffic: it does all that is due after each answer."""
    for throttle in Throttle.instances:
        throttle.reset()
        if isinstance(throttle, LowWaterMark):
            monkeypatch.setattr(throttle, "seconds", 0)  # tests set times of the past
    RECENT.forget()
    monkeypatch.setattr(KEPT_REPORT, "is_due", lambda _key: True)
    shares.SHARES.reset()
    monkeypatch.setattr(inline.idle_throttle, "seconds", 0)
    monkeypatch.setattr(slices, "SLICE_SECONDS", 60)
    monkeypatch.setattr(slices, "LONGEST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(host_orders.registration_throttle, "seconds", 0)
    alarm.check_throttle.start()
    monkeypatch.setattr(sweep.look_throttle, "seconds", 3600)  # the tests of the worklists look by themselves
    sweep.look_throttle.start()


@pytest.fixture(autouse=True)
def _long_pauses(monkeypatch):
    """Let pauses of a second take a minute: none is over while a slow machine still does what was due before it."""
    for owner, name in (
        (breaker, "FIRST_PROBE_SECONDS"),
        (breaker, "MAX_PROBE_SECONDS"),
        (breaker, "MAX_PROBE_SECONDS_LATER"),
        (ledger, "DATABASE_PAUSE_SECONDS"),
        (row_locks, "MIN_PAUSE_SECONDS"),
        (row_locks, "MAX_PAUSE_SECONDS"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name) * 60)


@pytest.fixture(autouse=True)
def _alarms_in_this_thread(monkeypatch):
    """Send alarms in the thread and the transaction of the test."""
    monkeypatch.setattr(alarm.ALARM_THREAD, "start", alarm.ALARM_THREAD.call)


@pytest.fixture
def last_message():
    return lambda: Message.objects.latest("pk")


@pytest.fixture(scope="session")
def migrated_database(django_db_setup, django_db_blocker, tmp_path_factory):
    """The URL of the database of a shop to which nothing happened."""
    folder = tmp_path_factory.mktemp("migrated")
    stack = ExitStack()
    with django_db_blocker.unblock():
        url = stack.enter_context(scratch_database(folder))
        Shop(url, folder).close()
    yield url
    with django_db_blocker.unblock():
        stack.close()


@pytest.fixture
def shop(transactional_db, tmp_path, migrated_database):
    """A shop with processes and a database of its own."""
    with scratch_database(tmp_path, template=migrated_database) as url:
        shop = Shop(url, tmp_path, is_migrated=True)
        yield shop
        shop.close()
