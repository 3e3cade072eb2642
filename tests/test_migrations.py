"""Test that the code before an upgrade can still write to the tables after `migrate`, until the servers restart."""

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED, AutoField, UniqueConstraint

APP = "stockhub_webhooks"


def first_and_last():
    """Return the tables after the first and after the last migration: models by the name of their table."""
    loader = MigrationLoader(None)  # without a database
    (last,) = loader.graph.leaf_nodes(APP)
    for node in ((APP, "0001_initial"), last):
        models = loader.project_state(node).apps.get_app_config(APP).get_models(include_auto_created=True)
        yield {model._meta.db_table: model for model in models}


FIRST, LAST = first_and_last()


def columns(model):
    return {field.column: field for field in model._meta.local_concrete_fields}


def is_optional(field):
    """Return True if an INSERT that does not name the column is accepted."""
    is_filled = field.generated or isinstance(field, AutoField)
    return field.null or field.db_default is not NOT_PROVIDED or is_filled


def unique(model):
    fields = {(field.column,) for field in model._meta.local_concrete_fields if field.unique}
    constraints = {
        tuple(model._meta.get_field(name).column for name in constraint.fields)
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
    }
    return fields | constraints | {tuple(names) for names in model._meta.unique_together}


def test_no_table_is_gone():
    assert FIRST.keys() <= LAST.keys()


@pytest.mark.parametrize("table", FIRST)
def test_former_code_can_write_to_the_table(table):
    before, now = columns(FIRST[table]), columns(LAST[table])
    assert before.keys() <= now.keys(), "a column is gone or has another name"
    assert [name for name in now.keys() - before.keys() if not is_optional(now[name])] == []
    narrower = [
        name
        for name, field in before.items()
        if (field.null and not now[name].null) or (field.max_length or 0) > (now[name].max_length or 10**9)
    ]
    assert narrower == []
    without_default = [name for name, field in before.items() if is_optional(field) and not is_optional(now[name])]
    assert without_default == []
    assert unique(LAST[table]) <= unique(FIRST[table]), "the table refuses rows that former code may write"


def test_a_column_that_former_code_cannot_fill_is_noticed():
    assert not is_optional(columns(LAST["stockhub_webhooks_message"])["body"])
    assert is_optional(columns(LAST["stockhub_webhooks_message"])["claim"])
    assert is_optional(columns(LAST["stockhub_webhooks_message"])["is_suspect"])
