"""Refused messages in the admin: a person sees what they would change before letting them in."""

from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.urls import reverse

from stockhub_webhooks.models import Message, Order, RefusedBody
from stockhub_webhooks.operations import release
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY
from tests.samples import contract

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
PAGE = "admin:stockhub_webhooks_refusedbody_release"
FORGED = {"status": "canceled", "updated_at": "2030-01-01T00:00:00Z"}


@pytest.fixture
def forged(post):
    """Store an order, then refuse a forged change of it from another address and program; return the refused body."""
    post("order", headers={"user-agent": "Magento"}, REMOTE_ADDR="192.0.2.1")
    street = contract("order")["shipping_address"] | {"street": "Forgery Lane"}
    body = contract("order") | FORGED | {"shipping_address": street}
    post("order", body, key="mistyped", headers={"user-agent": "curl"}, REMOTE_ADDR="198.51.100.7")
    return RefusedBody.objects.get()


def let_in(http, page, **data):
    return http.post(page.redirect_chain[0][0], {"reason": "the key was changed", **data}, follow=True)


def test_looking_changes_nothing_and_letting_in_is_logged_with_the_reason(post, act, staff):
    post("order", key="mistyped")
    kept = RefusedBody.objects.get()
    page = act("refusedbody", "release", kept)
    assert page.status_code == 200
    assert not Message.objects.exists()
    assert not LogEntry.objects.exists()
    let_in(staff, page, reason="")
    assert not Message.objects.exists()
    results = {line["name"]: line["count"] for line in let_in(staff, page).context["progress"]["counts"]}
    assert (results["acted"], results["waiting"] + results["succeeded"]) == (1, 1)
    message = Message.objects.get()
    assert (message.status, message.source, message.entered_by) == ("applied", "released", "office")
    assert "the key was changed" in LogEntry.objects.get().change_message
    assert "office" in staff.get(reverse("admin:stockhub_webhooks_message_change", args=[message.pk])).text
    page = let_in(staff, page)
    assert Message.objects.count() == 1


def test_page_shows_what_would_change_and_warns(forged, act):
    page = act("refusedbody", "release", forged)
    ((row,),) = [section["rows"] for section in page.context["sections"]]
    assert len(row["warnings"]) == 3
    assert ("order number", "") not in row["changes"]
    changed = {str(name): (old, new) for name, old, new in row["changes"]}
    assert changed["status"][1] == "cancelled"
    assert "Forgery Lane" in page.text
    assert Order.objects.get().status == contract("order")["status"]


def test_usual_sender_of_a_new_order_is_not_warned_about(post, act):
    sender = {"headers": {"user-agent": "Magento"}, "REMOTE_ADDR": "192.0.2.1"}
    post("order", **sender)
    post("order", contract("order") | {"increment_id": "000000999", "po_number": "NEW"}, key="mistyped", **sender)
    page = act("refusedbody", "release", RefusedBody.objects.get())
    assert page.context["sections"][0]["rows"][0]["warnings"] == []


def test_child_of_an_order_that_came_with_a_key_is_warned_about(post):
    post("order")
    post("shipment", key="mistyped")
    (preview,) = release.preview(RefusedBody.objects.all(), "default")
    assert release.CHANGES_PROVED in preview.warnings
    assert preview.step.outcome == "created"


def test_what_is_not_personal_is_shown_without_the_permission(forged, act, clerk):
    page = act("refusedbody", "release", forged, http=clerk("view_refusedbody", "release"))
    assert "cancelled" in page.text
    assert "198.51.100.7" in page.text
    assert "Forgery Lane" not in page.text


def test_release_needs_its_own_permission(post, act, clerk):
    post("order", key="mistyped")
    http = clerk("view_refusedbody", "process_again")
    act("refusedbody", "release", RefusedBody.objects.get(), http=http)
    assert http.get(reverse(PAGE)).status_code == 403
    assert not Message.objects.exists()
    get_user_model().objects.filter(username="clerk").delete()
    http = clerk("view_refusedbody", "release")
    let_in(http, act("refusedbody", "release", RefusedBody.objects.get(), http=http))
    assert Message.objects.get().entered_by == "clerk"


def test_groups_by_key_and_network_are_let_in_together(post, staff):
    for topic in ("order", "shipment"):
        post(topic, key="mistyped", REMOTE_ADDR="192.0.2.1")
    post("invoice", key="mistyped", REMOTE_ADDR="198.51.100.7")
    first, second = release.groups()
    assert (first.count, second.count) == (1, 2)
    page = staff.get(reverse(PAGE))
    assert page.text.count(fingerprint("mistyped")) >= 2
    query = {"key": second.key_fingerprint, "network": second.network, "newest": second.newest}
    post("rma", key="mistyped", REMOTE_ADDR="192.0.2.1")  # later than the page
    url = f"{reverse(PAGE)}?{urlencode(query)}"
    assert len(staff.get(url).context["sections"][0]["rows"]) == 2
    staff.post(url, {"reason": "the key was changed"})
    assert set(Message.objects.values_list("topic", flat=True)) == {"order", "shipment"}


def test_account_is_chosen_first_if_there_are_several(post, act, staff, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": KEY, "two": "key-two"}}
    post("order", key="mistyped")
    page = act("refusedbody", "release", RefusedBody.objects.get())
    url = page.redirect_chain[0][0]
    assert page.context["accounts"] == ["one", "two"]
    staff.post(url, {"reason": "no account"})
    assert not Message.objects.exists()
    assert len(staff.get(f"{url}&account=two").context["sections"]) == 1
    staff.post(f"{url}&account=two", {"reason": "theirs", "account": "two"})
    assert Message.objects.get().account == "two"


@pytest.mark.parametrize(
    "query", ["ids=x", "ids=" + "9" * 40, "newest=-1", "newest=9&key=%00", "ids=1&account=%00", "account=x"]
)
def test_odd_parameters_find_nothing(forged, staff, query):
    assert staff.get(f"{reverse(PAGE)}?{query}").status_code == (400 if "%00" in query else 200)
