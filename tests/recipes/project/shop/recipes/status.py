from django.dispatch import receiver

from shop.models import ShopOrder
from shop.recipes.orders import order_of
from stockhub_webhooks.signals import order_created, order_status_changed


@receiver([order_created, order_status_changed], dispatch_uid="shop.follow_status")
def follow_status(sender, *, order, event, **kwargs):
    shop_order = order_of(event)
    ShopOrder.objects.filter(pk=shop_order.pk).update(stock_hub_status=order.status or "")
