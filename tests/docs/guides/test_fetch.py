from django.conf import settings
from django.utils.module_loading import import_string
from orders.models import ShopOrder


def test_numbers_of_recent_orders_are_asked_for(db):
    ShopOrder.objects.create(number="SHOP-1")
    recent = import_string(settings.STOCKHUB_WEBHOOKS["RECENT_PO_NUMBERS"])
    assert list(recent()) == ["SHOP-1"]
