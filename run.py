#!/usr/bin/env python3
"""Set up what is needed, then run the demo or the tests. Needs Python 3.10 or newer and access to a package index.

    python3 run.py demo                 the life of an order, over real HTTP, in a scratch shop
    python3 run.py demo --wheel FILE    the same with a built wheel instead of this checkout
    python3 run.py office               a filled shop's admin, to look at until Ctrl-C
    python3 run.py screenshots          the pictures of the documentation, of that shop, in Chromium
    python3 run.py tests [ARGUMENTS]    the quick tests, on SQLite; ARGUMENTS go to pytest
    python3 run.py tests --all [ARGUMENTS]    all tests, on every database that is there
    python3 run.py check                lint, bandit, types and the quick tests: run it before a commit
    python3 run.py drills [NAME]        one long drill; without NAME: the drills and their last results

Everything is made in `.run/` beside this file. `tests --all` runs on SQLite, and also on PostgreSQL and MariaDB if
TEST_POSTGRESQL_URL and TEST_MARIADB_URL hold their addresses. STOCKHUB_TESTS_REQUIRE_ALL=1 makes a missing one a
failure; STOCKHUB_TESTS_COVERAGE=1 measures the coverage of all runs together. TEST_SQLITE_PYTHON and the like name the
Python of an environment, such as one of tox, in which that database is tested instead of `.run/venv`.
"""
# Only the standard library, and only syntax that an older Python can parse: this file must run to name what is missing.

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
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
# Measuring slows a run down, so what PostgreSQL alone does is measured nowhere.
MEASURED = ("SQLite", "MariaDB")
# SQLite has most of the tests: a process for those with servers, and one for the others.
BY_GROUP = ("-n", "2", "--dist", "loadgroup")
# What the quick tests leave to `tests --all`.
QUICK = ("-m", "quick or not (server or browser or slow)")
FEW_EXAMPLES = {"HYPOTHESIS_PROFILE": "few"}
QUICK_MINUTES = "less than 5 minutes on two cores"
# A process for each core; each takes tests from the others when it has none left. `-n0` among the arguments undoes it.
PARALLEL = ("-n", "logical", "--maxprocesses", "8", "--dist", "worksteal")
# Name of a drill, what it shows, the variable of the database that it needs (None: SQLite), and its steps: arguments of
# Python. After an interruption the next call begins with the step that was not finished.
PYTEST = ("-m", "pytest", "-q")
DRILLS = {
    "chaos": (
        "broken requests for ten minutes, faults that are put into the app, then faults of every sort under load",
        None,
        [
            (*PYTEST, "tests/security/fuzz"),
            (*PYTEST, "tests/kills"),
            ("benchmarks/faults.py", "--seconds", "600"),
        ],
    ),
    "fuzz": (
        "variations of the documented bodies for ten minutes: nothing is lost, no other document changes",
        None,
        [(*PYTEST, "-s", "tests/drills/fuzz")] * 10,
    ),
    "kills": (
        "processes and PostgreSQL servers killed under load, then at thousands of points on each database",
        "TEST_POSTGRESQL_URL",
        [
            (*PYTEST, "tests/outages/test_crashes.py"),
            (*PYTEST, "tests/processing/test_concurrency.py"),
            ("-m", "tests.drills.kills"),
        ],
    ),
    "speed": (
        "each row of the benchmark once, in short",
        "TEST_POSTGRESQL_URL",
        [(*PYTEST, "--timeout=900", "tests/drills/speed")],
    ),
    "growth": (
        "the plans of the statements on a million messages",
        "TEST_POSTGRESQL_URL",
        [(*PYTEST, "--timeout=3000", "tests/db/test_query_plans.py")],
    ),
    "outage": (
        "databases that hang, refuse or are full, and the storms after them",
        "TEST_POSTGRESQL_URL",
        [
            (*PYTEST, "tests/outages", "--ignore=tests/outages/test_storms.py"),
            (*PYTEST, "tests/outages/test_storms.py"),
        ],
    ),
    "hosts": (
        "the app in the set-ups of other projects",
        "TEST_POSTGRESQL_URL",
        [
            (*PYTEST, "tests/hosts"),
            (*PYTEST, "tests/shops"),
            (
                "-m",
                "pip",
                "install",
                "--quiet",
                "uwsgi>=2.0.28,<3",
                "django-unfold<1",
                "django-jazzmin>=3,<4",
                "uvicorn<1",
                "django-silk>=5.6,<6",
                "django-cacheops>=7.2,<8",
            ),
            (*PYTEST, "tests/drills/hosts"),
        ],
    ),
    "deploy": (
        "former states of the code receive on the migrated schema of each database",
        "TEST_POSTGRESQL_URL",
        [("-m", "tests.drills.each_database", *PYTEST, "tests/drills/deploy")],
    ),
    "audit": ("known weaknesses of the packages that are installed", None, [("tests/drills/audit.py",)]),
    "endless": (
        "pages, answers and commands with an order of 10,000 lines, parcels, changes and messages: two seconds each",
        None,
        [(*PYTEST, "-s", "--timeout=1200", "tests/drills/endless")],
    ),
    "recover": (
        "every webhook of a day dropped for 1,000 orders: from the shop's numbers alone all come back, or are named",
        None,
        [(*PYTEST, "-s", "--timeout=3600", "tests/drills/recover")],
    ),
    "erasure": (
        "a person is erased everywhere; a million old messages are pruned while others come in",
        "TEST_POSTGRESQL_URL",
        [(*PYTEST, "tests/operations/privacy"), ("-m", "benchmarks.pruning", "1000000")],
    ),
    "flaky": (
        "the quick tests in random order, 20 times, on a busy disk",
        None,
        [(*PYTEST, *QUICK, *PARALLEL)] * 20,
    ),
}
DRILL_VARIABLES = {"STOCKHUB_DRILL": "1", "STOCKHUB_FUZZ_SECONDS": "600", "STOCKHUB_EXPLAIN_MESSAGES": "1000000"}
# Writes to the disk until it is ended.
BUSY_DISK = """
import os, sys
while os.getppid() == int(sys.argv[2]):
    with open(sys.argv[1], "wb") as file:
        file.write(os.urandom(65536))
        file.flush()
        os.fsync(file.fileno())
"""
# Variables that a shell may have set for another project or for pip, and that would mislead the commands here.
FOREIGN = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "ENV_FILE", "PIP_USER", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def main(arguments):
    """Run one command; return its exit code."""
    missing = what_is_missing()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the child processes, too
    if arguments[:1] == ["tests"] and {"-h", "--help"} & set(arguments):
        print(__doc__)  # rather than pytest's, for which everything would be installed first
        return 0
    if arguments[:2] == ["tests", "--all"]:
        return tests(arguments[2:])
    if arguments[:1] == ["tests"]:
        return quick_tests(arguments[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo").add_argument("--wheel", metavar="FILE", type=Path)
    commands.add_parser("office")
    commands.add_parser("screenshots")
    commands.add_parser("tests")
    commands.add_parser("check")
    commands.add_parser("drills").add_argument("name", nargs="?", metavar="NAME")
    options = parser.parse_args(arguments)
    if options.command == "check":
        return check()
    if options.command == "drills":
        return drills(options.name)
    return demo(options.wheel) if options.command == "demo" else example(options.command)


def what_is_missing():
    """Return a sentence that names what must be installed first, or "" if nothing is missing."""
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
    """Run the demo, with this checkout or with a built wheel; return its exit code."""
    if wheel is None:
        environment = Environment(RUN / "venv")
        environment.provide("demo")
    else:
        environment = Environment(RUN / "wheel-venv")
        environment.provide_wheel(wheel.resolve())
    say("running the demo")
    return environment.run(ROOT / "example_project" / "demo.py")


def example(command):
    """Run a program of the example project; return its exit code."""
    environment = Environment(RUN / "venv")
    environment.provide("tests" if command == "screenshots" else "demo")
    return environment.run(ROOT / "example_project" / f"{command}.py")


def quick_tests(arguments):
    """Run the quick tests on SQLite; return the exit code."""
    say(f"the quick tests on SQLite take {QUICK_MINUTES}; `run.py tests --all` runs the others, too")
    environment = Environment(RUN / "venv")
    environment.provide("tests")
    return environment.run("-m", "pytest", *QUICK, *PARALLEL, *arguments, DATABASE_URL=url_of(None), **FEW_EXAMPLES)


def check():
    """Run lint, bandit, types and the quick tests, all of them; return the first exit code that is not 0."""
    environment = Environment(RUN / "venv")
    environment.provide("tests")
    environment.provide("lint")
    bandit = ("bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", "stockhub_webhooks")
    steps = (("ruff", "check"), ("ruff", "format", "--check"), bandit, ("mypy",))
    codes = []
    for step in steps:
        say(" ".join(step))
        codes.append(environment.run("-m", *step))
    codes.append(quick_tests([]))
    return next((code for code in codes if code), 0)


def drills(name):
    """Run one drill from the step at which it stopped; without a name, list the drills with their last results."""
    results = RUN / "drills.json"
    known = json.loads(results.read_text()) if results.exists() else {}
    if name is None:
        for each, (purpose, _variable, _steps) in DRILLS.items():
            print(f"{each:<10}{purpose}; last result: {known.get(each, {}).get('result', 'none')}")
        return 0
    if name not in DRILLS:
        fail(f"There is no drill {name}. The drills are {', '.join(DRILLS)}.")
    purpose, variable, steps = DRILLS[name]
    files = [part for step in steps for part in step if part.startswith(("tests/", "benchmarks/"))]
    if not steps or not all((ROOT / file).exists() for file in files):
        fail(f"The drill {name} has no tests yet.")
    if not url_of(variable):
        fail(f"The drill {name} needs a database: set {variable}.")
    environment = Environment(RUN / "venv")
    drivers = [extra for _name, other, extra in DATABASES if extra and url_of(other)]
    environment.provide("tests", extras=drivers if variable else [])
    if name == "audit":
        environment.provide("audit")
    state = known.setdefault(name, {})
    code_now = version_of_the_code()
    if state.get("code") != code_now:
        state.update(passed=0, code=code_now)  # what passed was other code
    say(f"{name}: {purpose}; last result: {state.get('result', 'none')}")
    passed = state.get("passed", 0)
    code = 0
    busy, variables = None, DRILL_VARIABLES
    if name == "flaky":
        arguments = ["-c", BUSY_DISK, str(RUN / "busy"), str(os.getpid())]
        busy, variables = environment.start(*arguments), FEW_EXAMPLES  # rather than the tests of the drills
    try:
        for number, step in enumerate(steps[passed:], passed + 1):
            say(f"step {number} of {len(steps)}")
            code = environment.run(*step, DATABASE_URL=url_of(variable), **variables)
            day = time.strftime("%Y-%m-%d %H:%M")
            outcome = f"failed with exit code {code}" if code else "passed"
            done = not code and number == len(steps)
            result = f"{day}, {code_now}, step {number} of {len(steps)} {outcome}"
            state.update(passed=0 if done else number - bool(code), result=result)
            results.write_text(json.dumps(known, indent=2))
            if code:
                break
    finally:
        if busy:
            stop(busy)
    print(f"{name}: {state.get('result', 'none')}")
    return code


def version_of_the_code():
    """Return the commit, and a digest of the changes that are not committed; "" outside of a repository."""
    try:
        ask = {"cwd": str(ROOT), "stderr": subprocess.DEVNULL}
        commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], **ask).decode().strip()
        changes = subprocess.check_output(["git", "diff", "HEAD"], **ask)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{commit}+{hashlib.sha256(changes).hexdigest()[:8]}" if changes else commit


