"""Between `migrate` and the restart the old code receives on the new tables: no message may be lost."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stockhub_webhooks.contract import topics
from tests.conftest import KEY, PREFIX
from tests.processes import scratch_database
from tests.samples import contract

pytestmark = pytest.mark.server  # real processes use a database of their own
ROOT = Path(__file__).resolve().parents[3]
STATES = [
    line.split(" ", 1)
    for line in (Path(__file__).parent / "states.txt").read_text().splitlines()
    if not line.startswith("#")
]
SEND = """
import json, sys
import django; django.setup()
from django.test import Client
import stockhub_webhooks
bodies, key, prefix = json.load(sys.stdin)
client = Client()
options = {"content_type": "application/json", "headers": {"x-api-key": key}}
answers = {topic: client.post(prefix + topic, body, **options).status_code for topic, body in bodies.items()}
options["headers"] = {"x-api-key": "mistyped"}
refused = client.post(prefix + "order", bodies["order"], **options).status_code
print(json.dumps([stockhub_webhooks.__file__, answers, refused]))
"""
LOOK = """
import json
import django; django.setup()
from django.core.management import call_command
from stockhub_webhooks.models import Message, Refusal, RefusedBody
call_command("stockhub_worker", once=True)
refusals = [*Refusal.objects.values_list("reason", "count"), *RefusedBody.objects.values_list("topic", "reason")]
print(json.dumps([sorted(Message.objects.values_list("topic", "status")), refusals]))
"""


def run(folder, code, database, text=""):
    """Run code with the package of a folder; return what it printed last."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "tests.host.settings",
    }
    command = [sys.executable, *(["-c", code] if "\n" in code else code.split())]
    done = subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


@pytest.fixture
def database(transactional_db, tmp_path):
    """Return the address of an empty database of the kind that the tests run on."""
    with scratch_database(tmp_path) as url:
        yield url


@pytest.mark.parametrize(("commit", "description"), STATES)
def test_old_code_receives_on_the_present_tables(tmp_path, database, commit, description):
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    old = tmp_path / "old"
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(old, filter="data")
    run(ROOT, "-m django migrate --verbosity 0", database)
    bodies = {topic: contract(topic) for topic in topics.ALL}
    used, answers, refused = json.loads(run(old, SEND, database, json.dumps([bodies, KEY, PREFIX])))
    assert Path(used).is_relative_to(old)
    assert set(answers.values()) <= {200, 202}, answers
    assert refused == 401
    stored, refusals = json.loads(run(ROOT, LOOK, database))
    assert stored == sorted([topic, "applied"] for topic in topics.ALL)
    assert refusals == [["wrong_key", 1], [topics.ORDER, "wrong_key"]]
