"""Is all well? What there is to know, what of it is wrong, and who is told.

``work`` says which rows count, ``figures`` what a report tells, ``facts`` counts and reads it, ``hours`` counts by
the hour and ``causes`` by the cause, ``silence`` knows the opening hours, ``rules`` say what is wrong, ``attention``
what the office should look at besides, ``text`` is for reading, ``alarm`` tells it: once an episode, by one process,
with at most one mail an hour.
"""

from stockhub_webhooks.operations.health.alarm import check, check_if_due, mail_admins
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import Finding, Level, as_json, findings, level_of, moment

__all__ = [
    "Finding",
    "Level",
    "Report",
    "as_json",
    "check",
    "check_if_due",
    "collect_report",
    "findings",
    "level_of",
    "mail_admins",
    "moment",
]
