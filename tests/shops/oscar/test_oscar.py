"""A shop of django-oscar with the receivers of docs/guides/oscar.md, which Stock Hub's messages alone drive."""

import json
import os
import subprocess

import pytest

from tests.processes import scratch_database
from tests.shops.oscar.build import build

pytestmark = [pytest.mark.hosts, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def oscar(tmp_path_factory):
    """The folder of the shop, and the interpreter that runs it."""
    project = tmp_path_factory.mktemp("oscar") / "project"
    return project, build(project)


# each takes most of a minute; the drill `hosts` runs all of them
MODES = ("shuffled", "twice", "at_once") if "STOCKHUB_DRILL" in os.environ else ("shuffled",)


def run(project, *command, url):
    """Run a command of the shop, with its own environment; return what it printed."""
    others = ("PYTHON", "PYTEST", "DJANGO")  # the wheel, not this tree
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)} | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "STOCKHUB_API_KEY": "the-key-of-the-shop-0123456789",
    }
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_test_of_the_guide_passes(oscar, tmp_path):
    project, python = oscar
    said = run(
        project, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", url=f"sqlite:///{tmp_path}/shop.sqlite3"
    )
    assert "1 passed" in said


@pytest.mark.parametrize("mode", MODES)
def test_orders_of_oscar_end_as_the_documents_say_and_its_pages_work(oscar, transactional_db, tmp_path, mode):
    project, python = oscar
    code = f"import django; django.setup(); import drive; drive.main({mode!r})"
    with scratch_database(tmp_path) as url:
        said = run(project, python, "-c", code, url=url)
    result = json.loads(said.splitlines()[-1])
    assert result["wrong"] == []
    assert result["orders"] > 25
    assert result["tracking"]
    assert result["box"]
    assert {path for path, status in result["answers"].items() if status not in (200, 302)} == set()
