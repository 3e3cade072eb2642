"""The overview: problems, the chart of messages, and the required permissions."""

import re
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from django.utils import timezone as django_timezone
from django.utils import translation

from stockhub_webhooks import signals
from stockhub_webhooks.admin.chart import Chart, ticks_up_to
from stockhub_webhooks.admin.message import MessageAdmin
from stockhub_webhooks.admin.overview import PAGES
from stockhub_webhooks.models import Alarm, Message, Order, ReceiverCall, Shipment
from stockhub_webhooks.operations.health import hours
from stockhub_webhooks.operations.health.attention import attention
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.hours import Hour, last_hours
from stockhub_webhooks.testing.factories import HostLinkFactory, MissingLineFactory
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")
URL = "/admin/stockhub_webhooks/"
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def fails(**arguments):
    raise ValueError("no stock")


@pytest.fixture
def troubled(filled, post, hear, settings):
    """Make each problem that a list can show."""
    hear(signals.shipment_created, fails)
    for number in ("501", "502", "503"):
        post("shipment", sample("shipment", increment_id=number))
    post("shipment", sample("shipment", increment_id="500", status="EXCEPTION", order_increment_id="never-sent"))
    late, failing, failed, locked = (
        post("order", sample("order", increment_id=number)).json()["message"] for number in ("600", "601", "602", "603")
    )
    ahead = datetime.now(timezone.utc) + timedelta(days=400)
    post("invoice", sample("invoice", increment_id="700", updated_at=ahead.isoformat(), grand_total="a lot"))
    post("rma", sample("rma", date_received="2024-05-10T09:00:00Z", order_increment_id="600"))
    post("rma", sample("rma", order_increment_id="600"))
    post("order", key="mistyped")
    # only now, as each request does what is due
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {
        "HOST_ORDER_RESOLVER": "shop.nowhere",
        "HOST_LINE_RESOLVER": "shop.nowhere",
    }
    HostLinkFactory(status="found")
    MissingLineFactory()
    MissingLineFactory(account="test")
    HostLinkFactory(status="no_number", account="test")
    first, second, third = ReceiverCall.objects.filter(status="pending", signal="shipment_created")[:3]
    ReceiverCall.objects.filter(pk=first.pk).update(status="given_up", due_at=None)
    ReceiverCall.objects.filter(pk=second.pk).update(due_at=LONG_AGO)
    ReceiverCall.objects.filter(pk=third.pk).update(receiver="shop.gone")
    Message.objects.filter(pk=late).update(status="received", due_at=LONG_AGO)
    Message.objects.filter(pk=failing).update(status="received", cause="ValueError", due_at="2999-01-01T00:00Z")
    Message.objects.filter(pk=locked).update(
        status="received", cause="order_locked", due_at="2999-01-01T00:00Z", received_at=LONG_AGO
    )
    Message.objects.filter(pk=failed).update(status="failed", cause="ValueError", due_at=None)
    # the same rows for tests, which are no problems
    test = {"account": "test"}
    Message.objects.create(status="quarantined", topic="order", body=b"{", **test)
    Message.objects.create(status="failed", topic="order", body=b"{}", cause="ValueError", **test)
    Message.objects.create(topic="order", body=b"{}", is_in_part=True, has_impossible_time=True, **test)
    stub = Order.objects.create(increment_id="never-sent", **test)
    Shipment.objects.create(increment_id="500", status="EXCEPTION", order=stub, **test)


def test_each_problem_links_to_exactly_the_rows_that_were_counted(troubled, staff):
    found = [finding for finding in attention(collect_report(with_keys=False)) if finding.link]
    assert {finding.code for finding in found} == {
        "failing_calls",
        "failing_messages",
        "given_up",
        "gone_receivers",
        "backlog",
        "impossible_times",
        "in_part",
        "lines_not_in_our_shop",
        "not_in_our_shop",
        "not_received",
        "order_locked",
        "outdated_returns",
        "problem_on_the_way",
        "quarantined",
        "refusals",
    }
    page = staff.get(URL).text
    for finding in found:
        kept = finding.model == "refusedbody"  # the second sentence is about these
        counted = int(re.search(r"\d+", finding.text.rpartition(", and none")[2] if kept else finding.text)[0])
        answer = staff.get(finding.link)
        assert answer.status_code == 200, finding.link
        rows = answer.context["cl"].result_count
        assert rows == counted, (finding, rows)
        query = dict(parse_qsl(urlsplit(finding.link).query))
        assert finding.code in PAGES or all(name in page for name in query)


