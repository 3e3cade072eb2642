"""Number of SQL statements of a message, with BEGIN, COMMIT and the journal, without receivers."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.delivery.hanging import HANGING
from stockhub_webhooks.runners import inline
from tests.processing.test_apply import later
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


@pytest.fixture
def statements(post, monkeypatch):
    """Post a body; the statements it cost, in a second in which somebody looked for left-over work already."""
    monkeypatch.setattr(inline.idle_throttle, "is_due", lambda: False)

    def count(topic, body=None):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = post(topic, body)
        assert answer.status_code == 200
        return [query["sql"] for query in captured.captured_queries], answer.json()["outcome"]

    return count


@pytest.mark.parametrize("lines", [1, 3, 60])
def test_new_order_costs_at_most_ten_statements(statements, lines):
    body = sample("order")
    body["items"] = [dict(body["items"][0], sku=f"sku-{n}") for n in range(lines)]
    sql, outcome = statements("order", body)
    assert outcome == "created"
    assert len(sql) <= 10, "\n".join(sql)


@EACH_TOPIC
def test_unchanged_message_costs_at_most_seven_or_nine_statements(statements, post, topic):
    post(topic)
    sql, outcome = statements(topic)
    assert outcome == "unchanged"
    assert len(sql) <= (7 if topic == "order" else 9), "\n".join(sql)


@pytest.mark.parametrize("topic", ["order", "shipment", "invoice", "creditmemo"])
def test_stale_message_costs_at_most_seven_or_nine_statements(statements, post, topic):
    post(topic, later(sample(topic)))
    sql, outcome = statements(topic)
    assert outcome == "stale"
    assert len(sql) <= (7 if topic == "order" else 9), "\n".join(sql)


def test_outdated_message_about_a_return_costs_at_most_nine_statements(statements, post):
    post("rma", sample("rma", date_received="2024-05-10T09:00:00+00:00"))
    sql, outcome = statements("rma")
    assert outcome == "stale"
    assert len(sql) <= 9, "\n".join(sql)


@EACH_TOPIC
def test_accepting_a_message_for_later_is_one_statement(post, topic, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RUNNER": "worker"}
    with CaptureQueriesContext(connection) as captured:
        assert post(topic).status_code == 202
    assert len(captured) == 1, captured.captured_queries


def test_one_receiver_call_costs_six_statements(post, hear):
    post("order")
    hear(signals.shipment_created)
    breaker.states()  # read once a second
    HANGING.start()  # probed once a second
    with CaptureQueriesContext(connection) as captured:
        post("shipment")
    told = [query["sql"] for query in captured.captured_queries]
    settled = max(n for n, sql in enumerate(told) if "UPDATE" in sql and "stockhub_webhooks_message" in sql)
    done = max(n for n, sql in enumerate(told) if sql.startswith("UPDATE") and "receivercall" in sql)
    end = told.index("COMMIT", done) if "COMMIT" in told[done:] else len(told)
    of_telling = [sql for sql in told[settled + 1 : end] if sql not in ("BEGIN", "COMMIT")]
    assert len(of_telling) <= 6, "\n".join(of_telling)
