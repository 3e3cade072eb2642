"""Store the rows of a shop as this version writes them: `python -m tests.upgrade.store` writes rows.json beside it.

Run it at a release, on an empty scratch database (DATABASE_URL). `test_upgrade.py` puts the rows into tables that the
same migrations made, and upgrades them with whatever migrations came later.
"""

import hashlib
import json
from pathlib import Path

FILE = Path(__file__).resolve().with_name("rows.json")
ROOT = FILE.parents[2]
MIGRATIONS = ROOT / "stockhub_webhooks" / "migrations"
APP = "stockhub_webhooks"
KEY = "the-key-of-the-tests-0123456789"


def digest(name):
    return hashlib.sha256((MIGRATIONS / f"{name}.py").read_bytes()).hexdigest()


def models(registry):
    return {model.__name__: model for model in registry.get_app_config(APP).get_models()}


def to_text(row):
    return {field.attname: field.value_to_string(row) if field.value_from_object(row) is not None else None
            for field in row._meta.concrete_fields if not field.generated}  # fmt: skip


def from_text(model, values):
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return model(**{name: None if text is None else parsed(fields[name], text) for name, text in values.items()})


def parsed(field, text):
    return (field.target_field if field.remote_field else field).to_python(text)


def fill():
    """Play: each topic once, a message that nobody reads, one that is not applied yet, and receivers that are away."""
    from datetime import timedelta

    from django.core.management import call_command
    from django.test import override_settings
    from django.utils import timezone

    from stockhub_webhooks.contract import topics
    from stockhub_webhooks.models import ReceiverCall
    from stockhub_webhooks.signals import event_recorded, shipment_created
    from tests.hosts.post import hear, post
    from tests.samples import contract

    event_recorded.disconnect(hear, dispatch_uid="shop.hear")
    call_command("migrate", verbosity=0)
    event_recorded.connect(away, dispatch_uid="shop.away")
    shipment_created.connect(fail, dispatch_uid="shop.fails")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 1}):
        for topic in topics.ALL:
            assert post(topic, contract(topic)) == 200
        assert post(topics.ORDER, {"firstname": "no number"}) == 406
        call_command("stockhub_worker", once=True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        assert post(topics.ORDER, contract(topics.ORDER) | {"increment_id": "900000001", "po_number": "OPEN"}) == 202
    # due at once when they are upgraded
    assert ReceiverCall.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(days=1))
    assert ReceiverCall.objects.filter(status="given_up").exists()
    event_recorded.disconnect(dispatch_uid="shop.away")
    shipment_created.disconnect(dispatch_uid="shop.fails")


def deliver():
    """Work everything off; return type and key of each event that a message caused, in its order."""
    from django.core.management import call_command

    from stockhub_webhooks.signals import event_recorded

    heard = []

    def listen(sender, *, event, **kwargs):
        if event.message_id is not None:  # a deadline passes with time
            heard.append([event.type, event.idempotency_key])

    event_recorded.connect(listen, dispatch_uid="shop.away")
    call_command("stockhub_worker", once=True)
    return heard


def away(sender, **kwargs):
    from stockhub_webhooks.exceptions import RetryLater

    raise RetryLater(86400)


def fail(sender, **kwargs):
    raise ValueError("it fails")


def main():
    import django

    django.setup()
    from django.apps import apps

    fill()
    names = sorted(path.stem for path in MIGRATIONS.glob("0*.py"))
    stored = {
        "migrations": {name: digest(name) for name in names},
        "rows": {
            name: [to_text(row) for row in model._base_manager.order_by("pk")] for name, model in models(apps).items()
        },
    }
    stored["heard"] = sorted(deliver())
    text = json.dumps(stored, indent=1, sort_keys=True).replace(f"{ROOT}/", "")  # tracebacks name the checkout
    FILE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