def test_problems_of_many_rows_link_to_where_all_can_be_acted_on(troubled, staff, clerk):
    def links(http):
        return {line["url"].partition("#")[0] for line in http.get(URL).context["attention"]}

    groups = {reverse(f"admin:stockhub_webhooks_{name}") for name in ("failures", "receivercall_receivers")}
    release = reverse("admin:stockhub_webhooks_refusedbody_release")
    found = links(staff)
    assert groups | {release} <= found
    for url in groups | {release}:
        assert staff.get(url).status_code == 200
    assert release not in links(clerk("view_receivercall", "view_refusedbody"))


def test_refusals_of_unknown_senders_link_to_the_hours_that_were_counted(post, staff):
    post("order", b"x", key="wrong")
    (finding,) = attention(collect_report(with_keys=False))
    assert finding.code == "refusals"
    assert staff.get(finding.link).context["cl"].result_count == 1


def test_overview_without_problems_says_so(post, staff):
    post("order")
    page = staff.get(URL)
    assert page.context["attention"] == []
    assert "stockhub-attention" in page.text


def test_tasks_given_up_by_hand_are_no_problem(filled, staff):
    ReceiverCall.objects.update(status="given_up", due_at=None, cause=ReceiverCall.BY_HAND)
    assert "given_up" not in {finding.code for finding in attention(collect_report())}


def test_overview_shows_only_models_that_the_user_may_view(troubled, clerk):
    page = clerk("view_order").get(URL)
    (shown,) = page.context["attention"]
    assert urlsplit(shown["url"]).path == reverse("admin:stockhub_webhooks_order_changelist")
    assert "chart" not in page.context
    assert "last_messages" not in page.context
    assert reverse("admin:stockhub_webhooks_failures") not in page.text


@pytest.mark.parametrize("kind", ["order", "invoice", "creditmemo"])
def test_figures_are_reached_by_each_user_who_may_view_them(clerk, kind):
    figures = reverse("admin:stockhub_webhooks_figures")
    http = clerk(f"view_{kind}", "view_figures")
    assert http.get(URL).text.count(f'href="{figures}"') == 1
    assert http.get(figures).status_code == 200


def test_overview_is_refused_without_any_view_permission(troubled, clerk):
    assert clerk().get(URL).status_code == 404


def test_number_of_queries_does_not_depend_on_the_number_of_rows(post, staff, hear):
    staff.get(URL)
    hear(signals.order_created, fails)
    with CaptureQueriesContext(connection) as empty:
        staff.get(URL)
    for number in range(12):
        post("order", sample("order", increment_id=str(number)))
        post("shipment", sample("shipment", increment_id=str(number), order_increment_id=f"x{number}"))
        post("order", b"{")
    with CaptureQueriesContext(connection) as full:
        staff.get(URL)
    # three of them count what is past its term: failed attempts, refused messages, and refusals by the hour
    assert len(full) == len(empty) <= 26, [query["sql"] for query in full.captured_queries]


def test_alarm_about_one_of_several_names_it(staff):
    Alarm.objects.create(name="receiver_fails:shop.accept", since=django_timezone.now())
    page = staff.get(reverse("admin:stockhub_webhooks_alarm_changelist")).text.replace("<wbr>", "")
    assert ">receiver only fails: shop.accept<" in page


def test_overview_reports_an_unavailable_database(staff, monkeypatch):
    def away(*arguments, **options):
        raise OperationalError

    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._from_tables", away)
    page = staff.get(URL)
    assert [problem["is_urgent"] for problem in page.context["attention"]] == [True]
    assert "stockhub-chart" not in page.text


def test_overview_is_translated_into_dutch(post, staff):
    post("order", b"{")
    page = staff.get(URL, headers={"accept-language": "nl"}).text
    assert "Vraagt aandacht" in page
    assert "1 bericht nakijken" in page
    assert "Berichten van de laatste 48 uur" in page


def test_both_queries_for_the_last_messages_agree(filled):
    assert collect_report(with_keys=False).last_messages == collect_report().last_messages
    assert collect_report(with_keys=False).keys != collect_report().keys


# ---------------------------------------------------------------- on a site of the host's own

own = AdminSite(name="backoffice")
own.register(Message, MessageAdmin)
urlpatterns = [path("admin/", admin.site.urls), path("backoffice/", own.urls)]


@pytest.mark.urls(__name__)
def test_links_on_another_admin_site_stay_there_and_lead_to_registered_models(staff, django_user_model):
    Message.objects.create(account="default", body=b"{", status="quarantined", topic="order")
    Order.objects.create(account="default", increment_id="1")
    page = staff.get("/backoffice/stockhub_webhooks/").text
    assert "/backoffice/stockhub_webhooks/message/?status__exact=quarantined&amp;account=~real" in page
    assert "/stockhub_webhooks/order/" not in page
    assert reverse("admin:stockhub_webhooks_failures") not in page
    assert reverse("admin:stockhub_webhooks_failures") in staff.get(URL).text


