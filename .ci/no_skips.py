"""A pytest plugin for CI: a skipped test is a failed one, and each run's numbers are added to a file."""

import os
from pathlib import Path

import pytest

# taken out of the environment, so that a test that starts pytest itself is not counted twice
TOTALS = os.environ.pop("CI_TOTALS", "")


def pytest_report_header():
    """Say so at the top of each run."""
    return "skipped tests fail this run"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """Write "passed failed" to the file of totals, and turn skips into a fault of the run."""
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
    """Name the fault, as pytest shows skips without blame."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.section("skipped tests", red=True, bold=True)
        terminalreporter.line(f"{skipped} skipped: in CI each test has to run; mark it for its database instead.")
