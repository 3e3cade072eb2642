"""run.py: it names what is missing, and the databases that it tested."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.drills.audit import judge

FILE = Path(__file__).resolve().parents[2] / "run.py"
pytestmark = pytest.mark.sqlite  # the same on every database
VERSION = "{}.{}".format(*sys.version_info[:2])
REPORT = '<testsuites><testsuite tests="{}" failures="{}" errors="0" skipped="1"/></testsuites>'


@pytest.fixture
def launcher(monkeypatch, tmp_path):
    """Import run.py as a module, with its files in a scratch directory."""
    specification = importlib.util.spec_from_file_location("launcher", FILE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "RUN", tmp_path)
    monkeypatch.setattr(module.signal, "signal", lambda *arguments: None)
    for variable in ("TEST_POSTGRESQL_URL", "TEST_MARIADB_URL", "STOCKHUB_TESTS_REQUIRE_ALL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("STOCKHUB_TESTS_COVERAGE", raising=False)
    return module


@pytest.fixture
def environment(launcher, monkeypatch, tmp_path):
    """Replacement of the virtual environment: it records the commands, and pytest reports the given result."""

    class Noted(launcher.Environment):
        ran = []
        provided_for = []
        failing_url, failing_code = "nowhere", 1

        def provide(self, group, extras=()):
            self.provided_for.append((group, extras))

        def start(self, *arguments, output=None, **variables):
            self.ran.append((arguments, variables))
            code = self.failing_code if variables.get("DATABASE_URL") == self.failing_url else 0
            for argument in arguments:
                if str(argument).startswith("--junit-xml="):
                    Path(argument.partition("=")[2]).write_text(REPORT.format(8, abs(code)))
            if output:
                output.write(f"said on {variables['DATABASE_URL']}")
                output.close()
            return SimpleNamespace(wait=lambda: code, poll=lambda: code)

    monkeypatch.setattr(launcher, "Environment", Noted)
    return Noted


def run_with(tmp_path, customize):
    """Run the file in a Python that a few lines have changed."""
    (tmp_path / "sitecustomize.py").write_text(customize)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.run(
        [sys.executable, str(FILE), "demo"], env=environment, capture_output=True, text=True, check=False
    )


def test_missing_ensurepip_is_reported_with_the_package_to_install(tmp_path):
    done = run_with(tmp_path, "import sys; sys.modules['ensurepip'] = None")
    assert done.returncode == 1
    assert f"sudo apt install python{VERSION}-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_older_python_is_refused_by_name(tmp_path):
    done = run_with(tmp_path, "import sys; sys.version_info = (3, 9, 18, 'final', 0)")
    assert done.returncode == 1
    assert "This is Python 3.9, and 3.10 or newer is needed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_syntax_of_run_py_is_valid_in_older_pythons():
    ast.parse(FILE.read_text(), feature_version=(3, 6))


def test_tests_run_on_sqlite_and_report_what_was_left_out(launcher, environment, capsys):
    assert launcher.main(["tests", "--all", "-k", "order"]) == 0
    ((arguments, variables),) = environment.ran
    assert arguments[:2] == ("-m", "pytest")
    assert arguments[-2:] == ("-k", "order")
    assert variables["DATABASE_URL"].startswith("sqlite:///")
    said = capsys.readouterr().out.splitlines()
    assert "PostgreSQL: not run, for TEST_POSTGRESQL_URL is not set" in said
    assert "MariaDB: not run, for TEST_MARIADB_URL is not set" in said
    assert said[-1] == "SQLite: 7 passed, 1 skipped"


def test_tests_run_on_every_available_database(launcher, environment, monkeypatch, capsys):
    monkeypatch.setenv("TEST_POSTGRESQL_URL", "postgresql://x")
    monkeypatch.setenv("TEST_MARIADB_URL", "mysql://x")
    assert launcher.main(["tests", "--all"]) == 0
    assert environment.provided_for == [("tests", ["postgres", "mysql"])]
    assert [variables["DATABASE_URL"].partition(":")[0] for _, variables in environment.ran] == [
        "postgresql",
        "mysql",
        "sqlite",
    ]
    said = capsys.readouterr().out
    assert "not run" not in said
    assert "said on postgresql://x" in said


def test_failure_on_one_database_fails_the_run(launcher, environment, monkeypatch, capsys):
    monkeypatch.setenv("TEST_POSTGRESQL_URL", "postgresql://x")
    environment.failing_url = "postgresql://x"
    assert launcher.main(["tests", "--all"]) == 1
    assert "PostgreSQL: 6 passed, 1 failed, 1 skipped (exit code 1)" in capsys.readouterr().out


def test_killed_test_run_fails_the_run(launcher, environment):
    environment.failing_url, environment.failing_code = launcher.url_of(None), -9
    assert launcher.main(["tests", "--all"]) != 0


def test_missing_database_is_a_failure_if_all_are_required(launcher, environment, monkeypatch):
    monkeypatch.setenv("STOCKHUB_TESTS_REQUIRE_ALL", "1")
    assert launcher.main(["tests", "--all"]) == 1


def test_coverage_is_combined_over_the_databases(launcher, environment, monkeypatch):
    monkeypatch.setenv("STOCKHUB_TESTS_COVERAGE", "1")
    assert launcher.main(["tests", "--all"]) == 0
    assert [arguments[1:3] for arguments, _ in environment.ran] == [
        ("coverage", "erase"),
        ("coverage", "run"),
        ("coverage", "combine"),
        ("coverage", "report"),
    ]


def test_quick_tests_run_on_sqlite_only(launcher, environment, monkeypatch):
    monkeypatch.setenv("TEST_POSTGRESQL_URL", "postgresql://x")
    assert launcher.main(["tests", "-k", "order"]) == 0
    ((arguments, variables),) = environment.ran
    assert arguments == ("-m", "pytest", *launcher.QUICK, *launcher.PARALLEL, "-k", "order")
    assert variables["DATABASE_URL"].startswith("sqlite:///")


def test_check_runs_lint_types_and_the_quick_tests(launcher, environment):
    assert launcher.main(["check"]) == 0
    assert [arguments[1:3] for arguments, _ in environment.ran] == [
        ("ruff", "check"),
        ("ruff", "format"),
        ("bandit", "--quiet"),
        ("mypy",),
        ("pytest", "-m"),
    ]


def test_stopped_drill_continues_with_the_failed_step(launcher, environment, monkeypatch, capsys):
    monkeypatch.setitem(launcher.DRILLS, "chaos", ("", None, [("first",), ("second",), ("third",)]))
    codes = iter([0, 3, 0, 0])
    monkeypatch.setattr(environment, "run", lambda self, *step, **_: steps.append(step[0]) or next(codes))
    steps = []
    assert launcher.main(["drills", "chaos"]) == 3
    assert steps == ["first", "second"]
    assert launcher.main(["drills", "chaos"]) == 0
    assert steps == ["first", "second", "second", "third"]
    launcher.main(["drills"])
    assert capsys.readouterr().out.count("passed") > 1


def test_audit_drill_has_the_tool_and_reports_its_failure(launcher, environment, capsys):
    environment.failing_url, environment.failing_code = launcher.url_of(None), 2
    assert launcher.main(["drills", "audit"]) == 2
    assert [group for group, _ in environment.provided_for] == ["tests", "audit"]
    assert (FILE.parent / environment.ran[0][0][0]).is_file()
    assert "failed with exit code 2" in capsys.readouterr().out


def package(name, *ids, **more):
    return {"name": name, "version": "1.0", "vulns": [{"id": each, "fix_versions": ["1.1"]} for each in ids], **more}


def skipped(name):
    return {"name": name, "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([package("a"), package("b"), skipped("django-stockhub-webhooks")], 0, "2 packages audited, 0 known"),
        ([package("a", "CVE-1"), package("b")], 1, "a 1.0: CVE-1, mended in 1.1"),
        ([package("a", "CVE-1"), skipped("b")], 1, "Not audited, since the service knows nothing of them: b."),
        ([package("a"), skipped("b")], 2, "Not audited, since the service knows nothing of them: b."),
        ([skipped("a"), skipped("b")], 2, "can't be reached"),
        ([], 2, "can't be reached"),
        (None, 2, "can't be reached"),
    ],
)
def test_audit_is_clean_only_if_every_package_was_audited(packages, code, said):
    output = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    found, lines = judge(output, "Traceback\nConnectionError: refused")
    assert found == code
    assert said in "\n".join(lines)


@pytest.mark.parametrize("name", ["unknown", "kills"])
def test_drill_that_cannot_run_is_a_failure(launcher, environment, name):
    with pytest.raises(SystemExit, match="1"):
        launcher.main(["drills", name])
    assert environment.ran == []


@pytest.mark.parametrize(("command", "group"), [("office", "demo"), ("screenshots", "tests")])
def test_programs_of_the_example_run_with_what_they_need(launcher, environment, command, group):
    assert launcher.main([command]) == 0
    assert environment.provided_for[-1][0] == group
    assert Path(environment.ran[-1][0][0]).name == f"{command}.py"
    assert Path(environment.ran[-1][0][0]).is_file()


def test_missing_wheel_is_reported(launcher, environment, tmp_path):
    with pytest.raises(SystemExit, match="1"):
        launcher.main(["demo", "--wheel", str(tmp_path / "missing.whl")])


def test_environment_is_created_again_if_the_project_changes(launcher, monkeypatch, tmp_path):
    made = []
    environment = launcher.Environment(tmp_path / "venv")

    def make():
        made.append("make")
        environment.python.parent.mkdir(parents=True, exist_ok=True)
        environment.python.touch()

    monkeypatch.setattr(environment, "make", make)
    monkeypatch.setattr(environment, "install", lambda *arguments: made.append(arguments))
    environment.provide("demo")
    environment.provide("demo")
    assert made == ["make", ("--editable", ".", "--group", "demo")]
    environment.provide("tests", ["postgres"])
    assert made[2:] == [("--editable", ".[postgres]", "--group", "tests")]
    monkeypatch.setattr(environment, "digest", lambda: "another")
    environment.provide("demo")
    assert made[3:] == ["make", ("--editable", ".", "--group", "demo")]
