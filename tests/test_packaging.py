"""Test what is shipped, and its metadata."""

import configparser
import itertools
import re
import sys
from contextlib import suppress
from importlib import import_module, metadata
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

import stockhub_webhooks

tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).parent.parent
FOLDER = Path(stockhub_webhooks.__file__).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def versions(classifier: str) -> list[str]:
    """Return the versions with a dot that the classifiers name."""
    found = (re.fullmatch(rf"{re.escape(classifier)} :: (\d+\.\d+)", line) for line in PROJECT["classifiers"])
    return [match[1] for match in found if match]


def expanded(line: str) -> list[str]:
    """Expand tox's braces: py{310,311}-django52 is two names."""
    parts = [part.split(",") for part in re.split(r"[{}]", line)]
    return ["".join(choice) for choice in itertools.product(*parts)]


def combinations() -> set[tuple[str, str]]:
    """Return the Python and the Django of each tox environment that runs the tests."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    names = [name for line in tox["tox"]["env_list"].split() for name in expanded(line)]
    found = (re.fullmatch(r"py3(\d+)-django(\d)(\d)", name) for name in names)
    return {(f"3.{match[1]}", f"{match[2]}.{match[3]}") for match in found if match}


def test_the_version_is_written_once():
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert (ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]).samefile(ROOT / "stockhub_webhooks/__init__.py")
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", stockhub_webhooks.__version__)


def test_what_is_installed_has_the_same_version():
    installed = {found.version for found in metadata.distributions(name=PROJECT["name"])}
    assert installed <= {stockhub_webhooks.__version__}


def test_what_we_claim_to_support_is_what_tox_tests():
    assert sorted({python for python, _ in combinations()}) == sorted(versions("Programming Language :: Python"))
    assert sorted({django for _, django in combinations()}) == sorted(versions("Framework :: Django"))


def test_tox_has_every_combination_that_django_allows():
    # Django 6.0 and later need Python 3.12
    allowed = {
        (python, django)
        for python in versions("Programming Language :: Python")
        for django in versions("Framework :: Django")
        if int(django.partition(".")[0]) < 6 or int(python.partition(".")[2]) >= 12
    }
    assert combinations() == allowed


def test_the_bounds_agree_with_the_classifiers():
    assert PROJECT["requires-python"] == f">={versions('Programming Language :: Python')[0]}"
    first, *_, last = versions("Framework :: Django")
    after_last = f"{last.partition('.')[0]}.{int(last.partition('.')[2]) + 1}"
    assert f"django>={first},<{after_last}" in PROJECT["dependencies"]


@pytest.mark.parametrize("name", ["py.typed", "migrations/__init__.py", "management/commands/stockhub_worker.py"])
def test_the_package_has(name):
    assert (FOLDER / name).is_file()


@pytest.mark.django_db(databases="__all__")
def test_the_migrations_are_complete():
    out = StringIO()
    with suppress(SystemExit):  # its way to say that there are some to make
        call_command("makemigrations", check=True, dry_run=True, stdout=out, stderr=out)
    assert out.getvalue() == "No changes detected\n"


def test_the_settings_of_a_host_change_no_migration(settings):
    # a host's own DEFAULT_AUTO_FIELD must not make Django want a migration inside our package
    from django.apps import apps

    assert apps.get_app_config("stockhub_webhooks").default_auto_field == "django.db.models.BigAutoField"
    assert settings.DEFAULT_AUTO_FIELD != "django.db.models.BigAutoField"


def test_the_hooks_before_a_commit_are_the_checks_and_need_no_network():
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for hook in hooks} == {"system"}
    lint = [line.split(">")[0] for line in PYPROJECT["dependency-groups"]["lint"] if isinstance(line, str)]
    types = [line.split(">")[0] for line in PYPROJECT["dependency-groups"]["types"]]
    assert {hook["entry"].split()[0] for hook in hooks} <= {*lint, *types}


WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob(".github/workflows/*.yml")
}
STEPS = [(name, step) for name, flow in WORKFLOWS.items() for job in flow["jobs"].values() for step in job["steps"]]


def test_ci_calls_the_script_that_everyone_can_run_and_nothing_else():
    (job,) = WORKFLOWS["ci"]["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert job["strategy"]["matrix"]["python"] == versions("Programming Language :: Python")


@pytest.mark.parametrize(("flow", "step"), [(flow, step) for flow, step in STEPS if "uses" in step])
def test_an_action_is_pinned_by_its_hash(flow, step):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize("name", [*WORKFLOWS])
def test_a_workflow_has_the_permissions_that_each_job_names(name):
    assert WORKFLOWS[name]["permissions"] == {}
    for job in WORKFLOWS[name]["jobs"].values():
        writes = {scope for scope, access in job["permissions"].items() if access == "write"}
        assert writes <= {"id-token", "attestations"}
        assert not writes or not any("run" in step for step in job["steps"]), "no code of ours can sign or publish"


def test_what_is_published_was_built_by_another_job():
    jobs = WORKFLOWS["release"]["jobs"]
    (publish,) = [job for job in jobs.values() if job.get("environment")]
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert {"build"} == {name for name, job in jobs.items() if any("run" in step for step in job["steps"])}


@pytest.mark.parametrize("path", [*ROOT.glob(".github/ISSUE_TEMPLATE/[!c]*.yml")], ids=lambda path: path.stem)
def test_form_of_an_issue_asks_for_something_and_its_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    form = yaml.safe_load(text)
    assert form["name"]
    assert form["description"]
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert asked
    assert all(field["id"] and field["attributes"]["label"] for field in asked)
    for page in re.findall(r"blob/main/([^)\s]+)", text):
        assert (ROOT / page).is_file(), page


def test_the_address_of_the_project_is_written_once():
    base = PROJECT["urls"]["Homepage"]
    assert all(address.startswith(base) for address in PROJECT["urls"].values())
    for page in re.findall(r"blob/main/(\S+)", " ".join(PROJECT["urls"].values())):
        assert (ROOT / page).is_file(), page


def test_the_sources_have_no_benchmarks():
    assert "/benchmarks" not in PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
