"""What the office and the customer see in the example's own pages."""

import pytest
from django.urls import reverse

from stockhub_webhooks.models import Order
from tests.samples import sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped(post, shop_order):
    post("order")
    post("shipment", sample("shipment", status="DELIVERED"))
    return shop_order


def test_the_office_reads_what_stock_hub_says_on_the_shops_order(shipped, staff):
    page = staff.get(reverse("admin:shop_shoporder_change", args=[shipped.pk])).text
    story = reverse("admin:stockhub_webhooks_order_story", args=[Order.objects.get().pk])
    assert "000000701: complete" in page
    assert f'href="{story}"' in page


def test_the_story_leads_back_to_the_shops_order(shipped, staff):
    page = staff.get(reverse("admin:stockhub_webhooks_order_story", args=[Order.objects.get().pk])).text
    assert f'href="{reverse("admin:shop_shoporder_change", args=[shipped.pk])}"' in page
    assert f'href="{shipped.get_absolute_url()}"' in page


def test_who_is_logged_in_reads_where_the_parcels_are(shipped, staff, client):
    page = staff.get(shipped.get_absolute_url()).text
    assert "UPS 1Z00AA000000000001" in page
    assert "delivered" in page
    assert client.get(shipped.get_absolute_url()).status_code == 302
