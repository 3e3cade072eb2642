"""A shop exports all that the app has and removes it: nothing is left, and the export is complete."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ROOT, scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]


def run(url, tmp_path, *arguments):
    variables = {"HOST": "leaving", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
    environment = os.environ | {"PYTHONPATH": str(ROOT), "VAR_DIR": str(tmp_path)} | variables
    command = [sys.executable, "-m", "tests.hosts.leave", str(tmp_path), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_shop_leaves_with_everything_and_without_a_trace(transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        result = run(url, tmp_path)
    assert result["rows"]["Order"]
    assert "1 messages wait" in result["refused"]
    assert result["after refusal"] == result["after show"] == result["rows"]
    assert f"rows of Message: {result['rows']['Message']}\n" in result["shown"]
    # a broken one of the spool, the copy of the journal, and what killed processes left
    assert "files: 7\n" in result["shown"]
    assert result["left"] == {
        "tables": [],
        "sequences": [],
        "migrations": 0,
        "content types": 0,
        "permissions": 0,
        "permissions of users": 0,
        "log": ["user"],
        "groups": ["Stock Hub: bookkeeper"],  # it has a member
        "users": 1,
        "spool": False,
        "copy": False,
    }
    assert "left: group 'Stock Hub: bookkeeper'" in result["said"]
    assert result["again"].startswith("left: group")  # a second run finds nothing to remove

    for path in tmp_path.glob("shop.sqlite3*"):
        path.unlink()
    with scratch_database(tmp_path) as url:
        loaded = run(url, tmp_path, "again")
    assert loaded["rows"] == result["rows"]
    assert loaded["messages"] == result["rows"]["Message"]
