"""The page of the keys: the last message of each by topic."""

import pytest
from django.urls import reverse

from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY, TEST_KEY

pytestmark = pytest.mark.django_db(databases="__all__")
URL = "admin:stockhub_webhooks_message_keys"
NEW = "the-new-key-of-the-tests-0123456"


def test_page_shows_which_topic_used_which_key_last(post, staff, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": [KEY, NEW], "test": TEST_KEY}}
    post("order")
    post("shipment")
    post("order", key=NEW)
    post("order", key=TEST_KEY)
    text = staff.get(reverse(URL)).text
    assert fingerprint(KEY) in text
    assert "In use for: shipment" in text or "in use for: shipment" in text
    assert "in use for: order" in text
    assert fingerprint(TEST_KEY) not in text
    post("shipment", key=NEW)
    assert "can be removed" in staff.get(reverse(URL)).text


def test_page_needs_the_permission_to_view_messages(clerk):
    assert clerk("view_order").get(reverse(URL)).status_code == 403
