"""The list of order lines that the shop does not have."""

import pytest
from django.contrib.auth.models import Permission

from stockhub_webhooks.models import HostLink, MissingLine
from stockhub_webhooks.testing.factories import MissingLineFactory
from tests.conftest import KEY

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def shop(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "HOST_LINE_RESOLVER": f"{__name__}.find"}


def find(item, host_order):
    """Resolver of the shop."""


def test_list_names_the_article_and_the_order(staff, list_url):
    row = MissingLineFactory(status="failed", cause="ValueError at shop.find:3")
    page = staff.get(list_url("missingline")).text
    for text in (row.item.sku, row.item.order.increment_id):
        assert text in page
    assert "shop.find:3" in staff.get(f"{list_url('missingline')}{row.pk}/change/").text


def test_lines_are_found_by_the_number_of_their_order(staff, list_url):
    row = MissingLineFactory(item__order__po_number="WEB-1")
    MissingLineFactory(item__order__po_number="WEB-2")
    answer = staff.get(list_url("missingline"), {"q": "WEB-1"})
    assert list(answer.context["cl"].queryset) == [row]


def test_list_is_hidden_without_the_setting(staff, settings):
    assert "/missingline/" in staff.get("/admin/").text
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    assert "/missingline/" not in staff.get("/admin/").text


def test_lines_are_looked_up_again_only_with_the_permission(staff, client, list_url, django_user_model):
    row = MissingLineFactory()
    other = django_user_model.objects.create_user("other", is_staff=True)
    other.user_permissions.add(Permission.objects.get(codename="view_missingline"))
    client.force_login(other)
    data = {"action": "look_again", "_selected_action": [row.pk]}
    client.post(list_url("missingline"), data)
    assert HostLink.objects.get().lines_due_at is None
    assert staff.post(list_url("missingline"), data, follow=True).status_code == 200
    assert HostLink.objects.get().lines_due_at is not None
    assert MissingLine.objects.count() == 1