# ---------------------------------------------------------------- messages by the hour


def came_in(at, **values):
    Message.objects.create(account="default", body=b"{}", received_at=at, **{"status": "applied", **values})


def test_messages_are_counted_by_hour_and_result():
    until = datetime(2026, 6, 3, 12, 30, tzinfo=timezone.utc)
    came_in(until, outcome="created")
    came_in(until - timedelta(minutes=30), outcome="created")
    came_in(until - timedelta(minutes=31), outcome="stale")
    came_in(until, status="quarantined")
    came_in(until, status="failed")
    came_in(until, status="received")
    came_in(until - timedelta(hours=47, minutes=31), outcome="created")  # the hour before the first
    found = last_hours(until)
    assert len(found) == 48
    assert dict(found[-1].counts) == {"created": 2, "quarantined": 1, "failed": 1, "received": 1}
    assert dict(found[-2].counts) == {"stale": 1}
    assert sum(hour.total for hour in found) == 6
    assert found[-1].begins_at.hour == 14  # in Amsterdam


def test_repeated_hour_of_a_clock_change_is_two_hours_of_the_chart():
    came_in(datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc), outcome="created")
    came_in(datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc), outcome="created")
    with translation.override("en"):
        chart = Chart(last_hours(datetime(2026, 10, 25, 12, 0, tzinfo=timezone.utc)))
    names = [name for name, _counts, total in chart.rows if total]
    assert names == ["Sun 25 Oct 02:00 CET", "Sun 25 Oct 02:00 CEST"]


def test_skipped_hour_of_a_clock_change_is_missing_in_the_chart():
    found = last_hours(datetime(2026, 3, 29, 6, 0, tzinfo=timezone.utc))
    assert [hour.begins_at.hour for hour in found[-7:]] == [1, 3, 4, 5, 6, 7, 8]


def test_sum_of_the_chart_is_the_number_of_messages(filled, staff):
    chart = Chart(last_hours(django_timezone.now()))
    assert chart.total == Message.objects.count()
    assert str(chart.total) in chart.summary
    assert sum(total for _name, _counts, total in chart.rows) == chart.total


def chart_of(**counts):
    begin = datetime(2026, 6, 3, 0, 0, tzinfo=AMSTERDAM)
    return Chart([Hour(begin + hours.HOUR * number, counts if number == 5 else {}) for number in range(48)])


def test_single_failure_among_thousands_is_visible():
    (bar,) = chart_of(created=5000, failed=1).bars
    assert [part.result for part in bar.parts] == ["created", "failed"]
    assert float(bar.parts[1].height) >= 3


def test_chart_draws_nothing_outside_its_area():
    for counts in ({"created": 1}, {"created": 997, "failed": 1, "stale": 1, "received": 1}, {"updated": 123456}):
        (bar,) = chart_of(**counts).bars
        assert float(bar.x.rstrip("%")) + float(bar.width.rstrip("%")) <= 100
        assert all(0 <= float(part.y) <= Chart.base for part in bar.parts)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_svg_coordinates_have_a_point_in_any_language(language, filled, staff):
    page = staff.get(URL, headers={"accept-language": language}).text
    svg = re.search(r"<svg class=\"stockhub-chart\".*?</svg>", page, re.DOTALL)[0]
    assert not re.findall(r" (?:x|y|x1|x2|y1|y2|width|height)=\"[^\"]*,[^\"]*\"", svg)
    assert "style" not in svg
    with translation.override(language):
        assert str(Message.Outcome.CREATED.label) in svg


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (26, [0, 10, 20, 30]), (999, [0, 200, 400, 600, 800, 1000])],
)
def test_labels_of_the_axis_are_round_numbers(most, ticks):
    assert ticks_up_to(most) == ticks


@pytest.mark.postgresql
def test_no_query_of_the_overview_reads_all_messages(staff):
    Message.objects.bulk_create(
        Message(account="default", body=b"{}", topic="order", status="applied", outcome="created",
                key_fingerprint="0123456789ab", received_at=LONG_AGO + timedelta(minutes=number))
        for number in range(20_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE stockhub_webhooks_message")
    with CaptureQueriesContext(connection) as page:
        staff.get(URL)
    ours = [query["sql"] for query in page.captured_queries if 'FROM "stockhub_webhooks_message"' in query["sql"]]
    assert len(ours) >= 4
    for sql in ours:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        scanned = re.search(r"Seq Scan on stockhub_webhooks_message .*rows=(\d+)", plan)
        # one row, whichever comes first, carries the looks into the index
        assert scanned is None or plan.startswith("Limit"), plan
