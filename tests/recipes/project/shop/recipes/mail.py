from django.core.mail import EmailMessage
from django.dispatch import receiver

from shop.recipes.orders import is_older, order_of
from stockhub_webhooks.signals import shipment_delivered


@receiver(shipment_delivered, dispatch_uid="shop.mail_customer")
def mail_customer(sender, *, event, **kwargs):
    if event.is_replay or is_older(event, hours=48):
        return
    shop_order = order_of(event, lock=False)
    EmailMessage(
        subject=f"Delivered: your order {shop_order.number}",
        body="Enjoy it!",
        to=[shop_order.customer_email],
        headers={"Message-ID": f"<{event.idempotency_key}@shop.example>"},
    ).send()
