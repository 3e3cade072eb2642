"""Counts the statements of messages, BEGIN and COMMIT and the look for left-over work included."""

import json

import django

django.setup()

from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from benchmarks.measure.conversation import answer
from benchmarks.measure.payload import with_number
from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from tests.samples import contract

UPDATED = "2026-04-01T00:00:00+00:00"  # after those of the samples, and not in the future
client = Client()


def post(topic, body):
    """The statements that a message cost, and what was answered."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with CaptureQueriesContext(connection) as captured:
        said = client.post(
            f"/api/v1/stockhub/{topic}", raw, content_type="application/json", headers={"x-api-key": settings.KEY}
        )
    assert 200 <= said.status_code < 300, said.content
    return [query["sql"] for query in captured.captured_queries], said.json().get("outcome")


def new_orders():
    """Orders of several sizes that were not there before."""
    for lines in (1, 3, 60):
        sql, outcome = post("order", with_number(f"new-{lines}", lines))
        assert outcome == "created", outcome
        yield f"inline_{lines}", len(sql)


def again():
    """The documented message of each topic, once more, and once more after a newer one."""
    most = {}
    for topic in sorted(topics.ALL):
        name = "order" if topic == "order" else "other"
        body = contract(topic)
        post(topic, body)
        sql, outcome = post(topic, body)
        assert outcome == "unchanged", (topic, outcome)
        most[f"unchanged_{name}"] = max(len(sql), most.get(f"unchanged_{name}", 0))
        if "updated_at" in body:  # without it, none is older
            post(topic, body | {"updated_at": UPDATED})
            sql, outcome = post(topic, body)
            assert outcome == "stale", (topic, outcome)
            most[f"stale_{name}"] = max(len(sql), most.get(f"stale_{name}", 0))
    return most


def accepting():
    """A message that is kept for a worker."""
    with override_settings(STOCKHUB_WEBHOOKS=settings.STOCKHUB_WEBHOOKS | {"RUNNER": "worker"}):
        return len(post("order", with_number("accepted"))[0])


def being_told():
    """What it costs to tell one receiver, without BEGIN, COMMIT and its own statements."""

    def hear(sender, **rest):
        """It has none."""

    signals.order_created.connect(hear, dispatch_uid="measure.hear")
    try:
        sql, _ = post("order", with_number("told"))
    finally:
        signals.order_created.disconnect(dispatch_uid="measure.hear")
    settled = max(n for n, one in enumerate(sql) if "UPDATE" in one and "stockhub_webhooks_message" in one)
    done = max(n for n, one in enumerate(sql) if one.startswith("UPDATE") and "receivercall" in one)
    return len([one for one in sql[settled + 1 : done + 2] if one not in ("BEGIN", "COMMIT")])


def handle():
    """All counts, by the keys of the goals. The first message of a process has more to look at."""
    post("order", with_number("first"))
    return dict(new_orders()) | again() | {"told": being_told(), "accept_statements": accepting()}


if __name__ == "__main__":
    answer(handle)
