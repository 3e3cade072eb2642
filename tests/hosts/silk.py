"""Receive messages in a shop with django-silk; print what it keeps of them as JSON."""

import json

import django

django.setup()

from django.apps import apps
from django.core.management import call_command
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message
from tests.hosts.post import KEY, post
from tests.samples import contract

LARGE = contract(topics.INVOICE) | {"remark": "x" * 3_000_000}  # more than DATA_UPLOAD_MAX_MEMORY_SIZE


def main():
    call_command("migrate", verbosity=0)
    answers = [post(topic, contract(topic)) for topic in topics.ALL]
    answers.append(post(topics.INVOICE, LARGE | {"increment_id": "000000099"}))
    form = {"data": "password=of-a-customer", "content_type": "application/x-www-form-urlencoded"}
    Client().post("/login/", **form, headers={"host": "shop.example", "x-api-key": KEY})
    rows = [row for model in apps.get_app_config("silk").get_models() for row in model.objects.values()]
    print(
        json.dumps(
            {
                "answers": answers,
                "settled": sorted(Message.objects.values_list("topic", "status")),
                "requests": sorted({row["path"] for row in rows if "path" in row}),
                "kept": json.dumps(rows, default=str),
            }
        )
    )


main()
