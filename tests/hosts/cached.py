"""Work in a shop whose query sets are cached by django-cacheops; print what is read after each change as JSON."""

import json

import django

django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Order, ReceiverCall
from stockhub_webhooks.purchases import purchase_of
from stockhub_webhooks.signals import order_created
from tests.hosts.crawl import pages
from tests.hosts.post import post
from tests.samples import contract, sample

failing = [PermanentFailure("the printer has no paper")]


def print_label(sender, **kwargs):
    if failing:
        raise failing.pop()


def main():
    call_command("migrate", verbosity=0)
    order_created.connect(print_label, dispatch_uid="shop.print_label")
    post(topics.ORDER, contract(topics.ORDER) | {"status": "processing"})
    number = contract(topics.ORDER)["po_number"]
    client = Client(headers={"host": "shop.example"})
    client.force_login(get_user_model().objects.create_superuser("office", password="secret"))

    def read():
        opened = {client.get(page).status_code for page in pages()}
        statuses = list(Order.objects.values_list("status", flat=True))
        calls = list(ReceiverCall.objects.filter(receiver="shop.print_label").values_list("status", flat=True))
        return [sorted(opened), statuses, calls, [line.sent for line in purchase_of(number).lines]]

    before = read()
    post(topics.SHIPMENT, sample(topics.SHIPMENT, status="DELIVERED"))
    post(topics.ORDER, contract(topics.ORDER) | {"status": "complete", "updated_at": "2027-01-01T10:00:00+00:00"})
    call_command("stockhub_retry", "--given-up")
    call_command("stockhub_worker", "--once")
    print(json.dumps({"before": before, "after": read()}))


main()
