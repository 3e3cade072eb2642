"""Sentry records errors, logs and requests of the door: it gets no key and no byte of a body."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import KEY
from tests.processes import ROOT, scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]
OPTIONS = [(), ("pii",), ("stack",), ("pii", "stack")]


@pytest.mark.parametrize("options", OPTIONS, ids="-".join)
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_sentry_gets_no_key_and_no_body(gateway, options, transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        variables = {"HOST": "sentry", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.hosts.record", gateway, *options],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["answers"] == [200, 406, 401, 503]
    everything = "\n".join(result["sent"])
    assert "LOST" in everything  # it does record
    assert "is given up" in everything
    assert '"type":"transaction"' in everything
    for secret in (KEY, "Testman", "Teststad", "example.com", "firstname", "1Z00AA"):
        assert secret not in everything, everything[
            max(0, everything.index(secret) - 600) : everything.index(secret) + 99
        ]
