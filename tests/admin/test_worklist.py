"""Test the page of what does not proceed: tabs, days, the question to copy, dismissal, export, and its bounds."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import Event, WorklistRow
from stockhub_webhooks.office.worklists import lists, rows, wording
from stockhub_webhooks.office.worklists.deadlines import event_of
from stockhub_webhooks.office.worklists.rules import RULES
from stockhub_webhooks.testing import factories as make
from stockhub_webhooks.testing import pass_deadlines
from tests.office.worklists.planted import PLANS, Shop

pytestmark = pytest.mark.django_db(databases="__all__")

LIST = "/admin/stockhub_webhooks/worklistrow/"
OVERVIEW = "/admin/stockhub_webhooks/"


@pytest.fixture(autouse=True)
def default_days(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}


@pytest.fixture
def listed():
    """Fill the lists from the documents."""
    return pass_deadlines


def user_with(django_user_model, *codenames):
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_a_row_has_the_days_the_purchase_and_the_question(staff, listed):
    order = Shop().order(days=5.5)
    (row,) = listed()
    page = staff.get(LIST)
    (shown,) = page.context["cl"].result_list
    assert (shown, wording.days(shown)) == (row, 5)
    text = page.content.decode()
    assert reverse("admin:stockhub_webhooks_order_story", args=[order.pk]) in text
    assert wording.question(row) in text
    assert order.increment_id in wording.support_message(row)


def test_the_customer_of_an_order_that_was_not_received_is_the_one_that_a_document_names(staff, listed):
    shop = Shop()
    order = shop.stub()
    address = make.AddressFactory(first_name="Truus", last_name="Testman")
    shipment = shop.shipment(order, days=2, shipping_address=address)
    returned = shop.rma(order, days=2)
    (row,) = (row for row in listed() if row.rule == "order_missing")
    expected = f"Truus Testman (says shipment {shipment.increment_id})"
    for page in (LIST, f"{LIST}{row.pk}/change/", "/admin/stockhub_webhooks/rma/"):
        assert expected in staff.get(page).text
    assert returned.increment_id in staff.get("/admin/stockhub_webhooks/rma/").text


def test_the_customer_of_a_payment_request_without_an_order_is_its_own(staff, listed):
    request = Shop().lone_request(days=3, po_number=None)
    listed()
    request.billing_address = make.AddressFactory(first_name="Truus", last_name="Testman")
    request.save()
    assert f"Truus Testman (says payment request {request.increment_id})" in staff.get(LIST).text


def test_who_may_not_see_persons_sees_no_customer_of_a_document(django_user_model, listed):
    shop = Shop()
    address = make.AddressFactory(first_name="Truus", last_name="Testman")
    shop.shipment(shop.stub(), days=2, shipping_address=address)
    (row,) = (row for row in listed() if row.rule == "order_missing")
    client = user_with(django_user_model, "view_worklistrow", "view_rma")
    for page in (LIST, f"{LIST}{row.pk}/change/", "/admin/stockhub_webhooks/rma/"):
        assert "Testman" not in client.get(page).text


def test_the_tabs_count_each_rule(staff, listed):
    for _number in range(2):
        Shop().order(days=5)
    Shop().order("complete")
    listed()
    tabs = {each["tab"].rule: each["tab"].count for each in staff.get(LIST).context["tabs"]}
    assert tabs == {"not_sent": 2, "complete_without_shipment": 1}
    chosen = staff.get(LIST, {"rule": "not_sent"}).context["cl"].result_list
    assert {row.rule for row in chosen} == {"not_sent"}


def test_the_overview_counts_them(staff, listed):
    Shop().order(days=5)
    listed()
    ((tab, url),) = staff.get(OVERVIEW).context["worklists"]
    assert (tab.rule, tab.count) == ("not_sent", 1)
    assert len(staff.get(url).context["cl"].result_list) == 1


def test_a_long_list_is_counted_up_to_a_limit(monkeypatch, listed):
    monkeypatch.setattr(lists, "MAX_COUNT", 2)
    for _number in range(4):
        Shop().order(days=5)
    listed()
    (tab,) = lists.tabs()
    assert (tab.count, tab.shown_count) == (2, "2+")


def test_the_oldest_is_first_and_days_are_sortable(staff, listed):
    young, old = Shop().order(days=4), Shop().order(days=9)
    listed()
    assert [row.order for row in staff.get(LIST).context["cl"].result_list] == [old, young]
    assert [row.order for row in staff.get(LIST, {"o": "1"}).context["cl"].result_list] == [young, old]


def test_dismissing_asks_for_a_reason_and_takes_the_row_off_the_list(staff, listed):
    Shop().order(days=5)
    (row,) = listed()
    chosen = {"action": "dismiss_worklist_row", "_selected_action": [row.pk]}
    assert staff.post(LIST, chosen).status_code == 200
    assert rows.open_rows().count() == 1
    staff.post(LIST, chosen | {"reason": "on holiday"}, follow=True)
    assert not rows.open_rows()
    row.refresh_from_db()
    assert (row.status, row.dismissed_reason) == ("dismissed", "on holiday")
    assert list(staff.get(LIST, {"state": "dismissed"}).context["cl"].result_list) == [row]


def test_dismissing_needs_its_permission(django_user_model, listed):
    Shop().order(days=5)
    (row,) = listed()
    client = user_with(django_user_model, "view_worklistrow")
    client.post(LIST, {"action": "dismiss_worklist_row", "_selected_action": [row.pk], "reason": "no right"})
    assert rows.open_rows().count() == 1


def test_the_export_has_each_row_of_the_rule(staff, listed, monkeypatch):
    monkeypatch.setattr(lists, "PAGE", 2)
    orders = [Shop().order(days=5) for _number in range(5)]
    Shop().order("complete")
    listed()
    answer = staff.post(f"{LIST}export/", {"rule": "not_sent"}, headers={"accept-language": "nl"})
    assert 'filename="loopt-niet-door-niet-verzonden.csv"' in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    _heads, *lines = csv.reader(StringIO(text), delimiter=";")
    assert {line[3] for line in lines} == {order.po_number for order in orders}
    assert len(lines) == 5


def test_the_export_needs_its_permission(django_user_model):
    client = user_with(django_user_model, "view_worklistrow")
    assert client.post(f"{LIST}export/").status_code == 403
    assert "export_url" not in client.get(LIST).context or not client.get(LIST).context["export_url"]


def test_customers_are_hidden_from_users_without_the_permission(django_user_model, listed):
    shop = Shop()
    shop.order(days=5, shipping_address=make.AddressFactory(last_name="Zichtbaar"))
    listed()
    assert "Zichtbaar" not in user_with(django_user_model, "view_worklistrow").get(LIST).content.decode()


@pytest.mark.parametrize(("rule", "function"), PLANS, ids=[f"{rule}-{each.__name__}" for rule, each in PLANS])
def test_each_row_says_in_words_what_is_missing(rule, function, listed, settings):
    resolver = {"HOST_ORDER_RESOLVER": "tests.office.worklists.test_rules.no_order"}
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | resolver
    function(Shop())
    row = next(row for row in listed() if row.rule == rule)
    words = wording.missing(row)
    codes = {fact["code"] for fact in row.detail}
    assert words
    assert not codes & set(words), "a fact has no words"
    assert wording.question(row) in wording.support_message(row)


def test_each_rule_has_its_question():
    assert wording.QUESTIONS.keys() == RULES.keys()


def test_a_row_has_a_page(staff):
    row = make.WorklistRowFactory()
    assert staff.get(f"{LIST}{row.pk}/change/").status_code == 200


def test_a_number_without_documents_has_a_row(staff, listed):
    rows.update_numbers("default", {"WEB-77": Shop().ago(9)})
    listed()
    assert "WEB-77" in staff.get(LIST).content.decode()


def test_it_is_found_by_its_numbers(staff, listed):
    order = Shop().order(days=5)
    Shop().order(days=5)
    listed()
    for text in (order.increment_id, order.po_number):
        assert [row.order for row in staff.get(LIST, {"q": text}).context["cl"].result_list] == [order]


def test_the_number_of_queries_does_not_grow_with_the_list(staff, listed, django_assert_max_num_queries):
    Shop().order(days=5)
    listed()
    staff.get(LIST)
    with django_assert_max_num_queries(60) as few:
        staff.get(LIST)
    for _number in range(30):
        Shop().order(days=5)
    listed()
    with django_assert_max_num_queries(len(few)):
        staff.get(LIST)
    assert WorklistRow.objects.count() == 31


def test_deadline_that_passed_is_in_the_timeline_with_the_tasks_that_it_made(staff, hear):
    hear(signals.deadline_passed, uid="shop.hears")
    row = make.WorklistRowFactory()
    ledger.record([event_of(row)])
    story = reverse("admin:stockhub_webhooks_order_story", args=[row.order_id])
    (entry,) = staff.get(story).context["entries"]
    assert str(wording.rule_name(row.rule)) in entry.title
    assert f"/worklistrow/{row.pk}/" in entry.document
    assert (entry.details, len(entry.tasks)) == (wording.missing(row), 1)
    WorklistRow.objects.update(since=row.since - timedelta(days=1))  # the facts are those of another deadline now
    (entry,) = staff.get(story).context["entries"]
    assert (entry.details, entry.received) == ([], "")


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize(("column", "sorted_by"), [(2, "po_number"), (3, "number")])
def test_the_list_is_sorted_by_what_has_an_index(staff, column, sorted_by, direction):
    made = [make.WorklistRowFactory(order__po_number=f"WEB-{number}") for number in (2, 3, 1)]
    rows = staff.get(f"{LIST}?o={direction}{column}").context["cl"]
    wanted = sorted(made, key=lambda row: getattr(row, sorted_by), reverse=bool(direction))
    assert [row.pk for row in rows.result_list] == [row.pk for row in wanted]
    assert list(rows.queryset.query.order_by) == [direction + sorted_by, direction + "pk"]


def test_how_it_ended_is_shown_once_it_has(staff, listed):
    Shop().order(days=5)
    (row,) = listed()
    names = ("dismissed_by", "dismissed_at", "dismissed_reason")
    shown = [flatten_fieldsets(page.context["adminform"].fieldsets) for page in pages_before_and_after(staff, row)]
    assert [[name for name in names if name in fields] for fields in shown] == [[], list(names)]


def pages_before_and_after(staff, row):
    """The page of a row, and again after somebody dismissed it."""
    yield staff.get(f"{LIST}{row.pk}/change/")
    staff.post(f"{LIST}{row.pk}/change/", {"action": "dismiss_worklist_row", "reason": "on holiday"})
    yield staff.get(f"{LIST}{row.pk}/change/")


def test_the_change_of_a_deadline_names_its_rule_and_document_in_words(staff, listed):
    Shop().order(days=5)
    listed()
    event = Event.objects.get(type="deadline.passed")
    text = staff.get(f"/admin/stockhub_webhooks/event/{event.pk}/change/").content.decode()
    assert f"<td>{RULES['not_sent'].label}</td>" in text
    assert "<td>not_sent</td>" not in text


def test_the_number_of_rows_makes_a_sentence(staff, listed):
    Shop().order(days=5)
    listed()
    assert staff.get(LIST).context["cl"].counted.opts.verbose_name != WorklistRow._meta.verbose_name
    assert "1 geval" in staff.get(LIST, headers={"accept-language": "nl"}).content.decode()
