"""The badge of tests in all lists and on all pages."""

import re

import pytest
from django.apps import apps
from django.contrib.staticfiles import finders
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.models import HostLink, Message, Order, WorklistRow
from stockhub_webhooks.testing import factories as make
from tests.admin.conftest import NAMES
from tests.admin.test_base import WITHOUT_ACCOUNT, main
from tests.conftest import KEY, TEST_KEY
from tests.samples import ALPHABETICAL

pytestmark = pytest.mark.django_db(databases="__all__")
BADGE = '<span class="stockhub-badge">{}</span>'
OF_ACCOUNT = [name for name in NAMES if name not in {*WITHOUT_ACCOUNT, "worklistrow"}]  # tests are on no worklist
# what makes a list show tests, which it leaves out by itself
ALL = {"account": "~all"}
WITH_TESTS = {"hostlink": {"found": "all"}}


@pytest.fixture
def both(post, hear):
    """Post all topics in both accounts."""
    hear(signals.event_recorded, test=True)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"default": KEY, "test": TEST_KEY}}):
        for topic in ALPHABETICAL:
            for key in (KEY, TEST_KEY):
                assert post(topic, key=key).status_code == 200
        links = [HostLink(order=order, account=order.account, status="missing") for order in Order.objects.all()]
        HostLink.objects.bulk_create(links)
        for account in ("default", "test"):
            order = Order.objects.filter(account=account, items__isnull=False).earliest("pk")
            make.WorklistRowFactory(order=order)
            make.NoteFactory(order=order)
            make.MissingLineFactory(item=order.items.earliest("pk"), link=order.host_link, account=account)
            make.ErasureFactory(account=account)
            make.PullFactory(account=account)
        yield


@pytest.mark.parametrize("name", OF_ACCOUNT)
def test_only_tests_have_the_badge(both, staff, list_url, page_url, name):
    rows = list(apps.get_model("stockhub_webhooks", name).objects.all())
    tests = [row for row in rows if row.is_test]
    assert 0 < len(tests) < len(rows)
    listed = main(staff.get(list_url(name), ALL | WITH_TESTS.get(name, {})).text)
    assert listed.count(BADGE.format("test")) == len(tests)
    assert "field-account" not in listed
    for row in rows:
        page = main(staff.get(page_url(row)).text)
        assert (BADGE.format("test") in page) is row.is_test
        assert ("Not real: left out of exports" in page) is row.is_test


@pytest.mark.parametrize("name", OF_ACCOUNT)
def test_badge_is_in_the_column_that_links_to_the_page_and_changes_no_other(both, staff, list_url, name):
    without, with_ = (
        main(staff.get(list_url(name), {"account": who, **WITH_TESTS.get(name, {})}).text)
        for who in ("default", "test")
    )
    assert 'class="stockhub-badge"' not in without
    heads = [re.findall(r'class="([^"]*column-[^"]*)"', page) for page in (without, with_)]
    assert heads[0] == heads[1]
    linked = r'<th class="field-[a-z_]+[^"]*"><a href="[^"]+">(?:<time[^>]*>)?[^<]+(?:</time>)?'
    cells = re.findall(rf'{linked} <span class="stockhub-badge">', with_)
    assert len(cells) == with_.count('class="stockhub-badge"')


def test_tests_are_on_no_worklist_and_have_the_badge_on_their_page(both, staff, list_url, page_url):
    tests = [row for row in WorklistRow.objects.all() if row.is_test]
    listed = staff.get(list_url("worklistrow"), ALL).context["cl"].result_list
    assert {row.is_test for row in listed} == {False}
    assert BADGE.format("test") in main(staff.get(page_url(*tests)).text)


def test_badge_stays_after_the_test_key_is_removed(both, staff, list_url):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY}):
        assert BADGE.format("test") in staff.get(list_url("order")).text


def test_lists_with_badges_can_be_sorted_and_have_actions(both, staff, list_url, page_url):
    orders = list(Order.objects.order_by("increment_id", "pk"))
    listed = staff.get(list_url("order"), ALL | {"o": "1"}).context["cl"].result_list
    assert [order.increment_id for order in listed] == [order.increment_id for order in orders]
    message = Message.objects.of_account("test").first()
    answer = staff.post(page_url(message), {"action": "process_again"}, follow=True)
    assert "1 message." in answer.text


def test_badge_is_translated_into_dutch(both, staff, page_url):
    page = staff.get(page_url(Order.objects.of_account("test").first()), headers={"accept-language": "nl"}).text
    assert BADGE.format("test") in page
    assert "Niet echt: telt niet mee in exports, grafieken en alarmen." in page


def test_badge_has_a_style_sheet_with_the_colours_of_the_admin(both, staff, list_url):
    assert '<link href="/static/stockhub_webhooks/badge.css"' in staff.get(list_url("order")).text
    with open(finders.find("stockhub_webhooks/badge.css")) as file:
        colours = re.findall(r"(?:color|background|border): [^;]*", file.read())
    assert colours
    assert all("var(--" in colour for colour in colours)
