"""The box in the admin of the shop's own orders."""

import pytest
from django.contrib import admin
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Order
from tests.conftest import KEY, TEST_KEY
from tests.samples import ALPHABETICAL, sample

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def host_order(django_user_model, settings):
    """Make an order of the shop, which is a user here."""
    settings.ROOT_URLCONF = "tests.admin.other_site"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    return django_user_model.objects.create(username="RESELLER_REF")


@pytest.fixture
def box(staff, host_order):
    """Return a function that opens the page of the order on a site."""

    def page(site="office", http=staff, **extra):
        answer = http.get(reverse(f"{site}:auth_user_change", args=[host_order.pk]), **extra)
        assert answer.status_code == 200
        return answer.text.replace("\u00a0", " ")

    return page


def test_box_shows_status_parcels_returns_refunds_tasks_and_a_link_to_the_story(post, box, hear):
    hear(signals.order_created)
    for topic in ALPHABETICAL:
        post(topic)
    page = box()
    for said in (
        "000000701: complete",
        "000000720: order not received yet",
        "000000412: in transit",
        "1Z00AA000000000001</a>",
        "000000118: authorised",
        "000000085: 120.00 − 2.50 fee = € 117.50",
        "all done",
        'href="/office/stockhub_webhooks/order/',
        "stockhub_webhooks/story.css",
    ):
        assert said in page, said
    assert "afgerond" in box(headers={"accept-language": "nl"})


def test_box_shows_no_test(post, box, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    post("order")
    post("order", key=TEST_KEY)
    page = box()
    assert page.count('class="stockhub-box"') == 1
    assert "stockhub-badge" not in page


def test_box_is_added_to_the_page_or_placed_by_the_host(post, box):
    post("order")
    assert box().count('class="stockhub-box"') == 1
    placed = box("bare")
    assert placed.count('class="stockhub-box"') == 1
    assert placed.index('class="stockhub-box"') < placed.index("id_email")


def test_box_has_no_link_if_the_site_does_not_have_our_pages(post, box):
    post("order")
    assert "000000701" in box("bare")
    assert "/story/" not in box("bare")


def test_box_of_an_order_unknown_to_stock_hub_says_so(box):
    assert "stockhub_box" in box()
    assert 'class="stockhub-box"' not in box()


def test_box_shows_unfinished_and_given_up_tasks(post, box, hear):
    def never(**kwargs):
        raise PermanentFailure("no")

    def fail(**kwargs):
        raise ValueError

    hear(signals.order_created, never)
    hear(signals.order_created, fail)
    post("order")
    assert "1 not done yet, 1 given up" in box()


@pytest.mark.parametrize("site", ["office", "bare"])
def test_box_needs_the_permission_to_view_orders(post, box, clerk, site):
    post("order")
    page = box(site, http=clerk("view_user"))
    assert "000000701" not in page
    assert "stockhub_box" not in page
    assert "000000701" in box(site, http=clerk_may_also(clerk))


def clerk_may_also(clerk):
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username="clerk").delete()
    return clerk("view_user", "view_order")


def test_box_has_no_personal_data(post, box):
    for topic in ALPHABETICAL:
        post(topic)
    page = box()
    assert "Testman" not in page
    assert "Teststad" not in page


def test_page_with_the_box_can_be_saved_and_added(post, staff, host_order, django_user_model):
    post("order")
    address = reverse("office:auth_user_change", args=[host_order.pk])
    assert staff.post(address, {"username": "renamed"}).status_code == 302
    host_order.refresh_from_db()
    assert host_order.username == "renamed"
    add = staff.get(reverse("office:auth_user_add"))
    assert add.status_code == 200
    assert "stockhub_box" not in add.text


def test_box_has_a_section_for_each_account(post, box):
    post("order")
    Order.objects.update(account="second")
    post("order", sample("order", increment_id="2"))
    assert box().count('class="stockhub-box"') == 2


def test_import_of_the_mixin_registers_nothing_twice():
    from stockhub_webhooks.admin import host_order

    assert Order in admin.site._registry
    assert not [model for model in admin.site._registry if model.__module__ == host_order.__name__]


@pytest.mark.parametrize(("name", "is_found"), [("username", True), ("get_username", True), ("", False)])
def test_number_of_the_order_is_what_the_setting_names_and_never_the_primary_key(
    django_user_model, settings, post, name, is_found
):
    from stockhub_webhooks.admin.host_order import StockHubBoxMixin

    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "HOST_ORDER_NUMBER": name}
    user = django_user_model(pk=204, username="RESELLER_REF")
    post("order", sample("order", po_number="RESELLER_REF" if is_found else "204"))
    admin_class = type("UserAdmin", (StockHubBoxMixin, admin.ModelAdmin), {})
    box = admin_class(django_user_model, admin.site).stockhub_box(user)
    assert ("Stock Hub did not tell of it yet." in box) != is_found
