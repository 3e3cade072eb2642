from orders.models import ShopOrder


def test_delivered_parcel_is_a_delivered_order(stockhub):
    order = ShopOrder.objects.create(number="SHOP-1")
    stockhub.deliver("shipment", po_number=order.number, status="DELIVERED")
    stockhub.run_pending()
    order.refresh_from_db()
    assert order.state == "delivered"
