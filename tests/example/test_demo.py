"""The demo: it keeps its promises, fits on one screen, and leaves nothing running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "example_project" / "demo.py"
pytestmark = [pytest.mark.server, pytest.mark.sqlite, pytest.mark.timeout(240)]

# The receiver mark_delivered finds SQLite locked at its first call.
LOCKED_ONCE = """
import os
from django.apps.registry import Apps
populate = Apps.populate
def populate_and_lock(self, *arguments):
    populate(self, *arguments)
    from django.db import OperationalError
    from stockhub_webhooks.delivery import calls
    make_call = calls._invoke_receiver
    def locked_once(call):
        file = os.path.join(os.environ["LOCKS"], "was")
        if call.receiver.endswith("mark_delivered") and not os.path.exists(file):
            open(file, "w").close()
            raise OperationalError("database is locked")
        make_call(call)
    calls._invoke_receiver = locked_once
Apps.populate = populate_and_lock
"""


def start(tmp_path, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return subprocess.Popen(
        [sys.executable, str(DEMO), "--directory", str(tmp_path)],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def nothing_is_left_of(process):
    """Return True if the process and its children have ended."""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return True


def test_demo_runs_to_the_end_on_one_screen(tmp_path):
    process = start(tmp_path, DATABASE_URL="postgresql://another.example.com/project", http_proxy="http://127.0.0.1:9")
    said, complained = process.communicate(timeout=200)
    assert process.returncode == 0, said + complained
    assert nothing_is_left_of(process)
    lines = said.rstrip().splitlines()
    assert len(lines) <= 45
    assert [line for line in lines[:-2] if len(line) > 100] == []
    for words in (
        "200 created",
        "200 unchanged",
        "200 stale",
        "401 refused",
        "shipment.delivered -> mark_delivered, mail_customer FAILED",
        "failed   URLError",
        "done     by the cron line",
        "refund proposed to the staff, not paid: EUR 37.45",
    ):
        assert words in said
    assert lines[-2].split()[0].startswith("ENV_FILE=")
    assert "manage.py runserver" in lines[-2]
    assert "login: demo" in lines[-1]


def test_broken_promise_is_reported_and_is_a_failure(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import demo_messages as m\nm.STEPS = (m.Step('order', 'order', m.ACCEPTED, '200 stale'),)\n"
    )
    path = os.pathsep.join(map(str, (broken, ROOT, DEMO.parent)))
    process = start(tmp_path, PYTHONPATH=path)
    said, complained = process.communicate(timeout=200)
    assert process.returncode == 1, said
    assert "'order' was answered '200 created', not '200 stale'" in complained
    assert nothing_is_left_of(process)


def test_call_put_off_by_a_locked_database_is_not_shown_as_failed(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "sitecustomize.py").write_text(LOCKED_ONCE)
    process = start(tmp_path, PYTHONPATH=os.pathsep.join(map(str, (locked, ROOT))), LOCKS=str(locked))
    said, complained = process.communicate(timeout=200)
    assert process.returncode == 0, said + complained
    assert (locked / "was").exists()
    assert said.count("FAILED") == 1
    assert "mail_customer FAILED" in said


def test_stopped_demo_leaves_nothing_running(tmp_path):
    process = start(tmp_path)
    assert any("200 created" in line for line in process.stdout)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert nothing_is_left_of(process)
