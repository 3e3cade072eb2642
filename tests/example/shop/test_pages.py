"""Pages of the example for the office and for customers."""

import pytest
from django.urls import reverse

from stockhub_webhooks.models import Order, Track


@pytest.fixture
def shipped(stockhub, shop_order, mails):
    stockhub.deliver("order", status="complete")
    stockhub.deliver("shipment", status="DELIVERED")
    stockhub.run_pending()
    return shop_order


def test_admin_page_of_the_shops_order_has_the_box(shipped, staff):
    page = staff.get(reverse("admin:shop_shoporder_change", args=[shipped.pk])).text
    order = Order.objects.get()
    story = reverse("admin:stockhub_webhooks_order_story", args=[order.pk])
    assert f"{order.increment_id}: complete" in page
    assert f'href="{story}"' in page


def test_story_links_to_the_shops_order(shipped, staff):
    page = staff.get(reverse("admin:stockhub_webhooks_order_story", args=[Order.objects.get().pk])).text
    assert f'href="{reverse("admin:shop_shoporder_change", args=[shipped.pk])}"' in page
    assert f'href="{shipped.get_absolute_url()}"' in page


def test_order_page_shows_the_parcels_to_a_user_who_is_logged_in(shipped, staff, client):
    page = staff.get(shipped.get_absolute_url()).text
    assert f"UPS {Track.objects.get().tracking_number}" in page
    assert "delivered" in page
    assert client.get(shipped.get_absolute_url()).status_code == 302