def tests(arguments):
    """Run all tests, once for each database that is there; return 0 if all runs passed."""
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
    """Test on all databases at the same time; return an exit code and a line of counts for each.

    The runs overlap because each waits a lot. The output of each of several runs is shown when it has ended.
    """
    measuring = ["-m", "coverage", "run", "-m", "pytest"]
    variables = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    if len(databases) == len(DATABASES):
        variables["STOCKHUB_TESTS_SHARED"] = "1"  # a slow test that no database changes runs on one
    say(f"testing on {', '.join(name for name, url in databases)}")
    runs = []
    try:
        for name, url in databases:
            report, log = (RUN / f"tests-{name.lower()}.{suffix}" for suffix in ("xml", "log"))
            if report.exists():
                report.unlink()
            output = log.open("w") if len(databases) > 1 else None
            runner = measuring if measured and (name in MEASURED or len(databases) == 1) else ["-m", "pytest"]
            by_group = BY_GROUP if name == "SQLite" else ()
            command = [*runner, f"--junit-xml={report}", *by_group, *arguments]
            examples = FEW_EXAMPLES if name != "SQLite" and len(databases) > 1 else {}
            python = os.environ.get(f"TEST_{name.upper()}_PYTHON")
            own = Environment(Path(python).parent.parent) if python else environment
            process = own.start(*command, output=output, DATABASE_URL=url, **variables, **examples)
            runs.append((name, process, report, log))
        return [ended(*run, show=len(databases) > 1) for run in runs]
    finally:  # also after an interruption: the child has servers of its own to stop
        for run in runs:
            stop(run[1])


