"""Test `benchmarks/path.py`: its counting, and one run from beginning to end."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.path import called_modules, count, without_lowest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "path.py"
LAYERS = {"conf": 0, "db": 1, "receiving": 2, "processing": 3, "views": 4}


def test_a_move_changes_the_room_and_a_climb_goes_to_a_higher_layer():
    modules = ["views.py", "receiving/journal.py", "receiving/spool.py", "db/writes.py", "processing/pipeline.py"]
    assert count(modules, LAYERS) == {"rooms": 4, "moves": 3, "climbs": 1, "modules": 5}


def test_the_lowest_layer_is_left_out():
    assert without_lowest(["__init__.py", "views.py", "conf.py", "db/writes.py"], LAYERS) == [
        "views.py",
        "db/writes.py",
    ]
    assert count(["views.py", "conf.py", "views.py"], LAYERS)["moves"] == 0


def test_modules_are_listed_once_and_imports_do_not_count(tmp_path):
    (tmp_path / "steps.py").write_text("def inner():\n    pass\ndef step():\n    inner()\n    inner()\n")
    names = {}
    exec(compile((tmp_path / "steps.py").read_text(), str(tmp_path / "steps.py"), "exec"), names)
    assert called_modules(tmp_path, names["step"]) == ["steps.py"]
    imported = compile("", str(tmp_path / "imported.py"), "exec")
    assert called_modules(tmp_path, lambda: exec(imported)) == []


def test_the_path_of_an_order_begins_at_the_view_and_reaches_the_delivery():
    done = subprocess.run([sys.executable, FILE, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    rooms = {module.partition("/")[0] for module in result["path"]}
    assert {"views.py", "receiving", "serializers", "processing", "delivery"} <= rooms
    assert result["rooms"] == len(rooms)
    assert result["modules"] == len(result["path"])
    assert result["rooms"] - 1 <= result["moves"] < result["modules"]
    assert 0 < result["climbs"] < result["moves"]
