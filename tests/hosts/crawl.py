"""Fill a shop whose admin has a theme of other people, and open each page of it; print the pages that fail as JSON."""

import json

import django

django.setup()

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Order
from tests.hosts.post import post
from tests.samples import contract


def pages():
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=["stockhub_webhooks"])
    yield reverse("admin:stockhub_webhooks_find") + "?q=nothing"
    yield reverse("admin:stockhub_webhooks_export")
    yield reverse("admin:stockhub_webhooks_failures")
    for order in Order.objects.all():
        yield reverse("admin:stockhub_webhooks_order_story", args=[order.pk])
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        name = f"admin:stockhub_webhooks_{model._meta.model_name}"
        try:
            yield reverse(f"{name}_changelist")
        except NoReverseMatch:  # it is shown on the pages of others
            continue
        for row in model.objects.all()[:5]:
            yield reverse(f"{name}_change", args=[row.pk])


def main():
    call_command("migrate", verbosity=0)
    answers = [post(topic, contract(topic)) for topic in topics.ALL]
    post(topics.ORDER, {"firstname": "no number"})
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("office", password="secret"))
    opened = {page: client.get(page, headers={"host": "shop.example"}).status_code for page in pages()}
    wrong = {page: status for page, status in opened.items() if status != 200}
    print(json.dumps({"answers": answers, "opened": len(opened), "wrong": wrong}))


if __name__ == "__main__":
    main()
