"""Where messages are kept: the database, the spool directory and the copy of the journal."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.operations.health.problems import Level, Problem, format_time
from stockhub_webhooks.operations.health.report import Report


def database(report: Report) -> Iterator[Problem]:
    """Report that the database does not answer; new messages go to the spool."""
    if report.no_tables:
        text = _("A table or a column is missing in the database.") + " python manage.py migrate"
        yield Problem("database", Level.CRITICAL, text)
    elif report.database:
        text = _("The database does not answer (%(detail)s).") % {"detail": report.database}
        yield Problem("database", Level.CRITICAL, text)


def writes(report: Report) -> Iterator[Problem]:
    """Report that the database takes no writes; new messages go to the spool."""
    if report.write_error:
        text = _("The database takes no writes (%(detail)s).") % {"detail": report.write_error}
        yield Problem("read_only", Level.CRITICAL, text)


def lost_messages(report: Report) -> Iterator[Problem]:
    """Report messages that this process has answered and that are no longer in the database."""
    if count := report.lost_messages:
        text = ngettext(
            "%(count)d message that was answered is no longer in the database: was an older backup restored?",
            "%(count)d messages that were answered are no longer in the database: was an older backup restored?",
            count,
        )
        yield Problem("lost_messages", Level.CRITICAL, text % {"count": count}, filters={})


def unwritable_spool(report: Report) -> Iterator[Problem]:
    """Report a spool directory that takes no file; messages are lost while the database is away."""
    if report.spool.write_fault and not report.spool.fault:
        text = _("The spool directory cannot be written (%(detail)s).") % {"detail": report.spool.write_fault}
        yield Problem("spool", Level.CRITICAL, text)


def unwritable_copy(report: Report) -> Iterator[Problem]:
    """Report that the copy of the journal cannot be written; messages are in the database alone."""
    if report.spool.copy_fault:
        text = _(
            "The copy of the journal cannot be written (%(detail)s): new messages are in the database alone. Make room "
            "in JOURNAL_COPY_DIR; stockhub_dump --since writes what the copy lacks."
        ) % {"detail": report.spool.copy_fault}
        yield Problem("journal_copy", Level.CRITICAL, text)


def spool(report: Report) -> Iterator[Problem]:
    """Report a spool directory or files in it that cannot be read."""
    if report.spool.fault:
        text = _("The spool directory cannot be read (%(detail)s).") % {"detail": report.spool.fault}
        yield Problem("spool", Level.CRITICAL, text)
    if count := report.spool.broken:
        text = ngettext(
            "%(count)d file in the spool directory is broken.",
            "%(count)d files in the spool directory are broken.",
            count,
        )
        yield Problem("spool", Level.CRITICAL, text % {"count": count})


def spool_late(report: Report) -> Iterator[Problem]:
    """Report files that wait in the spool directory although the database answers."""
    late = report.spool.late
    if late.count:
        text = ngettext(
            "%(count)d message waits in the spool directory since %(moment)s.",
            "%(count)d messages wait in the spool directory since %(moment)s.",
            late.count,
        )
        text %= {"count": late.count, "moment": format_time(late.oldest)}
        files = _("Files: %(names)s") % {"names": ", ".join(report.spool.names[: late.count])}
        yield Problem("spool_late", Level.CRITICAL, f"{text} {files}")


def spool_other(report: Report) -> Iterator[Problem]:
    """Report spool files of another database or schema, which are left alone."""
    for files in report.spool.others:
        text = _(
            "Files in the spool directory belong to another database or schema (%(owner)s) and are left alone: "
            "%(names)s. This command imports them: %(command)s"
        ) % {"owner": files.owner, "names": ", ".join(files.names), "command": files.command}
        yield Problem("spool_other", Level.WARNING, text)
