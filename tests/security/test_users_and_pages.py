"""The table of SECURITY.md: who sees which page. A new page is in it, or this fails."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import get_resolver

from stockhub_webhooks.models import ExportRequest
from tests.conftest import KEY, TEST_KEY
from tests.security.pages import APP, NAMES, addresses
from tests.security.test_parameters import endpoints
from tests.security.test_personal_data import CANARY, canaries

__all__ = ["canaries"]

pytestmark = pytest.mark.django_db(databases="__all__")

FILE = Path(__file__).parents[2] / "SECURITY.md"
BEGIN, END = "<!-- users and pages: held by tests/security/test_users_and_pages.py -->\n", "<!-- end -->\n"
VIEWS = [f"view_{model._meta.model_name}" for model in apps.get_app_config(APP).get_models()]
PERSONS = "view_personal_data"
HEADS = ("page", "stranger", "test key", "key", "customer", "staff", "`view_…`", "also needs")
DJANGOS_OWN = ("_add", "_delete", "_history")


@pytest.fixture
def user(django_user_model):
    """Return a function that returns a logged-in client with the named permissions."""

    def with_permissions(*names, is_staff=True):
        number = django_user_model.objects.count()
        one = django_user_model.objects.create_user(f"user{number}", password="secret", is_staff=is_staff)
        one.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label=APP))
        http = Client()
        http.force_login(one)
        return http

    return with_permissions


def own_permissions():
    """Return our permissions that are not Django's own."""
    return sorted(name for model in apps.get_app_config(APP).get_models() for name, _ in model._meta.permissions)


def pages():
    """Yield name and address of each page of the admin and of each endpoint."""
    for name in NAMES:
        if not name.endswith(DJANGOS_OWN):
            yield title(name.removeprefix(f"{APP}_")), addresses(name)[0] + question(name.removeprefix(f"{APP}_"))
    yield "overview", "/admin/stockhub_webhooks/"
    yield from ((f"`{name}`", address) for name, address in endpoints(get_resolver()))


def question(name):
    """Return the parameters with which a page shows the most."""
    models = {"replay_request": "Message", "refusedbody_release": "RefusedBody"}
    if name in models:
        return "?ids=" + ",".join(str(row.pk) for row in apps.get_model(APP, models[name]).objects.all())
    return {"find": "?q=0000", "export": "?topic=order&first=2000-01-01&last=2100-01-01&by_line="}.get(name, "")


def title(name):
    """Return the name of a page of the admin; list and page of a row are called after the model."""
    model, _, kind = name.rpartition("_")
    if kind not in ("changelist", "change"):
        return name.replace("_", " ")
    rows = str(apps.get_model(APP, model)._meta.verbose_name_plural).partition(":")[0]
    return f"list of {rows}" if kind == "changelist" else rows


def seen(http, address):
    """Return what a client gets: no, status (without details), yes, or persons."""
    if "/exportrequest/" in address:  # a file is given to who asked for it
        ExportRequest.objects.update(requested_by_pk=http.session.get("_auth_user_id", ""))
    answer = http.get(address, follow=True)
    if answer.status_code == 200 and "/export/" in address:
        answer = http.post(address.partition("?")[0], dict(parse_qsl(address.partition("?")[2])))
    if answer.status_code in (404, 405):
        is_page = address.startswith("/admin/")
        answer = http.post(address) if is_page else http.post(address, b"{}", content_type="application/json")
    if answer.status_code in (401, 403) or "/login/" in answer.get("location", answer.request["PATH_INFO"]):
        return "no"
    assert answer.status_code < 500, address  # some pages need parameters
    text = b"".join(answer).decode()
    if re.search(rf"{CANARY}\d\w+", text):
        return "persons"
    is_status = answer["Content-Type"].startswith("application/json") and set(json.loads(text)) == {"status"}
    return "status" if is_status else "yes"


def table(rows):
    """Return rows of cells as Markdown; pages with the same cells share a row."""
    by_cells = {}
    for name, *cells in rows:
        by_cells.setdefault(tuple(cells), {})[name] = None
    lines = ["| " + " | ".join(HEADS) + " |", "| " + " | ".join("---" for _ in HEADS) + " |"]
    lines += [f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in by_cells.items()]
    return "\n".join(lines) + "\n"


def test_table_of_users_and_pages_is_that_of_the_documentation(canaries, user, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    keys = [Client(headers={"x-api-key": key}) for key in (TEST_KEY, KEY)]
    viewer, everything = user(*VIEWS), user(*VIEWS, *own_permissions())
    users = [Client(), *keys, user(is_staff=False), user(), viewer]
    extra = {name: user(*VIEWS, name) for name in own_permissions()}
    rows = []
    for name, address in pages():
        cells = [seen(http, address) for http in users]
        full = seen(everything, address)
        needs = []
        if cells[-1] == "no" and full != "no":
            needs = [f"`{each}`" for each, http in extra.items() if seen(http, address) != "no"]
            assert needs, f"{name}: several permissions are needed at once"
        if full == "persons":
            assert "persons" not in cells, name
            assert seen(extra[PERSONS], address) in ("persons", "no"), name
            needs += [f"`{PERSONS}` for persons"] if f"`{PERSONS}`" not in needs else []
        assert full != "no" or any(cell != "no" for cell in cells), f"nobody sees {name}"
        rows.append((name, *cells, ", ".join(needs)))
    text = FILE.read_text()
    found = text.partition(BEGIN)[2].partition(END)[0]
    assert found.strip() == table(rows).strip()
