"""The page of a customer, and the page that erases orders: permissions, choice, log, result."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from stockhub_webhooks.models import Address, Erasure, Order
from stockhub_webhooks.testing import factories
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(databases="__all__")

EMAIL = contract("order")["shipping_address"]["email"]


@pytest.fixture
def orders(post):
    """Two orders of one customer, and one of another who shares nothing."""
    post("order")
    post("shipment", sample("shipment", order_increment_id=contract("order")["increment_id"]))
    post("order", sample("order", increment_id="000000998", po_number="SECOND"))
    stranger = factories.OrderFactory()
    Address.objects.filter(pk=stranger.shipping_address_id).update(email="x@example.com", last_name="Other")
    Address.objects.filter(pk=stranger.billing_address_id).update(email="x@example.com", last_name="Other")
    return [*Order.objects.exclude(pk=stranger.pk).order_by("pk"), stranger]


def url(name, order):
    return reverse(f"admin:stockhub_webhooks_order_{name}", args=[order.pk])


def test_page_lists_the_orders_of_the_same_customer_and_is_logged(orders, staff):
    page = staff.get(url("person", orders[0]))
    assert [pk for pk, _chosen, _cells in page.context["rows"]] == [orders[1].pk, orders[0].pk]
    assert [chosen for _pk, chosen, _cells in page.context["rows"]] == [False, True]
    assert LogEntry.objects.get().object_id == str(orders[0].pk)


def test_file_holds_the_chosen_orders_and_is_logged(orders, staff):
    chosen = {"_selected_action": [orders[0].pk, orders[1].pk, orders[2].pk]}
    answer = staff.post(url("person", orders[0]), chosen)
    found = json.loads(answer.content)
    assert {order["increment_id"] for order in found["tables"]["Order"]} == {
        orders[0].increment_id,
        orders[1].increment_id,
    }
    assert "attachment" in answer["Content-Disposition"]
    assert LogEntry.objects.count() == 2


def test_nothing_is_erased_before_it_is_confirmed(orders, staff):
    page = staff.get(url("erase", orders[0]), {"_selected_action": [orders[0].pk, orders[1].pk]})
    assert page.context["results"]
    assert len(page.context["rows"]) == 2
    assert EMAIL in page.text
    assert not Erasure.objects.exists()
    assert Order.objects.get(pk=orders[0].pk).shipping_address


def test_chosen_orders_are_erased_and_the_answer_is_shown(orders, staff):
    before = orders[2].shipping_address_id
    page = staff.post(url("erase", orders[0]), {"_selected_action": [orders[0].pk, orders[1].pk]})
    assert page.context["answers"].keys() == {"nl", "en"}
    assert len(page.context["log_lines"]) == 1
    assert EMAIL not in page.text
    assert set(Address.objects.values_list("pk", flat=True)) == {before, orders[2].billing_address_id}
    (erasure,) = Erasure.objects.all()
    assert (len(erasure.order_numbers), erasure.erased_by) == (2, "office")
    assert {entry.object_id for entry in LogEntry.objects.exclude(change_message="")} == {
        str(order.pk) for order in orders[:2]
    }
    assert staff.get(url("change", orders[0])).status_code == 200
    assert orders[0].increment_id in staff.get(reverse("admin:stockhub_webhooks_erasure_changelist")).text


def test_action_leads_to_the_page_with_the_chosen_orders(orders, act):
    page = act("order", "erase_person", orders[0], orders[1])
    assert len(page.context["rows"]) == 2
    assert page.context["title"]


@pytest.mark.parametrize(("name", "other"), [("person", "erase_person"), ("erase", "view_person")])
@pytest.mark.parametrize("permissions", [["view_order", "view_personal_data"], ["view_person", "erase_person"]])
def test_pages_need_their_permission_and_that_of_orders(orders, clerk, name, other, permissions):
    http = clerk(*permissions, *([other] if "view_order" in permissions else []))
    for answer in (http.get(url(name, orders[0])), http.post(url(name, orders[0]))):
        assert answer.status_code == 403
    assert not Erasure.objects.exists()


def test_names_and_the_file_need_the_permission_of_persons(orders, clerk):
    http = clerk("view_order", "view_person", "erase_person")
    for name in ("person", "erase"):
        page = http.get(url(name, orders[0]))
        assert page.status_code == 200
        assert EMAIL not in page.text
    assert http.post(url("person", orders[0])).status_code == 403
    assert http.post(url("erase", orders[0])).status_code == 200


def test_order_that_does_not_exist_is_not_found(staff):
    assert staff.get(reverse("admin:stockhub_webhooks_order_person", args=[404])).status_code == 404
    assert staff.get(reverse("admin:stockhub_webhooks_order_erase", args=["x"])).status_code == 404


def test_log_that_cannot_be_written_is_said_and_nothing_is_erased(orders, staff, settings, tmp_path):
    log = str(tmp_path / "not" / "there")
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"ERASURE_LOG": log}
    page = staff.post(url("erase", orders[0]), follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["error"]
    assert Order.objects.get(pk=orders[0].pk).shipping_address
