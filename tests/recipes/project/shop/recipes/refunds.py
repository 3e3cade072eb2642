from django.db.models import Sum
from django.dispatch import receiver

from shop.models import ShopOrder
from shop.recipes.orders import order_of
from stockhub_webhooks.signals import credit_memo_created, credit_memo_updated


@receiver([credit_memo_created, credit_memo_updated], dispatch_uid="shop.propose_refund")
def propose_refund(sender, *, order, event, **kwargs):
    total = order.credit_memos.aggregate(total=Sum("grand_total"))["total"]
    ShopOrder.objects.filter(pk=order_of(event).pk).update(refund_proposal=total)
