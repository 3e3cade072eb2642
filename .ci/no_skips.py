"""Pytest plugin for CI: fail a run that skips a test, and add the counts of each run to a file."""

import os
from pathlib import Path

import pytest

# taken out of the environment, so that a test that starts pytest itself is not counted twice
TOTALS = os.environ.pop("CI_TOTALS", "")


def pytest_report_header():
    """Return a line for the top of each run."""
    return "skipped tests fail this run"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """Write "passed failed" to the file of totals, and fail the run if tests were skipped."""
    if hasattr(session.config, "workerinput"):  # a process of pytest-xdist; its numbers arrive at the first one
        return
    stats = session.config.pluginmanager.get_plugin("terminalreporter").stats
    counts = {name: len(stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")}
    if counts["skipped"] and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if TOTALS:
        failed = counts["failed"] + counts["error"] + counts["skipped"]
        with Path(TOTALS).open("a") as file:
            file.write(f"{counts['passed']} {failed}\n")


def pytest_terminal_summary(terminalreporter):
    """Print why the run fails, since pytest shows skips without a fault."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.section("skipped tests", red=True, bold=True)
        terminalreporter.line(f"{skipped} skipped: in CI each test has to run; mark it for its database instead.")
