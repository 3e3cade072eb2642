from functools import partial

from django.core.mail import mail_managers
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver

from shop.models import Article, ShopOrder
from shop.recipes.orders import order_of
from stockhub_webhooks.signals import order_created, order_status_changed


@receiver([order_created, order_status_changed], dispatch_uid="shop.release_stock")
def release_stock(sender, *, order, event, **kwargs):
    if order.status != "canceled":
        return
    shop_order = order_of(event)
    if not ShopOrder.objects.filter(pk=shop_order.pk, stock_released=False).update(stock_released=True):
        return  # it was cancelled before
    for line in shop_order.lines.all():
        Article.objects.filter(sku=line.sku).update(stock=F("stock") + line.quantity)
    subject = f"Winkelstraat cancelled order {shop_order.number}"
    transaction.on_commit(partial(mail_managers, subject, "Its stock is free again. Is it on the packing table?"))
