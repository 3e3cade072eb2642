import pytest
from orders import mails
from orders.models import Article, Line, ShopOrder

from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.purchases import purchase_of


@pytest.fixture
def order(stockhub):
    number = stockhub.payload("order")["po_number"]
    return ShopOrder.objects.create(number=number)


def test_parcel_is_taken_from_stock_once(stockhub, order):
    stockhub.only("orders.take_from_stock")
    item = stockhub.payload("shipment")["items"][0]
    article = Article.objects.create(sku=item["sku"])
    for _ in range(2):
        stockhub.deliver("shipment", status="IN_TRANSIT")
        stockhub.replay("orders.take_from_stock")
        stockhub.run_pending()
    article.refresh_from_db()
    assert article.stock == 10 - item["qty"]


def test_line_is_found(stockhub, order):
    item = stockhub.payload("order")["items"][0]
    line = Line.objects.create(order=order, stock_hub_sku=item["sku"], size=item["size"] or "")
    stockhub.deliver("order")
    assert purchase_of(order.number).lines[0].host_line == line


def test_step_runs_once_though_what_follows_fails(stockhub, order, monkeypatch):
    stockhub.only("orders.thank")
    stockhub.deliver("shipment", status="DELIVERED")
    with monkeypatch.context() as broken:
        broken.delattr(ShopOrder, "close")
        stockhub.run_pending(raise_errors=False)
        assert ReceiverCall.objects.get().status == "pending"
    stockhub.run_pending()
    order.refresh_from_db()
    assert (mails.sent, order.state) == ([order.number], "closed")
