import django_rq
from django.utils.module_loading import import_string
from orders.models import ShopOrder


def test_own_runner_sends_a_task_that_calls_the_receivers(stockhub, monkeypatch):
    sent = []
    monkeypatch.setattr(django_rq, "enqueue", sent.append)
    order = ShopOrder.objects.create(number="SHOP-1")
    stockhub.deliver("shipment", po_number=order.number, status="DELIVERED")
    import_string("shop.rq_runner.RqRunner")().wake()
    (task,) = sent
    task()
    order.refresh_from_db()
    assert order.state == "delivered"
