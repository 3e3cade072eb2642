from django.db.models import F
from django.dispatch import receiver

from shop.models import Article, ReturnedItem
from stockhub_webhooks.signals import rma_created, rma_updated


@receiver([rma_created, rma_updated], dispatch_uid="shop.restock")
def restock(sender, *, rma, event, **kwargs):
    for item in rma.items.all():
        known, _ = ReturnedItem.objects.get_or_create(
            account=rma.account, return_number=rma.increment_id, item_id=item.item_id
        )
        pieces = (item.qty_returned or 0) - known.restocked
        if pieces > 0:
            Article.objects.filter(sku=item.sku).update(stock=F("stock") + pieces)
            known.restocked += pieces
            known.save()
