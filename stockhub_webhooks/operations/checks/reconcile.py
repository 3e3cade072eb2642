"""Checks of the REST calls, and of the copy of the journal. None of them connects to anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import RestNotConfigured
from stockhub_webhooks.operations.checks.imports import import_error
from stockhub_webhooks.receiving import journal_copy

REST_SETTINGS = ("REST_BASE_URL", "REST_TOKEN", "REST_AUTH", "RECENT_PO_NUMBERS")


def rest_calls() -> Iterable[CheckMessage]:
    """E030: the REST calls cannot be made: an address that is not https, no token, or the extra is not installed."""
    accounts = conf.rest_accounts()
    if accounts and find_spec("httpx") is None:
        yield Error(
            f"{NAME}['REST_BASE_URL'] is set, but httpx is not installed, so nothing that is missing can be fetched.",
            hint='Install it: pip install "django-stockhub-webhooks[reconcile]"',
            id="stockhub_webhooks.E030",
        )
        return
    for account in accounts:
        if fault := _fault_of(account):
            yield Error(
                f"Nothing that is missing can be fetched for the account {account!r}: {fault}.",
                hint=f"Set {NAME}['REST_BASE_URL'] to an https address, and ['REST_TOKEN'] or ['REST_AUTH'].",
                id="stockhub_webhooks.E030",
            )


def _fault_of(account: str) -> str:
    from stockhub_webhooks.operations.reconcile import credentials

    try:
        credentials.base_url(account)
        if not conf.of_account("REST_AUTH", account):  # a function of the shop may ask another server for its headers
            credentials.authentication(account)
    except RestNotConfigured as error:
        return str(error)
    return ""


def functions_of_the_shop() -> Iterable[CheckMessage]:
    """E031: `REST_AUTH` or `RECENT_PO_NUMBERS` cannot be imported or is not a function."""
    for name, signature in (("REST_AUTH", "(account) -> headers"), ("RECENT_PO_NUMBERS", "() -> numbers")):
        for path in dict.fromkeys(conf.of_account(name, account) for account in conf.accounts()):
            if fault := import_error(path):
                yield Error(
                    f"{NAME}[{name!r}] {fault}",
                    hint=f"Set it to the dotted path of a function {signature}.",
                    id="stockhub_webhooks.E031",
                )


def unknown_accounts() -> Iterable[CheckMessage]:
    """E032: a setting by account names an account that `API_KEYS` does not have, or a value that is no text."""
    for name in REST_SETTINGS:
        value = getattr(conf, name)
        for account, part in value.items() if isinstance(value, Mapping) else ():
            if account not in conf.accounts() or not isinstance(part, str):
                yield Error(
                    f"{NAME}[{name!r}] has an entry for {account!r}, which is no account, or which is no text.",
                    hint=f"Name an account of API_KEYS ({', '.join(conf.accounts())}), and give it a text.",
                    id="stockhub_webhooks.E032",
                )


def no_recent_numbers() -> Iterable[CheckMessage]:
    """W050: an account is fetched without `RECENT_PO_NUMBERS`: orders of which nothing arrived are not found."""
    for account in conf.rest_accounts():
        if not conf.of_account("RECENT_PO_NUMBERS", account):
            yield Warning(
                f"{NAME}['RECENT_PO_NUMBERS'] is not set for the account {account!r}: an order of which no message "
                "arrived is not found.",
                hint="Set it to the dotted path of a function that yields your order numbers of the last weeks.",
                id="stockhub_webhooks.W050",
            )


def unwritable_copy() -> Iterable[CheckMessage]:
    """E033: `JOURNAL_COPY_DIR` cannot be written to, or cannot be created."""
    folder = journal_copy.directory()
    if folder is None:
        return
    there = next((path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path)), folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Error(
            f"{NAME}['JOURNAL_COPY_DIR'] is not a directory that this process can write to: {folder}",
            hint=f"Create it for the user of the server: install -d -m 700 -o that-user {folder}",
            id="stockhub_webhooks.E033",
        )


def exposed_copy() -> Iterable[CheckMessage]:
    """W051: `JOURNAL_COPY_DIR` is a relative path, is published, or can be read by others."""
    folder = journal_copy.directory()
    if folder is None:
        return
    faults = []
    if not folder.is_absolute():
        faults.append("is a relative path, which depends on where a process starts")
    for setting, directory in conf.public_directories():
        if folder.resolve().is_relative_to(directory.resolve()):
            faults.append(f"is inside {setting}, so anyone could download the orders of customers")
    if os.name == "posix" and folder.is_dir() and stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        faults.append("can be read or written by other users of this machine")
    for fault in faults:
        yield Warning(
            f"{NAME}['JOURNAL_COPY_DIR'] {fault}: {folder}",
            hint="Use an absolute path that the web server does not serve, and chmod 700.",
            id="stockhub_webhooks.W051",
        )


def copy_beside_database() -> Iterable[CheckMessage]:
    """W052: `JOURNAL_COPY_DIR` is on the disk of the SQLite file, and is lost together with it."""
    folder = journal_copy.directory()
    name = connections[database_alias()].settings_dict.get("NAME")
    if folder is None or connections[database_alias()].vendor != "sqlite" or not name:
        return
    file = Path(name)
    if folder.is_dir() and file.is_file() and folder.stat().st_dev == file.stat().st_dev:
        yield Warning(
            f"{NAME}['JOURNAL_COPY_DIR'] is on the same file system as the database: both are lost together.",
            hint="Use a directory on another disk.",
            id="stockhub_webhooks.W052",
        )


CHECKS = (
    rest_calls,
    functions_of_the_shop,
    unknown_accounts,
    no_recent_numbers,
    unwritable_copy,
    exposed_copy,
    copy_beside_database,
)
