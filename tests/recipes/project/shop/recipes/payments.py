from urllib.parse import urlsplit

from django.dispatch import receiver

from shop.models import Payable
from stockhub_webhooks.signals import payment_requested


@receiver(payment_requested, dispatch_uid="shop.note_payable")
def note_payable(sender, *, payment_request, event, **kwargs):
    link = payment_request.pay_by_link or ""
    Payable.objects.get_or_create(
        account=event.account,
        number=payment_request.increment_id,
        defaults={
            "link": link if urlsplit(link).scheme == "https" else "",
            "amount": payment_request.grand_total,
            "currency": payment_request.currency or "",
        },
    )
