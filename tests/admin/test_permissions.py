"""Permissions: personal data needs one, each action needs its own, and each action is logged."""

import json

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import (
    Address,
    BulkRequest,
    Message,
    MissingLine,
    Order,
    ReceiverCall,
    RefusedBody,
    Replay,
)
from stockhub_webhooks.testing.factories import (
    HostLinkFactory,
    MissingLineFactory,
    MutedSenderFactory,
    NoteFactory,
    WorklistRowFactory,
)
from tests.admin.conftest import NAMES
from tests.processing.test_apply import later
from tests.samples import ALPHABETICAL, contract

pytestmark = pytest.mark.django_db(databases="__all__")

REQUESTS = ("bulkrequest", "exportrequest")
MARKER = "zqxpersonqxz"
VIEWS = [f"view_{name}" for name in NAMES]
PERSONAL = {field.name for field in Address._meta.concrete_fields if field.editable} - {"id"}


def marked(value, inside=False, turn=""):
    """Return the body with a marker in each field of each address."""
    if isinstance(value, dict):
        return {
            name: (f"{MARKER}{name}{turn}" if inside and name in PERSONAL else marked(part, "address" in name, turn))
            for name, part in value.items()
        }
    return value


def fails(**kwargs):
    raise ValueError(f"no such customer: {MARKER}")


def gives_up(**kwargs):
    raise PermanentFailure(f"{MARKER}: is no customer of ours")


@pytest.fixture
def persons(post, hear):
    """Store personal data wherever it can be: documents, changes of addresses, bodies and error texts."""
    hear(signals.event_recorded, fails)
    hear(signals.order_created, gives_up)
    for topic in ALPHABETICAL:
        body = marked(contract(topic)) | {"unknown": MARKER}
        assert post(topic, body).status_code == 200
        post(topic, later(marked(contract(topic), turn="2")) | {"unknown": f"{MARKER}2"})
        post(topic, body, key="mistyped")
    post("order", marked(contract("order")) | {"increment_id": "000000999", "po_number": "ANOTHER"})
    post("rma", marked(contract("rma")) | {"date_received": "2024-05-10T09:00:00+00:00"})
    assert post("rma", marked(contract("rma"))).json()["outcome"] == "stale"
    post("order", json.dumps({"items": [], "shipping_address": {"last_name": MARKER}}).encode())
    for order in Order.objects.all():
        link = HostLinkFactory(order=order)
        for item in order.items.all()[:1]:
            MissingLineFactory(item=item, link=link)
        NoteFactory(order=order, text=f"called {MARKER}")
        WorklistRowFactory(order=order, rule="missing_invoice", detail=[], dismissed_reason=MARKER)
    MutedSenderFactory(reason=f"{MARKER} is a stranger")
    Message.objects.filter(status="quarantined").update(error="not_json: line 1")
    failed = Message.objects.filter(status="applied").first()
    failed.error, failed.status = f"DataError: Failing row contains ({MARKER})", "failed"
    failed.save()
    assert RefusedBody.objects.exists()
    assert ReceiverCall.objects.filter(last_error__contains=MARKER).exists()


def pages():
    """Return all pages of this app in the admin."""
    for name in NAMES:
        model = apps.get_model("stockhub_webhooks", name)
        yield reverse(f"admin:stockhub_webhooks_{name}_changelist")
        for row in model.objects.all():
            yield reverse(f"admin:stockhub_webhooks_{name}_change", args=[row.pk])
    yield reverse("admin:stockhub_webhooks_find") + "?q=0000"
    yield reverse("admin:stockhub_webhooks_export") + "?topic=order&first=2000-01-01&last=2100-01-01"
    yield reverse("admin:stockhub_webhooks_failures")
    yield reverse("admin:stockhub_webhooks_receivercall_receivers")
    yield reverse("admin:stockhub_webhooks_message_keys")
    yield reverse("admin:stockhub_webhooks_refusedbody_release")
    yield reverse("admin:app_list", args=["stockhub_webhooks"])
    for order in Order.objects.all():
        for name in ("story", "person", "erase"):
            yield reverse(f"admin:stockhub_webhooks_order_{name}", args=[order.pk])
    chosen = ",".join(str(message.pk) for message in Message.objects.all())
    yield reverse("admin:stockhub_webhooks_replay_request") + f"?ids={chosen}"
    for broken in Message.objects.filter(status="quarantined"):
        yield reverse("admin:stockhub_webhooks_message_enter") + f"?correct={broken.pk}"


ALL_BUT_PERSONS = (
    *VIEWS, "process_again", "try_again", "give_up", "reassign", "release", "look_again", "enter_by_hand", "export",
    "view_person", "erase_person", "dismiss_worklist_row", "export_worklist", "reconcile",
)  # fmt: skip


