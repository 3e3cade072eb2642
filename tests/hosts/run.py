"""Run a module of this package in a process of its own, in the shop of one host."""

import json
import os
import subprocess
import sys

from tests.processes import ROOT


def run_host(host, url, *arguments, code=0, **variables):
    """Run Python in the shop of a host, on the database with this URL; return the process, which has ended."""
    variables |= {"HOST": host, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.hosts.settings"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done


def result_of(host, url, module, *arguments, **variables):
    """Return what a module prints in its last line, as JSON."""
    return json.loads(run_host(host, url, "-m", module, *arguments, **variables).stdout.splitlines()[-1])
