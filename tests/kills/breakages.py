"""Faults that are put into this process, so that a test sees that they are found."""

from django.db import connection

from stockhub_webhooks.delivery import calls, ledger

mark_done, call_receiver = ledger.mark_done, calls._call


def commit():
    """Commit in the middle of a transaction."""
    connection.connection.commit()
    if connection.vendor == "sqlite":
        connection.cursor().execute("BEGIN")


def mark_too_early():
    """Commit the done-mark before the receiver runs: a call is lost if the process is killed between them."""

    def mark(call):
        is_marked = mark_done(call)
        commit()
        return is_marked

    ledger.mark_done = mark


def mark_too_late():
    """Commit the receiver's work before the done-mark: the receiver takes effect twice."""

    def called(call):
        call_receiver(call)
        commit()
        mark_done(call)

    ledger.mark_done, calls._call = lambda call: True, called


BY_NAME = {"early": mark_too_early, "late": mark_too_late}
