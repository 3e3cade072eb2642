"""The example shop: it is small, passes the checks, and its receivers work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import KEY

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example_project"
pytestmark = pytest.mark.sqlite  # the example's own database, whatever the other tests use


@pytest.fixture
def run(tmp_path):
    """Run Python with the example's settings; return the exit code and the output."""

    def run_python(*arguments, **variables):
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "PYTHONPATH": os.pathsep.join(map(str, (EXAMPLE, ROOT))),
            "SECRET_KEY": "only for this test",
            "STOCKHUB_API_KEY": KEY,
            "VAR_DIR": str(tmp_path),
        }
        for foreign in ("ENV_FILE", "PYTEST_ADDOPTS"):
            environment.pop(foreign, None)
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run_python


def test_tests_of_the_receivers_pass(run):
    code, said = run("-m", "pytest", "tests/example/shop", "--ds=project.settings", "-p", "no:cacheprovider", "-q")
    assert code == 0, said
    assert " passed" in said


def test_models_match_the_migration(run):
    code, said = run(EXAMPLE / "manage.py", "makemigrations", "--check", "--dry-run")
    assert code == 0, said


def test_system_checks_pass(run):
    code, said = run(EXAMPLE / "manage.py", "check", "--fail-level", "WARNING")
    assert code == 0, said


def test_system_checks_report_a_missing_key(run):
    code, said = run(EXAMPLE / "manage.py", "check", STOCKHUB_API_KEY="")
    assert code == 1
    assert "stockhub_webhooks.E003" in said


def test_env_file_overrides_the_environment(run, tmp_path):
    (tmp_path / "other.env").write_text("STOCKHUB_API_KEY=the-key-of-the-file\n")
    show = "from django.conf import settings; print(settings.STOCKHUB_WEBHOOKS['API_KEYS'])"
    assert run("-c", show, ENV_FILE=str(tmp_path / "other.env")) == (0, "the-key-of-the-file\n")


def test_other_databases_have_persistent_connections(run):
    show = "from django.conf import settings; print(settings.DATABASES['default']['CONN_MAX_AGE'])"
    assert run("-c", show, DATABASE_URL="postgresql://shop@localhost/shop") == (0, "600\n")


def test_shop_stays_under_300_lines():
    files = [
        file
        for file in EXAMPLE.rglob("*.py")
        if {"shop", "project"} & set(file.parts[-2:-1]) or file.name == "manage.py"
    ]
    assert len(files) >= 9
    assert sum(len(file.read_text().splitlines()) for file in files) < 300
