"""Themes of the admin by other people: each page of ours opens."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ROOT, scratch_database

pytestmark = [pytest.mark.hosts, pytest.mark.server]


@pytest.mark.parametrize("theme", ["unfold", "jazzmin"])
def test_each_page_opens(theme, transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        variables = {"HOST": theme, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.hosts.crawl"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["wrong"] == {}, done.stderr[-3000:]
    assert result["opened"] > 40
