"""The owner of a spool file: the alias and name of its database, and its schema if each tenant has one.

Processes of several databases or tenants may share a spool directory. Each imports its own files only.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias


class Owner(NamedTuple):
    """The database that a record was written for; `schema` is "" if the connection has no tenants."""

    alias: str
    database: str
    schema: str

    def as_record(self) -> dict[str, str]:
        """Return the fields of a record."""
        return self._asdict()


def current() -> Owner:
    """Return the owner of the records that this thread writes. No query is made."""
    alias = database_alias()
    connection: Any = connections[alias]
    name = str(connection.settings_dict.get("NAME") or "")
    if connection.vendor == "sqlite":
        # a relative path or a linked directory must mean the same file to a server and to cron
        name = name if name.startswith((":memory:", "file:")) else os.path.realpath(name)
    elif "://" in name or "=" in name:  # a connection string may hold the host and the password
        name = hashlib.sha256(name.encode()).hexdigest()[:16]
    return Owner(alias, name, str(getattr(connection, "schema_name", None) or ""))


def owner_of(record: Mapping[str, Any]) -> Owner:
    """Return the owner that a record names. A record of an older version names none, so it is the default's."""
    here = current()
    public = conf.public_schema() if here.schema else ""
    return Owner(
        *(
            value if isinstance(value := record.get(name), str) else default
            for name, default in zip(Owner._fields, (here.alias, here.database, public), strict=True)
        )
    )


def import_command(owner: Owner, paths: Iterable[Path]) -> str:
    """Return the command that imports files of another owner; one of a tenant also removes them."""
    here = current()
    if (owner.alias, owner.database) == (here.alias, here.database) and owner.schema:
        return f"python manage.py tenant_command stockhub_worker --once --schema={shlex.quote(owner.schema)}"
    return " ".join(["python manage.py stockhub_ingest", *(shlex.quote(str(path)) for path in paths)])
