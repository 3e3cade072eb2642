from django.core.mail import EmailMessage
from django.db import transaction
from django.dispatch import receiver

from shop.recipes.orders import is_older, order_of
from stockhub_webhooks.signals import order_created


@receiver(order_created, dispatch_uid="shop.thank_customer")
def thank_customer(sender, *, event, **kwargs):
    if event.is_replay or is_older(event, hours=48):
        return
    shop_order = order_of(event, lock=False)
    message = EmailMessage(f"Thank you for {shop_order.number}", "It is on its way.", to=[shop_order.customer_email])
    transaction.on_commit(message.send)
