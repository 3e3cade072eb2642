"""`benchmarks/speed.py --smoke` plays a peak from beginning to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "speed.py"
# it brings a PostgreSQL of its own, and needs only the driver
pytestmark = [pytest.mark.postgresql, pytest.mark.server, pytest.mark.timeout(900)]


def run(*arguments):
    done = subprocess.run(
        [sys.executable, FILE, "--here", "--smoke", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_peak_is_played_and_drawn(tmp_path):
    said = run("--simulate-peak", "--json", str(tmp_path / "peak.json"), "--plots", str(tmp_path))
    figures = json.loads((tmp_path / "peak.json").read_text())["parts"]["peak"]["runs"]
    assert figures["figures"]["refused"] == 0
    assert figures["waiting"][-1][1] == 0
    assert "0 not accepted" in said
    assert (tmp_path / "waiting-at-the-peak.svg").read_text().startswith("<svg")
