"""Refused messages in the admin."""

import pytest
from django.contrib.admin.models import LogEntry

from stockhub_webhooks.models import Message, RefusedBody

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_release_stores_a_refused_message_and_is_logged(post, act):
    post("order", key="mistyped")
    kept = RefusedBody.objects.get()
    page = act("refusedbody", "release", kept).text
    assert "1 message was let in." in page
    assert Message.objects.get().status == "applied"
    assert LogEntry.objects.get().change_message == "let in after all"


def test_release_needs_its_own_permission(post, act, clerk):
    post("order", key="mistyped")
    act("refusedbody", "release", RefusedBody.objects.get(), http=clerk("view_refusedbody", "process_again"))
    assert not Message.objects.exists()
    page = act("refusedbody", "release", RefusedBody.objects.get(), http=clerk_again(clerk))
    assert "1 message was let in." in page.text


def clerk_again(clerk):
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username="clerk").delete()
    return clerk("view_refusedbody", "release")


def test_release_with_several_accounts_points_to_the_command(post, act, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "key-one", "two": "key-two"}}
    post("order", key="mistyped")
    assert "stockhub_release" in act("refusedbody", "release", RefusedBody.objects.get()).text
    assert not Message.objects.exists()
