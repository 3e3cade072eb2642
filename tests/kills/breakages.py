"""Faults that are put into this process, so that a test sees that they are found."""

from django.db import connection

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import from_now
from stockhub_webhooks.delivery import calls, ledger
from stockhub_webhooks.receiving import spool

mark_done, call_receiver = ledger.mark_done, calls._invoke_receiver


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

    ledger.mark_done, calls._invoke_receiver = lambda call: True, called


def import_too_early():
    """Remove a file of the spool before its row is stored: a message is lost."""
    read = spool.read

    def read_and_remove(path):
        record = read(path)
        path.unlink()
        return record

    spool.read = read_and_remove


def hold_too_long():
    """Claim for a quarter of an hour, whatever the lease is."""
    claim_values = leases.claim_values
    leases.claim_values = lambda token: {**claim_values(token), "due_at": from_now(900)}


BY_NAME = {"early mark": mark_too_early, "late mark": mark_too_late, "spool": import_too_early, "lease": hold_too_long}
