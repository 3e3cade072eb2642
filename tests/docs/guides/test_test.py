from orders.models import Line, ShopOrder
from orders.simulated import orders


def test_orders_of_the_shop_are_simulated(db):
    order = ShopOrder.objects.create(number="SHOP-1")
    Line.objects.create(order=order)
    assert list(orders()) == [("SHOP-1", [{"sku": "A-1", "size": "", "qty": 1}])]
