from django.dispatch import receiver

from shop.models import ShopOrder
from shop.recipes.orders import order_of
from stockhub_webhooks.signals import credit_memo_created, credit_memo_updated


@receiver([credit_memo_created, credit_memo_updated], dispatch_uid="shop.propose_refund")
def propose_refund(sender, *, event, **kwargs):
    total = sum(memo.grand_total or 0 for memo in event.purchase.credit_memos)
    ShopOrder.objects.filter(pk=order_of(event).pk).update(refund_proposal=total)
