"""Lists stay fast: they do not count whole tables, and can be filtered by day."""

import re
from datetime import datetime, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks.admin import date_range, paginator
from stockhub_webhooks.admin.order import OrderAdmin
from stockhub_webhooks.models import Message, Order
from tests.admin.conftest import NAMES, message_levels
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def many(post):
    for number in range(6):
        post("order", sample("order", increment_id=f"{number}"))


def test_long_list_shows_the_newest_rows_and_says_that_there_are_more(many, staff, list_url, monkeypatch):
    monkeypatch.setattr(OrderAdmin, "list_per_page", 2)
    monkeypatch.setattr(paginator, "MAX_ROWS", 4)
    answer = staff.get(list_url("order"))
    assert answer.context["cl"].paginator.is_cut_off
    assert answer.context["cl"].paginator.num_pages == 2
    assert [order.increment_id for order in answer.context["cl"].result_list] == ["5", "4"]
    monkeypatch.setattr(paginator, "MAX_ROWS", 6)
    assert not staff.get(list_url("order")).context["cl"].paginator.is_cut_off


@pytest.mark.parametrize("name", NAMES)
def test_no_list_counts_or_scans_a_whole_table(filled, staff, list_url, name):
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_url(name))
    ours = [query["sql"] for query in queries if f"stockhub_webhooks_{name}" in query["sql"]]
    assert not [sql for sql in ours if "DISTINCT" in sql]
    counting = [sql for sql in ours if "COUNT(" in sql]
    assert counting
    assert all("LIMIT" in sql for sql in counting), counting


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, "0123"),
        ({"created_at_from": "2024-03-31"}, "123"),
        ({"created_at_to": "2024-03-31"}, "012"),
        ({"created_at_from": "2024-03-31", "created_at_to": "2024-03-31"}, "12"),
        ({"created_at_from": "2024-04-01", "created_at_to": "2024-03-01"}, ""),
        ({"created_at_from": "nonsense", "created_at_to": "2024-13-45"}, "0123"),
        ({"created_at_to": "9999-12-31"}, "0123"),
    ],
)
def test_days_are_in_the_shops_time_zone_also_at_a_clock_change(post, staff, list_url, chosen, numbers):
    # in Amsterdam 31 March 2024 lasted from 30 March 23:00 to 31 March 22:00, in UTC
    times = ("2024-03-30T22:59:59", "2024-03-30T23:00:00", "2024-03-31T21:59:59", "2024-03-31T22:00:00")
    for number, time in enumerate(times):
        post("order", sample("order", increment_id=str(number), created_at=f"{time}+00:00"))
    found = staff.get(list_url("order"), chosen).context["cl"].queryset
    assert "".join(sorted(found.values_list("increment_id", flat=True))) == numbers


def test_rows_of_chosen_days_are_shown_newest_first(post, staff, list_url):
    for number, day in enumerate(("2024-01-03", "2024-01-01", "2024-01-02")):
        post("order", sample("order", increment_id=str(number), created_at=f"{day}T12:00:00+00:00"))

    def listed(**chosen):
        rows = staff.get(list_url("order"), chosen).context["cl"].result_list
        return "".join(row.increment_id for row in rows)

    assert listed() == listed(created_at_from="nonsense") == listed(received_at_from="2024-01-01") == "210"
    assert listed(created_at_from="2024-01-01") == listed(created_at_to="2024-02-01") == "021"


def test_form_of_the_date_range_keeps_other_filters(many, staff, list_url):
    page = staff.get(
        list_url("order"), {"status": "complete", "created_at_from": "2024-01-01", "q": "1", "p": "1"}
    ).text
    form = page[page.index('<form method="get" class="stockhub-date-range">') :]
    form = form[: form.index("</form>")]
    assert '<input type="hidden" name="status" value="complete">' in form
    assert '<input type="hidden" name="q" value="1">' in form
    assert '<input type="date" name="created_at_from" value="2024-01-01">' in form
    assert form.count("created_at_from") == 1
    assert not re.search(r"\son[a-z]+=|style=", form)


def test_usual_periods_are_whole_days():
    spans = {str(name): (first, last) for name, first, last in date_range.usual_periods(datetime(2024, 3, 15).date())}
    assert [f"{first} {last}" for first, last in spans.values()] == [
        "None None", "2024-03-15 2024-03-15", "2024-03-09 2024-03-15", "2024-03-01 2024-03-15", "2024-02-01 2024-02-29",
    ]  # fmt: skip


def test_messages_are_filtered_by_day_of_receipt(post, staff, list_url):
    post("order")
    Message.objects.update(received_at=datetime(2020, 2, 29, 12, tzinfo=timezone.utc))
    assert staff.get(list_url("message"), {"received_at_to": "2020-02-29"}).context["cl"].result_count == 1
    assert staff.get(list_url("message"), {"received_at_from": "2020-03-01"}).context["cl"].result_count == 0


def test_search_with_too_many_results_says_so(many, staff, list_url, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.office.search.LIMIT", 2)
    answer = staff.get(list_url("order"), {"q": contract_sku()})
    assert message_levels(answer) == ["warning"]
    assert answer.context["cl"].result_count == 2
    assert Order.objects.count() == 6


def contract_sku():
    return sample("order")["items"][0]["sku"]


@pytest.mark.parametrize("model", ["order", "rma", "pull", "replay", "bulkrequest", "exportrequest"])
def test_the_filter_by_day_is_called_as_its_column(staff, list_url, model):
    page = staff.get(list_url(model), headers={"accept-language": "nl"})
    changelist = page.context["cl"]
    specs = [spec for spec in changelist.filter_specs if isinstance(spec, date_range.DateRangeFilter)]
    assert specs
    for spec in specs:
        assert str(spec.field.verbose_name).removesuffix(" op") == str(spec.title)
