"""Fill a shop, export all that the app has, and remove the app; print what is left as JSON. A process of its own.

`python -m tests.hosts.leave FOLDER` exports to the folder; with `again` as second argument it loads the export of the
folder into an empty database, and prints the number of rows of each table.
"""

import io
import json
import sys
from pathlib import Path

import django

django.setup()

from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Order
from stockhub_webhooks.receiving import spool
from tests.hosts.post import post
from tests.samples import contract

FOLDER = Path(sys.argv[1])
MODELS = sorted(apps.get_app_config("stockhub_webhooks").get_models(), key=lambda model: model.__name__)


def counts():
    return {model.__name__: model._base_manager.count() for model in MODELS}


def fill():
    call_command("migrate", verbosity=0)
    for topic in topics.ALL:
        assert post(topic, contract(topic)) == 200
    assert post(topics.ORDER, {"firstname": "no number"}) == 406
    call_command("stockhub_worker", once=True)
    call_command("stockhub_groups", stdout=io.StringIO())
    office = get_user_model().objects.create_superuser("office", password="secret")
    office.user_permissions.add(Permission.objects.get(codename="export"))
    office.groups.add(Group.objects.get(name="Stock Hub: bookkeeper"))
    for row in (Order.objects.first(), office):
        LogEntry.objects.create(
            user=office,
            content_type=ContentType.objects.get_for_model(row),
            object_id=row.pk,
            object_repr=str(row),
            action_flag=CHANGE,
        )


def export():
    """Export everything, as the guide says."""
    call_command("dumpdata", "stockhub_webhooks", output=str(FOLDER / "stockhub.json"))
    with (FOLDER / "messages.jsonl").open("w") as file:
        call_command("stockhub_dump", since="2000-01-01", stdout=file)


def left():
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    return {
        "tables": [name for name in tables if "stockhub" in name],
        "sequences": [name for name in sequences() if "stockhub" in name],
        "migrations": MigrationRecorder.Migration.objects.filter(app="stockhub_webhooks").count(),
        "content types": ContentType.objects.filter(app_label="stockhub_webhooks").count(),
        "permissions": Permission.objects.filter(content_type__app_label="stockhub_webhooks").count(),
        "permissions of users": get_user_model().objects.filter(user_permissions__isnull=False).count(),
        "log": list(LogEntry.objects.values_list("content_type__model", flat=True)),
        "groups": list(Group.objects.values_list("name", flat=True)),
        "users": get_user_model().objects.count(),
        "spool": Path(settings.STOCKHUB_WEBHOOKS["SPOOL_DIR"]).exists(),
        "copy": Path(settings.STOCKHUB_WEBHOOKS["JOURNAL_COPY_DIR"]).exists(),
    }


def leave_what_killed_processes_leave():
    folders = [Path(settings.STOCKHUB_WEBHOOKS[name]) for name in ("SPOOL_DIR", "JOURNAL_COPY_DIR")]
    for folder in folders:
        (folder / ".probe-1").write_text("")
    (folders[0] / "..probe-2").write_text("")
    (folders[0] / f".half{spool.SUFFIX}").write_text("{")
    (folders[1] / ".20260101T00-1-x.jsonl.1").write_text("{}")


def sequences():
    statement = {
        "postgresql": "SELECT sequencename FROM pg_sequences",
        "sqlite": "SELECT name FROM sqlite_sequence",
        "mysql": "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND extra = 'auto_increment'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [name for (name,) in cursor.fetchall()]


def uninstall(*options):
    out = io.StringIO()
    try:
        call_command("stockhub_uninstall", *options, stdout=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


def leave():
    fill()
    result = {"rows": counts()}
    export()
    path = Path(settings.STOCKHUB_WEBHOOKS["SPOOL_DIR"], f"waits{spool.SUFFIX}")
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    result["refused"] = uninstall("--remove")
    result["after refusal"] = counts()
    path.rename(path.with_suffix(spool.BROKEN_SUFFIX))
    leave_what_killed_processes_leave()
    result["shown"] = uninstall()
    result["after show"] = counts()
    result["said"] = uninstall("--remove")
    result["left"] = left()
    result["again"] = uninstall("--remove")
    return result


def again():
    call_command("migrate", verbosity=0)
    call_command("loaddata", str(FOLDER / "stockhub.json"), verbosity=0)
    return {"rows": counts(), "messages": len((FOLDER / "messages.jsonl").read_text().splitlines())}


if __name__ == "__main__":
    print(json.dumps(again() if "again" in sys.argv else leave()))
