"""A canary in each personal column: pages, files, answers and mails show it to nobody without the permission."""

import contextlib
import io
import json
import re

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Event, Message, ReceiverCall, ReceiverState, RefusedBody, search_keys
from stockhub_webhooks.models.personal import personal_columns
from stockhub_webhooks.operations.health import alarm
from tests.admin.test_permissions import ALL_BUT_PERSONS
from tests.conftest import KEY, PREFIX
from tests.security.pages import APP, all_pages

pytestmark = pytest.mark.django_db(databases="__all__")

CANARY = "zqx"
REST = ("/api/stockhub/orders/?page_size=100", "/api/stockhub/events/?page_size=100")


def columns():
    """Yield each personal column that holds values of its own."""
    for model in apps.get_app_config(APP).get_models():
        for name in sorted(personal_columns(model)):
            if not model._meta.get_field(name).is_relation:
                yield model, model._meta.get_field(name)


def canary(model, column):
    """Return the text that is looked for; short, for pages cut long texts."""
    return f"{CANARY}{list(apps.get_app_config(APP).get_models()).index(model)}{column.name.replace('_', '')}"[:30]


@pytest.fixture
def canaries(filled, post, settings):
    """Fill each personal column of all rows, and return the canaries."""
    post("order-payment-request")
    ReceiverState.objects.create(receiver="shop.paused", paused_at=timezone.now())
    Message.objects.filter(pk=Message.objects.filter(status="quarantined").latest("pk").pk).update(status="dismissed")
    found = {}
    for model, column in columns():
        text = found[f"{model.__name__}.{column.name}"] = canary(model, column)
        if isinstance(column, models.BinaryField):
            for row in model.objects.all():
                body = json.loads(row.body) if bytes(row.body).startswith(b'{"') else {}
                model.objects.filter(pk=row.pk).update(body=json.dumps(body | {"remark": text}).encode())
        elif model is Event:
            Event.objects.update(changes={"shipping_address.city": ["old", text], "extra.note": [None, text]})
        elif isinstance(column, models.JSONField):
            model.objects.update(**{column.name: {"note": text}})
        elif column.name == "pay_by_link":
            model.objects.update(pay_by_link=f"https://pay.example.com/{text}")
        else:
            model.objects.update(**{column.name: text})
    assert len(found) > 25
    return found


def everything(http):
    """Return the text of all pages, files and answers of a user, by their address."""
    chosen = ",".join(str(pk) for pk in Message.objects.values_list("pk", flat=True))
    refused = ",".join(str(pk) for pk in RefusedBody.objects.values_list("pk", flat=True))
    addresses = [
        *all_pages("0000", CANARY),
        *REST,
        reverse("admin:stockhub_webhooks_replay_request") + f"?ids={chosen}",
        reverse("admin:stockhub_webhooks_refusedbody_release") + f"?ids={refused}",
        *(PREFIX + name for name in ("", "health", "order")),
    ]
    shown = {address: http.get(address).text for address in addresses}
    for topic in topics.ALL:
        form = {"topic": topic, "first": "2000-01-01", "last": "2100-01-01", "by_line": ""}
        answer = http.post(reverse("admin:stockhub_webhooks_export"), form)
        shown[f"export of {topic}"] = b"".join(answer).decode()
    return shown


def leaks(shown):
    # a page of a search repeats the word that was typed, which has no number
    return [(address, found[0]) for address, text in shown.items() if (found := re.search(rf"{CANARY}\d\w+", text))]


@pytest.mark.parametrize("permissions", [(), ("view_order",), ALL_BUT_PERSONS], ids=["none", "orders", "all others"])
def test_user_without_the_permission_sees_no_personal_column(canaries, clerk, permissions):
    assert leaks(everything(clerk(*permissions))) == []


def test_others_see_no_personal_column(canaries, django_user_model):
    customer = Client()
    customer.force_login(django_user_model.objects.create_user("customer", password="secret"))
    for http in (Client(), customer, Client(headers={"x-api-key": KEY})):
        assert leaks(everything(http)) == []


COMMANDS = {name for name, app in get_commands().items() if app == APP}
OF_DATA = {"stockhub_dump", "stockhub_person", "stockhub_erase"}  # whose purpose is to show it
FROM_OUTSIDE = {"stockhub_ingest", "stockhub_simulate"}  # which send or store what they are given


@pytest.mark.parametrize("name", sorted(COMMANDS - OF_DATA - FROM_OUTSIDE))
def test_command_shows_no_personal_column(canaries, name):
    refused = [str(pk) for pk in RefusedBody.objects.values_list("pk", flat=True)]
    arguments = {
        "stockhub_pause": [ReceiverCall.objects.open()[0].receiver],
        "stockhub_resume": ["shop.paused"],
        "stockhub_prune": ["--account", "test"],
        "stockhub_reconcile": ["--report", "--no-fetch"],
        "stockhub_release": [*refused, "--dry-run"],
        "stockhub_replay": ["--since", "2020-01-01", "--dry-run"],
        "stockhub_retry": ["--given-up", "--dry-run"],
        "stockhub_worker": ["--once"],
    }
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command(name, *arguments.get(name, ()), stdout=out, stderr=out)
    assert not re.search(rf"{CANARY}\d", out.getvalue())


@pytest.mark.parametrize("options", [{}, {"json": True}])
def test_report_shows_no_personal_column(canaries, options):
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("stockhub_status", stdout=out, **options)
    assert out.getvalue()
    assert CANARY not in out.getvalue()


def test_mails_show_no_personal_column(canaries, mailoutbox):
    alarm.check()
    assert mailoutbox
    assert not [mail for mail in mailoutbox if CANARY in mail.subject + mail.body]


def test_user_with_the_permission_sees_each_personal_column(canaries, clerk):
    shown = "".join(everything(clerk(*ALL_BUT_PERSONS, "view_personal_data")).values())
    hidden = {f"Address.{name}" for name in search_keys.KEYS} | {"MentionedNumber.number"}  # searched by, never shown
    assert [name for name, text in canaries.items() if text not in shown and name not in hidden] == []