def test_no_page_shows_personal_data_without_the_permission(persons, clerk):
    http = clerk(*ALL_BUT_PERSONS)
    for page in pages():
        answer = http.get(page)
        assert answer.status_code == (403 if "?correct=" in page else 200)
        assert MARKER not in answer.text, page


def test_every_personal_field_is_shown_with_the_permission(persons, clerk):
    http = clerk(*ALL_BUT_PERSONS, "view_personal_data")
    shown = {page: answer.text for page in pages() if (answer := http.get(page)).status_code == 200}
    for model in ("message", "refusedbody", "order", "shipment", "invoice", "creditmemo", "paymentrequest", "event",
                  "receivercall"):  # fmt: skip
        assert any(MARKER in text for page, text in shown.items() if f"/{model}/" in page), model
    order = "".join(text for page, text in shown.items() if "/order/" in page)
    assert not [name for name in PERSONAL if f"{MARKER}{name}" not in order]
    assert any(MARKER in text for page, text in shown.items() if "?correct=" in page)
    assert "surname" in shown[reverse("admin:stockhub_webhooks_order_changelist")]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        if name not in ("heartbeat", "alarm", "drift", "refusal", "replay", "erasure", "mutedsender", "pull", *REQUESTS)
    ],
)
def test_no_list_finds_customers_without_the_permission(persons, clerk, name):
    url = reverse(f"admin:stockhub_webhooks_{name}_changelist")
    http = clerk(*VIEWS)
    for field in ("last_name", "email", "postcode"):
        answer = http.get(url, {"q": f"{MARKER}{field}"})
        assert not answer.context["cl"].result_count
    assert "surname" not in answer.text
    if name not in ("rma", "refusedbody"):
        http = clerk_with_persons(http)
        assert http.get(url, {"q": f"{MARKER}last_name"}).context["cl"].result_count


def clerk_with_persons(http):
    user = apps.get_model("auth", "User").objects.get(username="clerk")
    user.user_permissions.add(Permission.objects.get(codename="view_personal_data"))
    return http


def actions():
    """Return each action of each list of this app."""
    for model, page in admin.site._registry.items():
        if model._meta.app_label == "stockhub_webhooks":
            yield from ((model, name) for name in page.actions)


def test_all_actions_are_tested_here():
    assert {name for _model, name in actions()} >= {"process_again", "try_again", "give_up", "release", "look_again"}


BULK = ("try_again", "give_up", "look_again")  # a page asks first; the few order lines are looked up again at once
ASKED_FIRST = ("process_again", "process_outdated", "tell_missed")  # on the same page, for which the same is needed


@pytest.mark.parametrize(("model", "name"), list(actions()), ids=lambda value: getattr(value, "__name__", value))
def test_each_action_is_logged_and_needs_its_own_permission(persons, clerk, act, model, name):
    chosen = list(model.objects.all())
    permission = {"unmute": "dismiss_refused"}.get(name, "process_again" if name in ASKED_FIRST else name)
    http = clerk(*(set(ALL_BUT_PERSONS) - {permission}))
    act(model._meta.model_name, name, *chosen, http=http)
    assert not LogEntry.objects.exists()
    user = apps.get_model("auth", "User").objects.get(username="clerk")
    user.user_permissions.add(Permission.objects.get(codename=permission))
    page = act(model._meta.model_name, name, *chosen, http=http)
    if name == "release":  # the page shows first what would change, and asks for a reason
        assert not LogEntry.objects.exists()
        http.post(page.redirect_chain[0][0], {"reason": "settled"})
    if name in ASKED_FIRST:  # it is logged of the replay that begins then
        assert page.status_code == 200
        http.post(page.redirect_chain[0][0], {"reason": "to see"})
        chosen = list(Replay.objects.all())
    if name == "erase_person":  # the page shows first what would go
        assert not LogEntry.objects.exists()
        http.post(page.redirect_chain[0][0], {"_selected_action": [row.pk for row in chosen]})
    if name in ("dismiss", "dismiss_refused", "dismiss_worklist_row"):  # the page asks for a reason first
        assert not LogEntry.objects.exists()
        data = {"action": name, "_selected_action": [row.pk for row in chosen], "reason": "settled"}
        http.post(reverse(f"admin:stockhub_webhooks_{model._meta.model_name}_changelist"), data)
    is_bulk = name in BULK and model is not MissingLine
    if is_bulk:
        assert not LogEntry.objects.exists()
        http.post(page.redirect_chain[0][0], {"reason": "settled"})
    if is_bulk or name == "release":  # it is logged of the request
        chosen = list(BulkRequest.objects.all())
    entries = LogEntry.objects.all()
    assert {entry.user_id for entry in entries} == {user.pk}
    assert {int(entry.object_id) for entry in entries} <= {row.pk for row in chosen}
    assert entries
    assert not [entry for entry in entries if MARKER in f"{entry.object_repr}{entry.change_message}"]
