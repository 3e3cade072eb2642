from django.dispatch import receiver

from shop.recipes.orders import add_stock
from stockhub_webhooks.signals import purchase_changed


@receiver(purchase_changed, dispatch_uid="shop.restock")
def restock(sender, *, purchase, event, **kwargs):
    pieces = event.book("returned", {line.key: line.returned for line in purchase.lines})
    for line in sorted(purchase.lines, key=lambda line: line.sku):
        if pieces[line.key]:
            add_stock(line.sku, pieces[line.key])
