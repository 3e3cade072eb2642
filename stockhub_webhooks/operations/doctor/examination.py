"""Examination from inside: one function for each subject, in the order in which to fix problems."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.core.checks import ERROR, WARNING, CheckMessage, Tags, run_checks
from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.faults import is_missing_table
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.models import Topic
from stockhub_webhooks.operations.doctor.findings import Section, Verdict, fine, problem, warning
from stockhub_webhooks.operations.doctor.rotation import examine_keys
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level, Problem, format_time
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving import spool

APP = "stockhub_webhooks"
CRON = "* * * * * cd {folder} && {python} manage.py stockhub_worker --once --max-seconds 50"


class Context(NamedTuple):
    """Data that more than one subject needs."""

    report: Report
    applies_in_request: bool


Subject = Callable[[Context], Iterator[Verdict]]


def examine(*, applies_in_request: bool) -> Iterator[Section]:
    """Examine each subject. It changes nothing, except for a test file in the spool, which is removed again.

    Args:
        applies_in_request: the attribute of the configured runner.
    """
    context = Context(collect_report(), applies_in_request)
    for title, subject in SUBJECTS:
        yield Section(str(title), _examine(subject, context))


def _examine(subject: Subject, context: Context) -> list[Verdict]:
    """Return the findings on a subject; an exception becomes a finding, too."""
    try:
        return list(subject(context))
    except DatabaseError as error:
        if is_missing_table(error):
            missing = _("A table or a column is missing in the database.")
            return [problem("database", missing, "python manage.py migrate")]
        text = _("The database does not answer (%(detail)s).") % {"detail": type(error).__name__}
        return [problem("database", text, _("Start the database, and look at DATABASES and its password."))]
    except Exception as error:  # the host's configuration may fail in any way
        text = _("This could not be looked at: %(detail)s") % {"detail": error_location(error)}
        return [problem("not_examined", text, _("See what python manage.py check says."))]


def settings(context: Context) -> Iterator[Verdict]:
    """Report the system checks of this app."""
    findings = [_as_finding(message) for message in _check_messages()]
    yield from findings or [fine("checks", _("The system checks report nothing."))]


def database(context: Context) -> Iterator[Verdict]:
    """Report whether the database answers, the use of connections, and the checks of the tables."""
    connection: Any = connections[database_alias()]
    connection.ensure_connection()
    yield fine(
        "database_answers",
        _("%(kind)s answers (%(alias)s). %(kept)s")
        % {
            "kind": connection.display_name,
            "alias": database_alias(),
            "kept": _use_of_connections(connection.settings_dict),
        },
    )
    for message in _check_messages(tags=[Tags.database], databases=[database_alias()]):
        yield _as_finding(message)


def _use_of_connections(options: dict[str, Any]) -> str:
    age = options.get("CONN_MAX_AGE")
    if (options.get("OPTIONS") or {}).get("pool"):
        return str(_("Connections are pooled."))
    if age == 0:
        return str(_("Each request makes a connection of its own."))
    duration = _("Connections are kept.") if age is None else _("Connections are kept for %(age)s s.") % {"age": age}
    health_checks = _("They are tested before use.") if options.get("CONN_HEALTH_CHECKS") else ""
    return f"{duration} {health_checks}".strip()


def migrations(context: Context) -> Iterator[Verdict]:
    """Report migrations that are not applied."""
    executor = MigrationExecutor(connections[database_alias()])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(APP))
    missing = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    if missing:
        text = _("Not applied: %(names)s.") % {"names": ", ".join(missing)}
        yield problem("migrations_missing", text, "python manage.py migrate")
    else:
        yield fine("migrations_applied", _("All migrations are applied."))


def keys(context: Context) -> Iterator[Verdict]:
    """Report the keys, and walk through a change of them."""
    if not context.report.database:
        yield from examine_keys(context.report)


def receivers(context: Context) -> Iterator[Verdict]:
    """Report the receivers of each signal, and events without a receiver."""
    connected = {
        name: sorted(receiver.identity for receiver in signal.connected()) for name, signal in signals.BY_NAME.items()
    }
    for name, identities in connected.items():
        if identities:
            yield fine("receivers", f"{name}: {', '.join(identities)}")
    if not any(connected.values()):
        text = _("No receiver is connected: messages are kept, and no code of your shop is called.")
        yield warning("no_receivers", text, _("Write stockhub_receivers.py in an installed app, as the README shows."))
    elif not (connected[signals.event_recorded.name] or connected[signals.purchase_changed.name]):
        without_receiver = [
            event_type for event_type, signal in signals.BY_EVENT_TYPE.items() if not connected[signal.name]
        ]
        if without_receiver:
            yield fine(
                "events_without_receiver", _("Without a receiver: %(names)s.") % {"names": ", ".join(without_receiver)}
            )


def cron_line() -> str:
    """Return the line for cron, with the paths of this installation if the command was started by its manage.py."""
    program = Path(sys.argv[0]).resolve()
    if program.name != "manage.py":
        return CRON.format(folder="/srv/shop", python=".venv/bin/python")
    return CRON.format(folder=shlex.quote(str(program.parent)), python=shlex.quote(sys.executable))


def runner(context: Context) -> Iterator[Verdict]:
    """Report the runner, and whether a worker completes left-over work."""
    report = context.report
    last = max(report.workers.values(), default=None)
    yield fine("runner", _("The runner is %(name)s.") % {"name": conf.RUNNER})
    if report.database:
        return
    if report.has_worker:
        yield fine("worker", _("A worker ran at %(moment)s.") % {"moment": format_time(last)})
        return
    late = _("No worker ran in the last 15 minutes (the last one: %(moment)s).") % {"moment": format_time(last)}
    text = late if last else _("No worker has run yet.")
    todo = _(
        "Run stockhub_worker as a service, or every minute by cron, which has none of the server's environment "
        'variables ("set -a && . FILE &&" reads them): %(line)s'
    ) % {"line": cron_line()}
    if context.applies_in_request:
        costs = _("What is left over waits for the next message.")
        yield warning("no_worker", f"{text} {costs}", todo)
    else:
        costs = _("With this runner, messages are processed by nobody else.")
        yield problem("no_worker", f"{text} {costs}", todo)


def spool_directory(context: Context) -> Iterator[Verdict]:
    """Report whether a file can be written to the spool directory."""
    folder = spool.directory()
    if folder is None:
        yield fine("no_spool", _("There is none; what that costs stands with the settings."))
        return
    try:
        written_to = spool.probe()
    except OSError as error:
        text = _("The spool directory %(folder)s took no file (%(detail)s).")
        yield problem(
            "spool_unwritable",
            text % {"folder": folder, "detail": type(error).__name__},
            _("Give it to the user that the server runs as: install -d -m 700 -o that-user %(folder)s")
            % {"folder": folder},
        )
        return
    yield fine("spool_written", _("A test file was written to %(folder)s and removed.") % {"folder": written_to})
    if written_to != folder:
        yield fine(
            "spool_not_created",
            _("%(folder)s itself is made for the first message that needs it.") % {"folder": folder},
        )
    elif hasattr(os, "geteuid") and folder.stat().st_uid != os.geteuid():
        yield warning(
            "spool_of_another_user",
            _("The spool directory belongs to another user than this command runs as."),
            _("Run this command as the user that the server runs as: only then it says what the server may do."),
        )


def messages(context: Context) -> Iterator[Verdict]:
    """Report the last messages and the problems that health finds."""
    report = context.report
    if report.database:
        return
    names = dict(Topic.choices)
    last = [f"{names[topic]} {format_time(at)}" for topic, at in report.last_messages.items() if at and topic in names]
    if last:
        yield fine("last_messages", _("Last messages: %(list)s.") % {"list": ", ".join(last)})
    else:
        yield fine("no_messages", _("None came in yet: the mail below asks for them."))
    for each in find_problems(report):
        yield Verdict(each.level, each.text, _see(each), each.code)
    if waiting := report.spool.waiting.count:
        yield fine(
            "spool_waiting",
            ngettext(
                "%(count)d file waits in the spool directory.", "%(count)d files wait in the spool directory.", waiting
            )
            % {"count": waiting},
        )


def _see(each: Problem) -> str:
    where = each.link or "python manage.py stockhub_status"
    return str(_("%(text)s See %(where)s") % {"text": each.text, "where": where})


def _check_messages(**options: Any) -> list[CheckMessage]:
    messages = run_checks(app_configs=[apps.get_app_config(APP)], **options)
    return [message for message in messages if str(message.id).startswith(f"{APP}.") and not message.is_silenced()]


def _as_finding(message: CheckMessage) -> Verdict:
    """Convert a message of the system checks, whose texts are always English."""
    level = Level.CRITICAL if message.level >= ERROR else Level.WARNING if message.level >= WARNING else Level.OK
    code = str(message.id).rpartition(".")[2]
    return Verdict(level, f"{message.msg} ({code})", message.hint or "", code)


SUBJECTS: tuple[tuple[Any, Subject], ...] = (
    (_("Settings"), settings),
    (_("Database"), database),
    (_("Tables"), migrations),
    (_("Keys"), keys),
    (_("Receivers"), receivers),
    (_("Who does the work"), runner),
    (_("Spool"), spool_directory),
    (_("Messages"), messages),
)
