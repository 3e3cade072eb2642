from functools import partial

from django.core.mail import mail_managers
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver

from shop.models import Article, ShopOrder
from shop.recipes.orders import is_cancelled, lock, order_of
from stockhub_webhooks.signals import order_created, order_status_changed


@receiver([order_created, order_status_changed], dispatch_uid="shop.release_stock")
def release_stock(sender, *, order, event, **kwargs):
    shop_order = lock(order_of(event))
    if order.is_cancelled:
        if is_cancelled(event) and not shop_order.stock_released:
            book(shop_order, 1, f"Winkelstraat cancelled order {shop_order.number}: its stock is free again")
    elif shop_order.stock_released:
        book(shop_order, -1, f"Order {shop_order.number} continues as {order.increment_id}: its stock is taken again")


def book(shop_order, sign, subject):
    ShopOrder.objects.filter(pk=shop_order.pk).update(stock_released=sign > 0)
    for line in shop_order.lines.all():
        Article.objects.filter(sku=line.sku).update(stock=F("stock") + sign * line.quantity)
    transaction.on_commit(partial(mail_managers, subject, "Is it on the packing table?"))
