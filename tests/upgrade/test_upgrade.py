"""What one version has stored, the next one delivers and applies; its migrations can be reversed."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ROOT, scratch_database
from tests.upgrade.store import FILE, digest

STORED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STORED["migrations"])
def test_a_released_migration_is_never_changed(name):
    assert digest(name) == STORED["migrations"][name]


@pytest.mark.server
def test_stored_database_is_upgraded_worked_off_and_taken_back(transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        variables = {"HOST": "plain", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        command = [sys.executable, "-m", "tests.upgrade.play"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=110
        )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["stored"]
    assert result["back"] == []
    # each event is delivered, under the key that a receiver may have handed to other services before
    assert result["heard"] == STORED["heard"]
    assert result["given up"] > 0
    assert result["calls"] == [["shop.away", "done"], ["shop.fails", "given_up"]]
    assert result["messages"] == ["applied", "quarantined"]
    assert result["applied"]
