"""Test the owner of spool files: each process imports those of its own database and schema."""

import json

import pytest
from django.db import connection, connections
from django.test import override_settings

from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import kept_fields, spool, spool_import, spool_owner
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a spool file with changed fields; None removes a field."""

    def file(**changed):
        body = json.dumps(sample("order", increment_id="1")).encode()
        message = Message(url_topic="order", account="default", body=body)
        path = spool.write({name: getattr(message, name) for name in kept_fields.SPOOLED})
        record = {name: value for name, value in (json.loads(path.read_text()) | changed).items() if value is not None}
        path.write_text(json.dumps(record))
        return path

    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        yield file


def test_record_names_its_database_and_neither_host_nor_password(write, monkeypatch):
    for name, value in (("HOST", "db.internal"), ("PASSWORD", "hunter2"), ("USER", "shopuser")):
        monkeypatch.setitem(connection.settings_dict, name, value)
    text = write().read_text()
    record = json.loads(text)
    assert (record["alias"], record["schema"]) == ("default", "")
    assert record["database"] == spool_owner.current().database
    assert not any(secret in text for secret in ("db.internal", "hunter2", "shopuser"))


def test_connection_string_as_the_name_of_the_database_is_not_written(write, monkeypatch):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setitem(connection.settings_dict, "NAME", "postgres://me:hunter2@db.internal/shop")
    text = write().read_text()
    assert "hunter2" not in text
    assert "db.internal" not in text
    assert json.loads(text)["database"]


@pytest.mark.parametrize("changed", [{"alias": "other"}, {"database": "shop2"}, {"schema": "beta"}])
def test_file_of_another_database_or_schema_is_left_alone(write, caplog, changed):
    theirs, _ours = write(**changed), write()
    for _ in range(2):
        spool_import.import_spool()
    assert list(spool.files()) == [theirs]
    assert Message.objects.count() == 1
    assert not spool.broken()


def test_file_of_an_older_version_is_imported(write):
    write(alias=None, database=None, schema=None)
    assert spool_import.import_spool() == 1


def test_each_tenant_imports_its_own_files_in_one_process(write, monkeypatch):
    for schema in ("alfa", "beta"):
        monkeypatch.setattr(connections["default"], "schema_name", schema, raising=False)
        write()
    for schema in ("public", "alfa", "alfa", "beta"):
        monkeypatch.setattr(connections["default"], "schema_name", schema, raising=False)
        count = Message.objects.count()
        owners = {json.loads(path.read_text())["schema"] for path in spool.files()}
        spool_import.import_spool()
        assert Message.objects.count() - count == (schema in owners)
    assert not list(spool.files())


def test_file_without_a_schema_is_the_public_ones(write, monkeypatch):
    write(schema=None)
    monkeypatch.setattr(connections["default"], "schema_name", "beta", raising=False)
    assert spool_import.import_spool() == 0
    monkeypatch.setattr(connections["default"], "schema_name", "public")
    assert spool_import.import_spool() == 1


def test_sqlite_file_is_the_same_by_another_path(monkeypatch, tmp_path):
    monkeypatch.setattr(connection, "vendor", "sqlite")
    (tmp_path / "releases").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "releases")
    names = set()
    for name in (tmp_path / "releases" / "db.sqlite3", tmp_path / "current" / "db.sqlite3"):
        monkeypatch.setitem(connection.settings_dict, "NAME", name)
        names.add(spool_owner.current())
    assert len(names) == 1
