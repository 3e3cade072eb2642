"""Connects every recipe; a shop writes them here."""

from shop.recipes import (  # noqa: F401 - to be imported is to be connected
    cancelled,
    forwarding,
    mail,
    mail_after_commit,
    payments,
    refunds,
    rehearsal,
    returns,
    status,
)
