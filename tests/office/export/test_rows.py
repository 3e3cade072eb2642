"""Rows of an export."""

from datetime import date

import pytest

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Order
from stockhub_webhooks.office.export import rows
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from tests.samples import sample

pytestmark = pytest.mark.django_db

MARCH = Period(date(2024, 3, 1), date(2024, 3, 31))


def told(topic, **options):
    """Return the rows of a topic, each as a dict by column."""
    heads, *lines = Export(TABLES[topic], options.pop("period", MARCH), **options).rows()
    return [dict(zip(heads, line, strict=True)) for line in lines]


@pytest.fixture
def orders(post):
    """Post three orders of March in two currencies, one of February, one without a date, and a stub."""
    for number, (day, currency) in enumerate([("03-31", "EUR"), ("03-01", "EUR"), ("03-01", "USD"), ("02-29", "EUR")]):
        body = sample("order", increment_id=str(number), created_at=f"2024-{day}T12:00:00+01:00", currency=currency)
        body["items"] *= 2
        post("order", body)
    post("order", sample("order", increment_id="4", created_at=None))
    Order.objects.filter(increment_id="4").update(received_at=MARCH.bounds()[0])
    post("shipment", sample("shipment", order_increment_id="5", created_at="2024-03-05 10:00:00"))


@pytest.mark.parametrize("chunk", [1, 2, 3, 500])
def test_documents_are_rows_by_date_with_any_chunk_size(orders, monkeypatch, chunk):
    monkeypatch.setattr(rows, "CHUNK_SIZE", chunk)
    assert [row["Stock Hub number"] for row in told("order")] == ["1", "2", "0", "4"]


def test_lines_are_rows_without_the_amounts_of_the_document(orders):
    lines = told("order", by_line=True)
    assert [row["Stock Hub number"] for row in lines] == ["1", "1", "2", "2", "0", "0", "4"]
    assert "Row total (VAT included)" in lines[0]
    assert "Total" not in lines[0]


def test_totals_are_by_currency_and_of_the_exported_documents(orders):
    amount = Order.objects.get(increment_id="0").grand_total
    totals = Export(TABLES["order"], MARCH).totals()
    assert [(total["currency"], total["documents"], total["grand_total"]) for total in totals] == [
        ("EUR", 3, 3 * amount),
        ("USD", 1, amount),
    ]
    assert sum(total["documents"] for total in totals) == len(told("order"))


def test_missing_amounts_add_up_to_nothing(post):
    post("creditmemo", sample("creditmemo", created_at="2024-03-05T10:00:00+00:00", return_fee_amount=None))
    (total,) = Export(TABLES["creditmemo"], MARCH).totals()
    assert total["return_fee_amount"] is None


@pytest.mark.parametrize("topic", TABLES)
@pytest.mark.parametrize("by_line", [False, True])
def test_each_topic_has_a_table(post, topic, by_line, django_assert_max_num_queries):
    post(topic)
    period = Period(date(2020, 1, 1), date(2100, 1, 1))
    with django_assert_max_num_queries(5):
        (row,) = told(topic, period=period, by_line=by_line, with_persons=True)
    document = TABLES[topic].model.objects.get()
    assert row["Stock Hub number"] == document.increment_id
    assert row["Our order number"] == document.po_number
    assert ("SKU" in row) is by_line
    if topic == "rma":
        assert row["Status"]
    else:
        assert row["E-mail"] == "piet.testman@example.com"
    assert "E-mail" not in told(topic, period=period)[0]
    assert Export(TABLES[topic], period).totals()[0]["documents"] == 1


def test_export_leaves_tests_out(orders):
    Order.objects.filter(increment_id="1").update(account="test")
    assert [row["Stock Hub number"] for row in told("order")] == ["2", "0", "4"]
    assert Export(TABLES["order"], MARCH).totals()[0]["documents"] == 2


def test_account_is_a_column_only_if_there_are_several(orders, settings):
    assert "Account" not in told("order")[0]
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": "a" * 30, "second": "b" * 30}}
    assert told("order")[0]["Account"] == statuses.ACCOUNT["default"]


def test_heads_and_codes_are_in_the_language_of_the_user(orders):
    (heads, first, *_others) = Export(TABLES["order"], MARCH, language="nl").rows()
    assert "Ons ordernummer" in heads
    assert first[heads.index("Status")] == "afgerond"
