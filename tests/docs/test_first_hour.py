"""The tutorial and the README's installation, word by word, in a new project; then the app is uninstalled."""

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time

import pytest

from tests.docs import pages
from tests.processes import free_port

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.sqlite]

# what the test's own environment has already, or what would not be this checkout
LEFT_OUT = (
    "git clone",
    "pip ",
    "python3 -m venv",
    "python3 run.py",
    "mkdir first-shop",
    "cd first-shop",
)
# a message by hand, so that there is something to leave behind
BODY = "from stockhub_webhooks.testing import payload; import json; print(json.dumps(payload('order')))"
MESSAGE = (f'python -c "{BODY}" > order.json', "python manage.py stockhub_ingest order.json")
TERMINAL = "set -a && . ./.env && set +a"


class Project:
    """An empty directory, a terminal in it, and a person who does what a page says."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.servers = []
        # `python` is the interpreter of the tests, and imports this checkout
        programs = folder / "programs"
        programs.mkdir()
        for name, call in (("python", ""), ("django-admin", " -m django")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{call} "$@"\n')
            program.chmod(0o755)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "PYTEST_", "DATABASE_URL", "STOCKHUB_"))
        }
        self.environment |= {
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
            "PYTHONPATH": str(pages.ROOT),
            "PYTHONWARNINGS": "error",
        }

    def run(self, script):
        """Run lines of the shell; return what they print."""
        script = script.replace(":8000", f":{self.port}")
        if (self.folder / ".env").exists():
            script = f"{TERMINAL}\n{script}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def write(self, block):
        """Write a block into its file: at its end, or instead of its last line."""
        file = self.folder / block.file
        code = block.code.partition("\n")[2]
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if "instead of the last line" in block.code:
            before = before.rstrip().rpartition("\n")[0] + "\n"
        file.write_text(before + code, encoding="utf-8")

    def serve(self):
        """Start the development server, and wait until it listens."""
        arguments = ["python", "manage.py", "runserver", str(self.port), "--noreload"]
        script = f"{TERMINAL}\nexec {shlex.join(arguments)}"
        self.servers.append(
            subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        raise AssertionError("the server does not listen")

    def stop(self):
        """Stop the servers."""
        for server in self.servers:
            server.terminate()
            server.wait(30)
        self.servers = []

    def restart(self):
        """Do what the autoreload of the server does after a file was changed."""
        if self.servers:
            self.stop()
            self.serve()

    def follow(self, page):
        """Do what the blocks of a page say, one after the other; compare what is printed."""
        printed = ""
        for block in pages.blocks(page):
            if block.language == "python":
                self.write(block)
                self.restart()
            elif block.language == "text":
                assert matches(block.code, printed), f"{block}\n{block.code}\nbut it is\n{printed}"
            elif "runserver" in block.code:
                self.serve()
            elif block.language == "sh":
                printed = self.run("\n".join(kept(block.code)))


def kept(code):
    """Return the lines of a block that a test can run."""
    lines = [line for line in code.splitlines() if not line.startswith("#")]
    lines = [line for line in lines if not line.startswith(LEFT_OUT)]
    return [line.replace("curl ", "curl --silent --show-error --write-out '\\n' ") for line in lines]


def matches(shown, printed):
    """Return True if the lines were printed; "…" stands for anything."""
    lines = [re.escape(line.strip()).replace("…", ".*") for line in shown.strip().splitlines()]
    text = "\n".join(line.strip() for line in printed.strip().splitlines())
    return re.fullmatch("\n".join(lines), text, re.DOTALL) is not None


@pytest.fixture
def project(tmp_path):
    one = Project(tmp_path)
    yield one
    one.stop()


def test_the_tutorial_is_what_happens(project):
    project.follow(pages.ROOT / "docs" / "tutorial.md")
    shown = project.run("python manage.py stockhub_status || true")
    assert "orders.follow_status" not in shown


def test_the_installation_of_the_readme_works_and_leaves_nothing_behind(project):
    project.run("django-admin startproject shop . && python manage.py startapp orders")
    settings = project.folder / "shop" / "settings.py"
    addresses = project.folder / "shop" / "urls.py"
    settings.write_text(settings.read_text() + 'INSTALLED_APPS += ["orders"]\n')
    before = settings.read_text(), addresses.read_text()
    (model,) = [
        block for block in pages.blocks(pages.ROOT / "docs" / "tutorial.md") if block.file == "orders/models.py"
    ]
    project.write(model)
    project.run("python manage.py makemigrations orders && python manage.py migrate")
    empty = traces(project)
    project.follow(pages.ROOT / "README.md")
    assert "OK" in project.run("python manage.py test orders")
    project.run("python manage.py stockhub_groups")
    project.run("\n".join(MESSAGE))
    assert traces(project) != empty

    uninstall = pages.blocks(pages.ROOT / "docs" / "guides" / "uninstall.md")
    export, first, last = [block for block in uninstall if block.language == "sh"]
    project.run("\n".join(kept(export.code)))
    assert (project.folder / "stockhub.json").stat().st_size > 2
    project.run("\n".join(kept(first.code)))
    settings.write_text(before[0])
    addresses.write_text(before[1])
    (project.folder / "orders" / "stockhub_receivers.py").unlink()
    project.run("\n".join(kept(last.code)))
    assert traces(project) == empty


def traces(project):
    """Return the tables of the database, and the rows of Django's own that name an app."""
    code = (
        "from django.db import connection\n"
        "from django.contrib.auth.models import Group, Permission\n"
        "from django.contrib.contenttypes.models import ContentType\n"
        "from django.db.migrations.recorder import MigrationRecorder\n"
        "print(sorted(connection.introspection.table_names()))\n"
        "print(sorted(Group.objects.values_list('name', flat=True)))\n"
        "print(sorted(ContentType.objects.values_list('app_label', 'model')))\n"
        "print(sorted(Permission.objects.values_list('content_type__app_label', 'codename')))\n"
        "print(sorted(MigrationRecorder(connection).applied_migrations()))\n"
    )
    return project.run(f"python manage.py shell --verbosity 0 -c {shlex.quote(code)}")
