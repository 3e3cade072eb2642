"""A change of keys without loss: which address still uses the old one, and when it can be removed."""

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RefusedBody
from stockhub_webhooks.operations.doctor.rotation import examine_keys
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY, TEST_KEY

pytestmark = pytest.mark.django_db
NEW = "the-new-key-of-the-tests-0123456"


def findings():
    """The findings beside those that list the keys, by code."""
    return {each.code: each for each in examine_keys(collect_report()) if each.code != "key"}


@pytest.fixture
def two_keys(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": [KEY, NEW], "test": TEST_KEY}}


def test_one_key_is_listed_with_its_topics_and_nothing_is_to_be_done(post):
    post("order")
    (listed,) = examine_keys(collect_report())
    assert fingerprint(KEY) in listed.text
    assert "order" in listed.text
    assert listed.todo == ""


def test_walk_through_a_change_of_keys(two_keys, post, settings):
    for topic in topics.ALL:
        post(topic)
    assert findings().keys() == {"key_not_used"}
    assert fingerprint(NEW) in findings()["key_not_used"].text
    for topic in topics.ALL[:-2]:
        post(topic, key=NEW)
    still = findings()
    assert still.keys() == {"key_still_used"}
    assert fingerprint(KEY) in still["key_still_used"].text
    assert "credit note" in still["key_still_used"].text
    assert "shipment" not in still["key_still_used"].text
    for topic in topics.ALL[-2:]:
        post(topic, key=NEW)
    done = findings()
    assert done.keys() == {"key_removable"}
    assert fingerprint(KEY) in done["key_removable"].todo
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": NEW}
    assert findings() == {}


def test_topic_that_never_came_is_asked_about_before_the_old_key_is_removed(two_keys, post):
    post("order")
    post("order", key=NEW)
    todo = findings()["key_removable"].todo
    assert "shipment" in todo
    assert "order," not in todo.split("keys")[0]


def test_key_that_was_removed_too_early_is_to_be_put_back(post, settings):
    post("shipment")
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": NEW}
    post("shipment")
    assert RefusedBody.objects.count() == 1
    found = findings()
    assert found.keys() == {"key_removed_too_early"}
    assert fingerprint(KEY) in found["key_removed_too_early"].text


def test_accounts_do_not_change_each_others_keys(settings, post):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": KEY, "two": NEW}}
    post("order")
    post("order", key=NEW)
    assert findings() == {}
