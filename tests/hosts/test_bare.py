"""Shops without Django's admin, sessions and messages, which work, and without time zones, which are refused."""

import json

import pytest

from stockhub_webhooks.contract import topics
from tests.hosts.run import run_host
from tests.processes import scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]
SHOWN = """
import django; django.setup()
from django.template import Context, Template, engines
print(engines["django"].from_string("{% load stockhub %}{% stockhub_tracking '100000207' %}").render({}))
"""


@pytest.fixture
def run(transactional_db, tmp_path):
    """Return a function that runs Python in the shop, and returns what was printed."""
    with scratch_database(tmp_path) as url:
        yield lambda *arguments: run_host("bare", url, *arguments).stdout


BOX = """
import django; django.setup()
from django.core.exceptions import ImproperlyConfigured
from django.template import engines
try:
    engines["django"].from_string("{% load stockhub %}{% stockhub_box '100000207' %}").render({})
except ImproperlyConfigured as error:
    print(error)
"""


def test_shop_without_the_admin_starts_receives_and_shows_parcels(run):
    run("-m", "django", "check")
    result = json.loads(run("-m", "tests.hosts.post").splitlines()[-1])
    assert set(result["answers"]) == {200}
    assert result["stored"]["messages"] == sorted([topic, "applied"] for topic in topics.ALL)
    run("-m", "django", "stockhub_worker", "--once")
    run("-m", "django", "stockhub_status")
    assert "parcel" in run("-c", SHOWN)
    assert "django.contrib.admin" in run("-c", BOX)


def test_shop_whose_times_have_no_zone_is_not_migrated(transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        done = run_host("naive", url, "-m", "django", "migrate", code=1)
    assert "stockhub_webhooks.E008" in done.stderr
