from django.conf import settings
from django.core.mail import EmailMessage
from django.dispatch import receiver

from shop.recipes.orders import is_older, order_of
from stockhub_webhooks.signals import track_added


@receiver(track_added, dispatch_uid="shop.mail_parcel", test=True)
def mail_parcel(sender, *, track, shipment, event, **kwargs):
    if shipment is None or event.is_replay or is_older(event, hours=48):
        return
    to = settings.REHEARSAL_EMAIL if event.is_test else order_of(event, lock=False).customer_email
    EmailMessage(f"Your parcel {track.tracking_number}", track.tracking_url or "", to=[to]).send()
