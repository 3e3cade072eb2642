#!/usr/bin/env python3
"""Sets up what is needed, and runs the demo or the tests. Needs Python 3.10 or newer, and pip's access.

    python3 run.py demo                 the life of an order, over real HTTP, in a scratch shop
    python3 run.py demo --wheel FILE    the same with a built wheel instead of this checkout
    python3 run.py office               a filled shop's admin, to look at until Ctrl-C
    python3 run.py screenshots          the pictures of the documentation, of that shop, in Chromium
    python3 run.py tests [ARGUMENTS]    the tests, once for each database; ARGUMENTS go to pytest

Everything is made in `.run/` beside this file. The tests always run on SQLite; on PostgreSQL and MariaDB where
TEST_POSTGRESQL_URL and TEST_MARIADB_URL say where they are. STOCKHUB_TESTS_REQUIRE_ALL=1 makes a missing one a
failure, STOCKHUB_TESTS_COVERAGE=1 measures the coverage of all runs together.
"""
# Only the standard library, and no syntax that an older Python cannot read: it must live to say what is missing.

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent
RUN = ROOT / ".run"
OLDEST_PYTHON = (3, 10)
OLDEST_PIP = "pip>=25.1"  # the first that installs dependency groups
# Name, the variable that says where it is, and the extra that brings its driver.
DATABASES = (
    ("PostgreSQL", "TEST_POSTGRESQL_URL", "postgres"),
    ("MariaDB", "TEST_MARIADB_URL", "mysql"),
    ("SQLite", None, None),
)
# What a shell may have set for another project, or for pip, and what would lead astray here.
FOREIGN = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "ENV_FILE", "PIP_USER", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def main(arguments):
    """Run one command; its exit code."""
    missing = what_is_missing()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    if arguments[:1] == ["tests"]:
        return tests(arguments[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo").add_argument("--wheel", metavar="FILE", type=Path)
    commands.add_parser("office")
    commands.add_parser("screenshots")
    commands.add_parser("tests")
    options = parser.parse_args(arguments)
    return demo(options.wheel) if options.command == "demo" else example(options.command)


def what_is_missing():
    """A sentence on what must be installed first, "" where nothing is."""
    version = "{}.{}".format(*sys.version_info[:2])
    if tuple(sys.version_info[:2]) < OLDEST_PYTHON:
        oldest = "{}.{}".format(*OLDEST_PYTHON)
        return f"This is Python {version}, and {oldest} or newer is needed: run it as in `python{oldest} run.py demo`."
    if not all(map(importlib.util.find_spec, ("ensurepip", "venv"))):
        package = f"python{version}-venv"
        return (
            f"This Python cannot make virtual environments, for it lacks `ensurepip`: install the package {package} "
            f"(on Debian and Ubuntu: `sudo apt install {package}`) and run this again."
        )
    return ""


# ---------------------------------------------------------------- the commands


def demo(wheel):
    """The demo, with this checkout or with a built wheel; its exit code."""
    if wheel is None:
        environment = Environment(RUN / "venv")
        environment.provide("demo")
    else:
        environment = Environment(RUN / "wheel-venv")
        environment.provide_wheel(wheel.resolve())
    say("running the demo")
    return environment.run(ROOT / "example_project" / "demo.py")


def example(command):
    """A program of the example project; its exit code."""
    environment = Environment(RUN / "venv")
    environment.provide("tests" if command == "screenshots" else "demo")
    return environment.run(ROOT / "example_project" / f"{command}.py")


def tests(arguments):
    """The tests, once for each database that is there; 0 where all runs passed."""
    chosen = [(name, url_of(variable), extra) for name, variable, extra in DATABASES if url_of(variable)]
    missing = [(name, variable) for name, variable, extra in DATABASES if not url_of(variable)]
    environment = Environment(RUN / "venv")
    environment.provide("tests", extras=[extra for name, url, extra in chosen if extra])
    measured = os.environ.get("STOCKHUB_TESTS_COVERAGE") == "1"
    if measured:
        environment.run("-m", "coverage", "erase")
    results = run_tests(environment, [(name, url) for name, url, extra in chosen], arguments, measured)
    code = next((code for code, line in results if code), 0)
    if measured:
        code = coverage(environment) or code
    print()
    for name, variable in missing:
        print(f"{name}: not run, for {variable} is not set")
        if os.environ.get("STOCKHUB_TESTS_REQUIRE_ALL") == "1":
            code = code or 1
    print(*[line for code, line in results], sep="\n")
    return code


def run_tests(environment, databases, arguments, measured):
    """Test on all databases at the same time, for a run waits a lot: of each its exit code, and how it went.

    Where there are several, what each says is shown when it has ended.
    """
    measuring = ["-m", "coverage", "run", "-m", "pytest"]
    variables = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    if len(databases) == len(DATABASES):
        variables["STOCKHUB_TESTS_SHARED"] = "1"  # what takes long and does the same on each runs on one of them
    say(f"testing on {', '.join(name for name, url in databases)}")
    runs = []
    try:
        for name, url in databases:
            report, log = (RUN / f"tests-{name.lower()}.{suffix}" for suffix in ("xml", "log"))
            if report.exists():
                report.unlink()
            output = log.open("w") if len(databases) > 1 else None
            runner = measuring if measured else ["-m", "pytest"]
            command = [*runner, f"--junit-xml={report}", *arguments]
            process = environment.start(*command, output=output, DATABASE_URL=url, **variables)
            runs.append((name, process, report, log))
        return [ended(*run, show=len(databases) > 1) for run in runs]
    finally:  # also when we are stopped: what we started has things of its own to stop
        for run in runs:
            stop(run[1])


def ended(name, process, report, log, show):
    """Wait for one run, and show what it said."""
    code = process.wait()
    if show:
        say(f"tested on {name}")
        print(log.read_text(errors="replace"), flush=True)
    return code, f"{name}: {counted(report)}" + (f" (exit code {code})" if code else "")


def stop(process):
    """End a process that is still there."""
    if process.poll() is None:
        process.terminate()
        process.wait()


def counted(report):
    """How many tests passed, failed and were skipped, by pytest's report."""
    if not report.exists():
        return "no report"
    suites = list(ElementTree.parse(str(report)).getroot().iter("testsuite"))
    total, failed, broken, skipped = (
        sum(int(suite.get(what, 0)) for suite in suites) for what in ("tests", "failures", "errors", "skipped")
    )
    numbers = {"passed": total - failed - broken - skipped, "failed": failed, "errors": broken, "skipped": skipped}
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number or what == "passed")


def coverage(environment):
    """Combine and show what all runs covered; not 0 where it is less than pyproject.toml asks for."""
    say("coverage of all runs")
    return environment.run("-m", "coverage", "combine", "--quiet") or environment.run("-m", "coverage", "report")


def url_of(variable):
    """Where a database is, as django-environ reads it; None where nobody said."""
    if variable:
        return os.environ.get(variable)
    return "sqlite:///" + quote_plus(str(RUN / "tests.sqlite3"), safe="/")


# ---------------------------------------------------------------- the virtual environment


class Environment:
    """A virtual environment that is made when it is needed, and kept while pyproject.toml stays as it is."""

    def __init__(self, place):
        self.place = place
        self.python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.record = place / "provided.json"

    def provide(self, group, extras=()):
        """This checkout, editable, with a dependency group and extras of pyproject.toml."""
        wanted = {f"group {group}"} | {f"extra {extra}" for extra in extras}
        there = self.provided()
        if there is None:
            self.make()
            there = set()
        if wanted <= there:
            return
        say(f"installing this project for the {group}")
        project = ".[{}]".format(",".join(extras)) if extras else "."
        self.install("--editable", project, "--group", group)
        self.record.write_text(json.dumps({"for": self.digest(), "provided": sorted(wanted | there)}))

    def provide_wheel(self, wheel):
        """A built wheel with what the demo needs, always anew."""
        if not wheel.is_file():
            fail(f"There is no wheel {wheel}.")
        self.make()
        say(f"installing {wheel.name} for the demo")
        self.install(wheel, "--group", "demo")
        place = subprocess.check_output(
            [str(self.python), "-c", "import stockhub_webhooks as app; print(app.__file__)"],
            cwd=str(RUN),
            env=clean_environment(),
            universal_newlines=True,
        )
        if self.place.resolve() not in Path(place.strip()).resolve().parents:
            fail(f"The demo would not run with the wheel, but with {place.strip()}.")

    def provided(self):
        """What is installed, None where there is no environment or it was made for something else."""
        try:
            record = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        return set(record["provided"]) if record.get("for") == self.digest() and self.python.exists() else None

    def digest(self):
        """Changes with pyproject.toml, with the Python, and with the place of this checkout."""
        parts = (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def make(self):
        """An empty environment, with a pip that knows dependency groups."""
        say(f"making a virtual environment in {self.place.relative_to(ROOT)} with Python {sys.version.split()[0]}")
        if self.place.exists():
            shutil.rmtree(str(self.place))
        made = subprocess.call([sys.executable, "-m", "venv", str(self.place)], env=clean_environment())
        if made != 0:
            fail("Python could not make a virtual environment, see above.")
        self.install("--upgrade", OLDEST_PIP)

    def install(self, *arguments):
        """`pip install`, quietly."""
        if self.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments) != 0:
            fail("pip could not install what is needed, see above. Is the package index within reach?")

    def run(self, *arguments, **variables):
        """Run this environment's Python in the root of the checkout; its exit code."""
        process = self.start(*arguments, **variables)
        try:
            return process.wait()
        finally:  # also when we are stopped: what we started has things of its own to stop
            stop(process)

    def start(self, *arguments, output=None, **variables):
        """Begin to; what it says goes into the file `output`, where there is one."""
        command = [str(self.python), *map(str, arguments)]
        environment = dict(clean_environment(), **variables)
        return subprocess.Popen(command, cwd=str(ROOT), env=environment, stdout=output, stderr=output)


def clean_environment():
    """The shell's variables without those that are meant for another project."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def say(what):
    """A line on what goes on."""
    print(f"== {what}", flush=True)


def fail(why):
    """End with a sentence."""
    print(why, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