def ended(name, process, report, log, show):
    """Wait for one run and show its output."""
    code = process.wait()
    if show:
        say(f"tested on {name}")
        print(log.read_text(errors="replace"), flush=True)
    return code, f"{name}: {counted(report)}" + (f" (exit code {code})" if code else "")


def stop(process):
    """Terminate a process if it still runs."""
    if process.poll() is None:
        process.terminate()
        process.wait()


def counted(report):
    """Return how many tests passed, failed and were skipped, according to pytest's report."""
    if not report.exists():
        return "no report"
    suites = list(ElementTree.parse(str(report)).getroot().iter("testsuite"))
    total, failed, broken, skipped = (
        sum(int(suite.get(what, 0)) for suite in suites) for what in ("tests", "failures", "errors", "skipped")
    )
    numbers = {"passed": total - failed - broken - skipped, "failed": failed, "errors": broken, "skipped": skipped}
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number or what == "passed")


def coverage(environment):
    """Combine and show the coverage of all runs; return 0 unless it is below the minimum of pyproject.toml."""
    say("coverage of all runs")
    return environment.run("-m", "coverage", "combine", "--quiet") or environment.run("-m", "coverage", "report")


def url_of(variable):
    """Return a database's URL in django-environ's form, or None if the variable is not set."""
    if variable:
        return os.environ.get(variable)
    return "sqlite:///" + quote_plus(str(RUN / "tests.sqlite3"), safe="/")


