"""A migration of a release holds no lock on a table of before that others wait for, and can be reversed.

Judged are the migrations that came after the stored database (rows.json): those before it make the tables.
"""

import json
import threading
import time

import pytest
from django.db import NotSupportedError, connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

from stockhub_webhooks.db.indexes import BeginningIndex, NotNullIndex
from stockhub_webhooks.db.operations import AddIndexOnline
from stockhub_webhooks.models import Address
from tests.processes import separate_cursor
from tests.upgrade.store import APP, FILE

LOADER = MigrationLoader(None)
STORED = json.loads(FILE.read_text(encoding="utf-8"))["migrations"]
LATER = sorted(name for app, name in LOADER.graph.nodes if app == APP and name not in STORED)
UNTIL_RELEASED = "merge the migrations of this release; before the first one, run python -m tests.upgrade.store"
# of the state alone, or a change of the catalogue that takes no time
HARMLESS = (
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
    migrations.CreateModel,
    migrations.DeleteModel,
    migrations.RenameIndex,
    AddIndexOnline,
)


def faults(migration, state):
    """Yield what a migration does that may hold a lock for long, or that cannot be undone."""
    made = set()
    for operation in migration.operations:
        if not operation.reversible:
            yield f"{operation.describe()}: it cannot be reversed"
        before = state.clone()
        operation.state_forwards(APP, state)
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name_lower)
        elif getattr(operation, "model_name", "").lower() not in made:
            yield from locks(operation, before, state)
        if isinstance(operation, AddIndexOnline) and migration.atomic:
            yield f"{operation.describe()}: set atomic = False"
    if not migration.atomic and not any(
        isinstance(each, (AddIndexOnline, migrations.RunPython)) for each in migration.operations
    ):
        yield "it need not be without a transaction"


def locks(operation, before, after):
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from locks(inner, before, after)
    elif isinstance(operation, migrations.AddField):
        field = operation.field
        if not field.null and field.db_default is NOT_PROVIDED:
            yield f"{operation.describe()}: former code cannot write; make it nullable, or give it a db_default"
        if getattr(field, "db_index", False) or field.unique:
            yield f"{operation.describe()}: it has an index; make that by AddIndexOnline"
        if field.remote_field and field.db_constraint:
            yield f"{operation.describe()}: the constraint is checked for each row; use db_constraint=False"
    elif isinstance(operation, migrations.AlterField):
        old = before.models[APP, operation.model_name_lower].fields[operation.name]
        if in_database(old) != in_database(operation.field):
            yield f"{operation.describe()}: the table may be written anew"
    elif not isinstance(operation, HARMLESS):
        yield f"{operation.describe()}: {type(operation).__name__} may hold a lock, or take long"


def in_database(field):
    """Return what a column is made of. Any change of it copies the table on one of the databases at least."""
    _, path, arguments, options = field.deconstruct()
    left_out = {*field.non_db_attrs, "default"}
    return path, arguments, {name: value for name, value in options.items() if name not in left_out}


def test_later_migrations_lock_no_table_for_long():
    later = {name: LOADER.graph.nodes[APP, name] for name in LATER}
    found = {name: list(faults(each, LOADER.project_state(each.dependencies))) for name, each in later.items()}
    assert {name: each for name, each in found.items() if each} == {}, UNTIL_RELEASED


def test_a_release_has_one_migration_and_perhaps_one_for_its_indexes():
    atomic = [name for name in LATER if LOADER.graph.nodes[APP, name].atomic]
    assert (len(atomic) <= 1, len(LATER) <= 2) == (True, True), UNTIL_RELEASED


def judged(*operations, atomic=True):
    migration = migrations.Migration("later", APP)
    migration.operations, migration.atomic = list(operations), atomic
    state = ProjectState.from_apps(LOADER.project_state().apps)
    return list(faults(migration, state))


INDEX = models.Index(fields=["city"], name="stockhub_address_city")


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("address", INDEX),
        migrations.AddField("address", "new", models.CharField(max_length=9)),
        migrations.AddField("address", "new", models.CharField(max_length=9, null=True, db_index=True)),
        migrations.AddField("address", "new", models.ForeignKey("self", models.CASCADE, null=True, db_index=False)),
        migrations.AlterField("address", "city", models.TextField(null=True)),
        migrations.AddConstraint("address", models.UniqueConstraint(fields=["city"], name="one")),
        migrations.RunSQL("UPDATE stockhub_webhooks_address SET city = ''", migrations.RunSQL.noop),
        AddIndexOnline("address", INDEX),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_a_lock_is_noticed(operation):
    assert len(judged(operation)) == 1


def test_what_cannot_be_reversed_is_noticed():
    assert any("reversed" in fault for fault in judged(migrations.RunPython(print)))


def test_what_takes_no_time_is_allowed():
    assert judged(migrations.AddField("address", "new", models.CharField(max_length=9, null=True))) == []
    assert judged(migrations.AddField("address", "new", models.BooleanField(db_default=False, default=False))) == []
    assert judged(AddIndexOnline("address", INDEX), atomic=False) == []
    table = migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))])
    assert judged(table, migrations.AddField("other", "name", models.CharField(max_length=9, db_index=True))) == []


INDEXES = [
    INDEX,
    NotNullIndex(fields=["city"], name="stockhub_address_city"),
    BeginningIndex(fields=["city"], name="stockhub_address_city"),
]


def apply(index, *, backwards=False):
    """Create the index as a migration does, on a connection of this thread; with `backwards` remove it."""
    before = ProjectState.from_apps(LOADER.project_state().apps)
    operation, after = AddIndexOnline("address", index), before.clone()
    operation.state_forwards(APP, after)
    with connection.schema_editor(atomic=False) as editor:
        if backwards:
            operation.database_backwards(APP, editor, after, before)
        else:
            operation.database_forwards(APP, editor, before, after)


def exists():
    with connection.cursor() as cursor:
        table = connection.introspection.get_constraints(cursor, Address._meta.db_table)
    return INDEX.name in table


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_index_is_made_and_removed_on_each_database(index):
    apply(index)
    assert exists()
    apply(index, backwards=True)
    assert not exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_others_write_while_the_index_is_made(index):
    def make():
        try:
            apply(index)
        finally:
            connection.close()

    maker = threading.Thread(target=make)
    with transaction.atomic():
        Address.objects.create(city="Delft")  # the index waits for this transaction
        maker.start()
        with separate_cursor() as cursor:
            wait_for_the_index(cursor)
            cursor.execute(f"SET lock_timeout = 5000; UPDATE {Address._meta.db_table} SET city = 'Gouda' WHERE FALSE")
        assert maker.is_alive()
    maker.join(30)
    assert exists()
    apply(index, backwards=True)


def wait_for_the_index(cursor):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%%' AND wait_event_type = 'Lock'"
        )
        if cursor.fetchone()[0]:
            return
        time.sleep(0.05)
    raise AssertionError("no index is made")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_migration_that_was_interrupted_can_be_repeated():
    apply(INDEX)  # made, and not recorded
    apply(INDEX)
    assert exists()
    apply(INDEX, backwards=True)


@pytest.mark.postgresql
@pytest.mark.django_db
def test_within_a_transaction_it_is_refused():
    with pytest.raises(NotSupportedError, match="atomic = False"):
        apply(INDEX)
