"""Permissions of all pages and actions, found through the admin, so that new ones are covered."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import HostLink, Message, Order, ReceiverCall, RefusedBody
from tests.admin.test_permissions import ALL_BUT_PERSONS, MARKER
from tests.conftest import KEY, PREFIX
from tests.security.pages import APP, NAMES, addresses, admins, all_pages

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def address(filled):
    """Return the URL of a page; for the page of a row, of the first row."""

    return lambda name: addresses(name)[0]


def state():
    """Return the rows that an action would change."""
    return (
        list(Message.objects.order_by("pk").values_list("pk", "status", "due_at", "attempts")),
        list(ReceiverCall.objects.order_by("pk").values_list("pk", "status", "due_at")),
        list(RefusedBody.objects.order_by("pk").values_list("pk", "message")),
        list(HostLink.objects.order_by("pk").values_list("pk", "status", "due_at")),
    )


def actions():
    """Return each list with its actions and their permissions."""
    for each in admins():
        for action in each.actions or ():
            yield each.opts.model_name, action, getattr(getattr(each, action), "allowed_permissions", None)


ACTIONS = list(actions())


def test_pages_under_test_exist():
    assert len(NAMES) > 20
    assert "stockhub_webhooks_message_enter" in NAMES
    names = {action for _model, action, _permission in ACTIONS}
    assert names >= {"process_again", "try_again", "release", "look_again", "tell_missed"}


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "head", "options"])
def test_anonymous_user_is_sent_to_the_login(address, method):
    before = state()
    for name in NAMES:
        answer = getattr(Client(), method)(address(name))
        assert answer.status_code == 302, name
        assert "login" in answer["location"]
        assert not answer.content
    assert state() == before


def test_user_without_staff_status_is_sent_to_the_login(address, django_user_model):
    http = Client()
    user = django_user_model.objects.create_user("customer", password="secret")
    user.user_permissions.set(Permission.objects.all())
    http.force_login(user)
    for name in NAMES:
        answer = http.get(address(name))
        assert answer.status_code == 302, name
        assert answer["location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_user_without_our_permissions_is_refused(address, method, clerk):
    before = state()
    http = clerk("view_user", "add_user")
    for name in NAMES:
        # some only take a form, others only show
        assert getattr(http, method)(address(name)).status_code in {403, 405}, name
    assert state() == before


@pytest.mark.parametrize(("model", "action", "permission"), ACTIONS)
def test_every_action_has_a_permission(model, action, permission):
    assert permission, f"{action} of {model} may be started by anybody"


@pytest.mark.parametrize(("model", "action", "permission"), ACTIONS)
def test_view_permission_allows_no_action(filled, clerk, settings, model, action, permission):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    before = state()
    http = clerk(*(f"view_{each._meta.model_name}" for each in apps.get_app_config(APP).get_models()))
    address = reverse(f"admin:{APP}_{model}_changelist")
    rows = list(apps.get_model(APP, model).objects.values_list("pk", flat=True))
    answer = http.post(address, {"action": action, "_selected_action": rows}, follow=True)
    assert answer.status_code in (200, 403)
    assert state() == before
    assert f'value="{action}"' not in http.get(address).text


def test_no_page_shows_personal_data_without_the_permission(persons, clerk):
    http = clerk(*ALL_BUT_PERSONS)
    opened = 0
    for page in all_pages("0000"):
        answer = http.get(page)
        assert answer.status_code in (200, 403, 405), page
        assert MARKER not in answer.text, page
        opened += answer.status_code == 200
    assert opened > 100


def test_every_page_with_a_form_checks_the_csrf_token(address, staff, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    http = Client(enforce_csrf_checks=True)
    http.cookies = staff.cookies
    before = state()
    data = {"action": "process_again", "body": '{"increment_id": "1"}', "topic": "order", "_selected_action": 1}
    for name in NAMES:
        assert http.post(address(name), data).status_code in (403, 405), name
    assert state() == before


def test_only_receiving_views_are_exempt_from_csrf():
    http = Client(enforce_csrf_checks=True)
    for topic in (*topics.ALL, ""):
        assert http.post(PREFIX + topic, b"{}", "application/json", headers={"x-api-key": KEY}).status_code == 406
    assert http.post(PREFIX + "health").status_code in (403, 405)


def test_health_details_need_a_key_or_a_staff_user(client, staff, filled, django_user_model):
    customer = Client()
    customer.force_login(django_user_model.objects.create_user("customer", password="secret"))
    former = Client()
    gone = django_user_model.objects.create_user("former", password="secret", is_staff=True)
    former.force_login(gone)
    django_user_model.objects.filter(pk=gone.pk).update(is_active=False)
    for http, key in ((Client(), None), (Client(), "wrong"), (Client(), ""), (customer, None), (former, None)):
        headers = {} if key is None else {"x-api-key": key}
        assert http.get(PREFIX + "health", headers=headers).json() == {"status": "ok"}
    assert staff.get(PREFIX + "health", headers={"x-api-key": "wrong"}).json() == {"status": "ok"}
    assert "keys" in staff.get(PREFIX + "health").json()
    assert "keys" in Client().get(PREFIX + "health", headers={"x-api-key": KEY}).json()


def test_health_details_are_hidden_without_required_keys(filled, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "REQUIRE_API_KEY": False}
    for headers in ({}, {"x-api-key": "wrong"}):
        assert Client().get(PREFIX + "health", headers=headers).json() == {"status": "ok"}


def test_view_order_shows_the_purchase_without_persons_and_opens_no_page_of_another_kind(persons, clerk):
    http = clerk("view_order")
    order = Order.objects.get(increment_id="000000701")
    for name in ("change", "story"):
        page = http.get(reverse(f"admin:{APP}_order_{name}", args=[order.pk]))
        assert page.status_code == 200
        assert "000000412" in page.text  # the shipment
        assert MARKER not in page.text
    others = [name for name in NAMES if not name.endswith(("_add", "_delete", "_history")) and "_order_" not in name]
    opened = {name for name in others for url in addresses(name)[:1] if http.get(url).status_code == 200}
    assert opened == {"stockhub_webhooks_find"}  # which finds orders only
