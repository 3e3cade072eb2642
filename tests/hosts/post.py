"""Receive messages in the shop of the settings; print what came of them as JSON. Started as a process of its own."""

import json
import os

import django
from django.conf import settings

django.setup()

from django.core.management import ManagementUtility, call_command
from django.db import connection
from django.test import Client

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message, Order, ReceiverCall
from stockhub_webhooks.signals import event_recorded
from tests.samples import contract, sample

KEY = settings.STOCKHUB_WEBHOOKS["API_KEYS"]
heard = []  # the schema that a receiver ran in, and the order number that it was called for


def hear(sender, *, event, **kwargs):
    heard.append([getattr(connection, "schema_name", ""), event.po_number])


event_recorded.connect(hear, dispatch_uid="shop.hear")


def post(topic, body, host="shop.example"):
    options = {"content_type": "application/json", "headers": {"x-api-key": KEY, "host": host}}
    return Client().post(f"/api/v1/stockhub/{topic}", json.dumps(body), **options).status_code


def rows():
    return {
        "messages": sorted(Message.objects.values_list("topic", "status")),
        "orders": list(Order.objects.values_list("po_number", flat=True)),
        "calls": sorted(set(ReceiverCall.objects.values_list("status", flat=True))),
    }


def tenants():
    from django_tenants.utils import schema_context

    from tests.hosts.tenants.models import Domain, Tenant

    call_command("migrate_schemas", shared=True, run_syncdb=True, verbosity=0)
    for name in ("alfa", "beta"):
        tenant = Tenant.objects.create(schema_name=name, name=name)
        Domain.objects.create(domain=f"{name}.example", tenant=tenant, is_primary=True)
    answers = [
        post(topic, sample(topic, po_number=name) if topic == topics.ORDER else contract(topic), f"{name}.example")
        for topic in (topics.ORDER, *sorted(set(topics.ALL) - {topics.ORDER}))
        for name in ("alfa", "beta")
    ]
    if settings.STOCKHUB_WEBHOOKS["RUNNER"] == "worker":
        work("all_tenants_command" if "ALL_TENANTS" in os.environ else "tenant_command")
    stored = {}
    for name in ("alfa", "beta"):
        with schema_context(name):
            stored[name] = rows()
    return {"answers": answers, "stored": stored, "heard": heard}


def work(command):
    """Run the worker as `manage.py` does, for all tenants or for one after the other."""
    options = [[]] if command == "all_tenants_command" else [["--schema=alfa"], ["--schema=beta"]]
    for each in options:
        ManagementUtility(["manage.py", command, "stockhub_worker", "--once", *each]).execute()


def one_shop():
    call_command("migrate", verbosity=0)
    answers = [post(topic, contract(topic)) for topic in topics.ALL]
    return {"answers": answers, "stored": rows(), **seen()}


def seen():
    """Return what the package of the shop saw of our statements."""
    if settings.HOST == "toolbar":
        from debug_toolbar.store import get_store

        store = get_store()
        queries = [query["sql"] for each in store.request_ids() for query in store.panel(each, "SQLPanel")["queries"]]
        return {"statements": queries}
    if settings.HOST == "backend":
        from tests.hosts.backend.base import cursors_made

        before = len(cursors_made)
        post(topics.ORDER, contract(topics.ORDER))
        return {"cursors": len(cursors_made) - before}
    return {}


if __name__ == "__main__":
    print(json.dumps(tenants() if settings.HOST == "tenants" else one_shop()))
