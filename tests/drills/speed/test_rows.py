"""`benchmarks/speed.py --smoke` runs from beginning to end; what it measures in a minute is not looked at."""

import json

import pytest

from benchmarks.measure.goals import GOALS
from benchmarks.measure.sizes import SMOKE
from tests.speed.test_smoke import run

pytestmark = [pytest.mark.postgresql, pytest.mark.server]


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
