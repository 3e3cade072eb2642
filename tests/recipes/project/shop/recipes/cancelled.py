from functools import partial

from django.core.mail import mail_managers
from django.db import transaction
from django.dispatch import receiver

from shop.recipes.orders import add_stock, is_cancelled, order_of
from stockhub_webhooks.signals import purchase_changed


@receiver(purchase_changed, dispatch_uid="shop.release_stock")
def release_stock(sender, *, purchase, event, **kwargs):
    shop_order = order_of(event)
    if purchase.is_cancelled:
        is_cancelled(event)  # waits for the new number of an edited order
    pieces = event.book("cancelled", {line.key: line.cancelled for line in purchase.lines})
    for line in sorted(purchase.lines, key=lambda line: line.sku):
        if pieces[line.key]:
            add_stock(line.sku, pieces[line.key])
    if pieces:
        subject = f"Order {shop_order.number}: {sum(pieces.values()):+} pieces are free again"
        transaction.on_commit(partial(mail_managers, subject, "Is it on the packing table?"))
