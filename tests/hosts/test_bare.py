"""A shop without Django's admin, sessions and messages: it starts, receives, works and shows parcels."""

import json
import os
import subprocess
import sys

import pytest

from stockhub_webhooks.contract import topics
from tests.processes import ROOT, scratch_database

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
        variables = {"HOST": "bare", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables

        def run(*arguments):
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=100,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        yield run


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
