"""Upgrade a stored database, let it work, and go back; print what came of it as JSON. A process of its own."""

import json

import django

django.setup()

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from stockhub_webhooks.models import Message, Order, ReceiverCall
from stockhub_webhooks.signals import event_recorded
from tests.hosts.post import hear
from tests.upgrade.store import APP, FILE, deliver, from_text, models, to_text

STORED = json.loads(FILE.read_text(encoding="utf-8"))
LAST = max(STORED["migrations"])


def at_the_stored_state():
    return models(MigrationLoader(connection).project_state((APP, LAST)).apps)


def load():
    with connection.constraint_checks_disabled(), transaction.atomic():
        for name, model in at_the_stored_state().items():
            model._base_manager.bulk_create(from_text(model, values) for values in STORED["rows"][name])
    tables = [model._meta.db_table for model in at_the_stored_state().values()]
    connection.check_constraints(tables)
    statements = connection.ops.sequence_reset_sql(django.core.management.color.no_style(), models(apps).values())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows():
    """Return the rows as the stored version would see them."""
    return {
        name: [to_text(row) for row in model._base_manager.order_by("pk")]
        for name, model in at_the_stored_state().items()
    }


def main():
    event_recorded.disconnect(hear, dispatch_uid="shop.hear")
    call_command("migrate", verbosity=0)
    call_command("migrate", APP, LAST, verbosity=0)
    load()
    as_stored = rows()
    call_command("migrate", verbosity=0)
    call_command("migrate", APP, LAST, verbosity=0)
    back = rows()
    call_command("migrate", verbosity=0)
    given_up = ReceiverCall.objects.filter(status="given_up").count()
    result = {
        "stored": as_stored == STORED["rows"],
        "back": [name for name in back if back[name] != STORED["rows"][name]],
        "given up": given_up,
        "heard": sorted(deliver()),
        "calls": sorted(set(ReceiverCall.objects.values_list("receiver", "status"))),
        "messages": sorted(set(Message.objects.values_list("status", flat=True))),
        "applied": Order.objects.filter(po_number="OPEN").exists(),
    }
    call_command("migrate", APP, LAST, verbosity=0)
    return result


if __name__ == "__main__":
    print(json.dumps(main()))
