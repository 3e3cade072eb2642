from django.template.loader import render_to_string
from orders.models import ShopOrder


def test_box_and_tag_show_the_parcel(stockhub, admin_client):
    order = ShopOrder.objects.create(number="SHOP-1")
    stockhub.deliver("shipment", po_number=order.number, status="IN_TRANSIT")
    stockhub.run_pending()
    number = stockhub.payload("shipment")["track"]["tracking_number"]
    page = admin_client.get(f"/admin/orders/shoporder/{order.pk}/change/")
    assert number in page.content.decode()
    assert number in render_to_string("orders/order.html", {"order": order})
