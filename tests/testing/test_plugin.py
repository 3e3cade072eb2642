"""The pytest plugin in another project: found by pytest, harmless without Django."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.test_packaging import PYPROJECT

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "stockhub_webhooks", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STOCKHUB_WEBHOOKS = {"API_KEYS": "the-key-of-a-stranger-0123456789"}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("hooks/", include("stockhub_webhooks.urls"))]
"""
RECEIVERS = """
from django.dispatch import receiver
from stockhub_webhooks.signals import shipment_delivered

@receiver(shipment_delivered, dispatch_uid="shop.mark_delivered")
def mark_delivered(sender, *, order, **kwargs):
    print("DELIVERED", order.po_number)
    if order.po_number == "BROKEN":
        raise ValueError("a fault of the shop")
"""
TEST = """
def test_a_parcel_is_delivered(stockhub, capsys):
    stockhub.deliver("shipment", status="DELIVERED", po_number="SHOP-1")
    stockhub.run_pending()
    assert capsys.readouterr().out == "DELIVERED SHOP-1\\n"

def test_a_fault_is_seen(stockhub):
    stockhub.deliver("shipment", status="DELIVERED", po_number="BROKEN")
    stockhub.run_pending()
"""


def run_pytest(folder, *arguments, **files):
    """Run pytest in a new project with the plugin; return the exit code and the output."""
    (folder / "shop").mkdir()
    for name, text in {"shop/__init__.py": "", **{f"{n.replace('__', '/')}.py": t for n, t in files.items()}}.items():
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    metadata = folder / "fake-1.dist-info"  # as an installed package names its plugin
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1\n")
    points = PYPROJECT["project"]["entry-points"]["pytest11"]
    (metadata / "entry_points.txt").write_text("".join(["[pytest11]\n", *(f"{k} = {v}\n" for k, v in points.items())]))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_entry_point_names_the_plugin():
    (module,) = PYPROJECT["project"]["entry-points"]["pytest11"].values()
    assert import_module(module).stockhub


def test_fixture_works_in_another_project_and_shows_failures(tmp_path):
    files = {"settings": SETTINGS, "urls": URLS, "shop__stockhub_receivers": RECEIVERS, "test_shop": TEST}
    code, said = run_pytest(tmp_path, "--ds=settings", **files)
    assert code == 1, said
    assert "1 failed, 1 passed" in said
    assert "ValueError: a fault of the shop" in said
    assert "FAILED test_shop.py::test_a_fault_is_seen" in said


@pytest.mark.parametrize("arguments", [(), ("-p", "no:django"), ("-p", "no:stockhub")])
def test_project_without_django_is_not_disturbed(tmp_path, arguments):
    test = "import sys\ndef test_it():\n    assert 'stockhub_webhooks.models' not in sys.modules\n"
    code, said = run_pytest(tmp_path, *arguments, test_nothing=test)
    assert code == 0, said


ROUTER = """
class Router:
    def db_for_write(self, model, **hints):
        return "hub" if model._meta.app_label == "stockhub_webhooks" else None

    db_for_read = db_for_write

    def allow_migrate(self, db, app_label, **hints):
        return (db == "hub") == (app_label == "stockhub_webhooks")
"""


def test_fixture_may_use_the_database_that_a_router_chooses(tmp_path):
    databases = 'DATABASES["hub"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}\n'
    settings = SETTINGS + databases + 'DATABASE_ROUTERS = ["router.Router"]\n'
    test = "def test_it(stockhub):\n    assert stockhub.deliver('order').outcome == 'created'\n"
    files = {"settings": settings, "router": ROUTER, "urls": URLS, "test_shop": test}
    code, said = run_pytest(tmp_path, "--ds=settings", **files)
    assert code == 0, said


FROZEN = """
from datetime import datetime
from freezegun import freeze_time

@freeze_time("2026-01-31")
def test_it():
    assert datetime.now().year == 2026
"""


@pytest.mark.parametrize("settings", [None, SETTINGS.replace('"stockhub_webhooks", ', "").replace(', "shop"', "")])
def test_frozen_time_works_in_suites_of_other_projects(tmp_path, settings):
    """freezegun reads each attribute of each module that is loaded, also those that import models."""
    files = {"settings": settings} if settings else {}
    arguments = ["--ds=settings"] if settings else []
    code, said = run_pytest(tmp_path, *arguments, test_frozen=FROZEN, **files)
    assert code == 0, said


def test_without_pytest_django_the_fixture_still_works(tmp_path):
    conftest = (
        "import os, django, pytest\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\ndjango.setup()\n"
        "@pytest.fixture(autouse=True)\ndef database():\n"
        "    from django.core.management import call_command\n    call_command('migrate', verbosity=0)\n"
    )
    test = "def test_it(stockhub):\n    assert stockhub.deliver('order').outcome == 'created'\n"
    files = {"settings": SETTINGS + "ALLOWED_HOSTS = ['*']\n", "urls": URLS, "conftest": conftest, "test_shop": test}
    code, said = run_pytest(tmp_path, "-p", "no:django", **files)
    assert code == 0, said
