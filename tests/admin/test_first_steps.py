"""An empty shop is told what to do first."""

import pytest

from stockhub_webhooks.contract import topics
from tests.conftest import KEY, PREFIX, TEST_KEY

pytestmark = pytest.mark.django_db(databases="__all__")
URL = "/admin/stockhub_webhooks/"


def test_empty_shop_sees_addresses_support_message_and_test_message(staff):
    page = staff.get(URL)
    for topic in topics.ALL:
        assert f"http://testserver{PREFIX}{topic}" in page.text
    assert "Dear Winkelstraat" in page.text
    assert f"stockhub_doctor --url http://testserver{PREFIX}" in page.text
    assert "Nothing needs your attention." not in page.text
    assert KEY not in page.text


def test_test_message_does_not_end_the_first_steps(staff, post, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    post("order", key=TEST_KEY)
    assert "Dear Winkelstraat" in staff.get(URL).text


def test_first_message_ends_the_first_steps(staff, post):
    post("order")
    text = staff.get(URL).text
    assert "Dear Winkelstraat" not in text
    assert "Nothing needs your attention." in text


def test_shop_without_a_key_is_advised_to_make_one(staff, settings):
    settings.STOCKHUB_WEBHOOKS = {}
    assert "--new-key" in staff.get(URL).text


def test_user_who_may_not_view_messages_sees_no_steps(clerk):
    assert "Dear Winkelstraat" not in clerk("view_order").get(URL).text
