from django.dispatch import receiver

from shop.recipes.orders import is_cancelled, order_of
from stockhub_webhooks.signals import order_created, order_status_changed


@receiver([order_created, order_status_changed], dispatch_uid="shop.follow_status")
def follow_status(sender, *, order, event, **kwargs):
    shop_order = order_of(event)
    if order.is_cancelled and not is_cancelled(event):
        return  # another order of this purchase continues, and has a status of its own
    shop_order.stock_hub_status = order.status or ""
    shop_order.save()
