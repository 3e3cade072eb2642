"""What an empty shop is told on the overview: the addresses, the mail to Winkelstraat, and how to try it out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.operations.doctor import address, support_message
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.work import real_rows


def first_steps(request: HttpRequest, report: Report) -> dict[str, Any]:
    """Return the context of the steps; {} if a message came in before, or if the database does not say."""
    if report.database or report.last_message_at is not None or real_rows(Message).exists():
        return {}
    here = address.BaseUrl.read(request.build_absolute_uri(address.usual_path()))
    labels = dict(Topic.choices)
    return {
        "addresses": [(labels[topic], here.of(topic)) for topic in topics.ALL],
        "support_message": support_message.activation(here.for_mail),
        "has_key": any(conf.accounts()[account] for account in conf.real_accounts()),
        "has_test_key": bool(conf.accounts().get(TEST_ACCOUNT)),
        "commands": {
            "new_key": "python manage.py stockhub_doctor --new-key",
            "try_out": f"python manage.py stockhub_doctor --url {here.prefix}",
        },
    }