# ---------------------------------------------------------------- the virtual environment


class Environment:
    """Virtual environment that is made on first use and kept until pyproject.toml changes."""

    def __init__(self, place):
        self.place = place
        self.python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.record = place / "provided.json"

    def provide(self, group, extras=()):
        """Install this checkout, editable, with a dependency group and extras of pyproject.toml."""
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
        """Make the environment anew and install a built wheel with the demo's dependencies."""
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
        """Return what is installed, or None if there is no environment or the project has changed."""
        try:
            record = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        return set(record["provided"]) if record.get("for") == self.digest() and self.python.exists() else None

    def digest(self):
        """Return a digest of pyproject.toml, the Python version and the checkout's path."""
        parts = (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def make(self):
        """Make an empty environment with a pip that supports dependency groups."""
        say(f"making a virtual environment in {self.place.relative_to(ROOT)} with Python {sys.version.split()[0]}")
        if self.place.exists():
            shutil.rmtree(str(self.place))
        made = subprocess.call([sys.executable, "-m", "venv", str(self.place)], env=clean_environment())
        if made != 0:
            fail("Python could not make a virtual environment, see above.")
        self.install("--upgrade", OLDEST_PIP)

    def install(self, *arguments):
        """Run `pip install`; end the program if it fails."""
        if self.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments) != 0:
            fail("pip could not install what is needed, see above. Is the package index within reach?")

    def run(self, *arguments, **variables):
        """Run this environment's Python in the root of the checkout; return its exit code."""
        process = self.start(*arguments, **variables)
        try:
            return process.wait()
        finally:  # also after an interruption: the child has servers of its own to stop
            stop(process)

    def start(self, *arguments, output=None, **variables):
        """Start this environment's Python; its output goes to the file `output`, if given."""
        command = [str(self.python), *map(str, arguments)]
        environment = dict(clean_environment(), **variables)
        return subprocess.Popen(command, cwd=str(ROOT), env=environment, stdout=output, stderr=output)


def clean_environment():
    """Return the shell's variables without those that are meant for another project."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def say(what):
    """Print a line of progress."""
    print(f"== {what}", flush=True)


def fail(why):
    """End the program with an error text."""
    print(why, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
