"""`benchmarks/speed.py --smoke` runs from beginning to end; what it measures in a minute is not looked at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure.goals import GOALS
from benchmarks.measure.sizes import SMOKE

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "speed.py"
# it brings a PostgreSQL of its own, and needs only the driver
pytestmark = [pytest.mark.postgresql, pytest.mark.server, pytest.mark.timeout(900)]


def run(*arguments):
    done = subprocess.run(
        [sys.executable, FILE, "--here", "--smoke", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_row_is_printed_and_everything_is_kept(tmp_path):
    said = run("--json", str(tmp_path / "speed.json"))
    kept = json.loads((tmp_path / "speed.json").read_text())
    assert len(kept["rows"]) == len(GOALS)
    for goal, row in zip(GOALS, kept["rows"], strict=True):
        assert row["what"] == goal.what.format_map(vars(SMOKE))
        assert f"| {row['what']} " in said
        assert row["verdict"] == "not judged" or "peers are left out" in row["verdict"], row
    assert sum("left out" in row["verdict"] for row in kept["rows"]) == 4
    assert kept["parts"]["burst"]["values"] == {"burst": 0}
    assert not [note for note in kept["notes"] if "errors" in note]


def test_a_peak_is_played_and_drawn(tmp_path):
    said = run("--simulate-peak", "--json", str(tmp_path / "peak.json"), "--plots", str(tmp_path))
    figures = json.loads((tmp_path / "peak.json").read_text())["parts"]["peak"]["runs"]
    assert figures["figures"]["refused"] == 0
    assert figures["waiting"][-1][1] == 0
    assert "0 not accepted" in said
    assert (tmp_path / "waiting-at-the-peak.svg").read_text().startswith("<svg")
