"""The page that fetches what is missing: permission, progress, stop, and what it says if it cannot."""

import threading
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from stockhub_webhooks.models import Message, Pull
from stockhub_webhooks.operations.reconcile import nightly
from stockhub_webhooks.testing import life
from stockhub_webhooks.testing.factories import OrderAnswerFactory, OrderFactory, PullFactory
from tests.operations.reconcile.conftest import magento  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

REQUEST = "admin:stockhub_webhooks_pull_request"


@pytest.fixture
def http(clerk, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # the host's limit is too small for Django's forms
    return clerk("view_pull", "view_message", "reconcile")


@pytest.fixture
def work(monkeypatch):
    """Return a function that does what the worker does with runs."""
    monkeypatch.setattr(nightly.PULL_THREAD, "start", nightly.PULL_THREAD.call)
    monkeypatch.setattr(nightly, "begin_nightly", lambda account: False)
    return lambda: nightly.start_due(threading.Event())


def test_a_run_is_begun_shown_and_done_by_the_worker(http, magento, work):  # noqa: F811
    story = life("returned", seed=1)
    magento.play(story)
    page = http.post(reverse(REQUEST), {"po_numbers": f"{story.po_number}\n UNKNOWN-1,", "orders": ""}, follow=True)
    pull = Pull.objects.get()
    assert pull.choice == {"po_numbers": [story.po_number, "UNKNOWN-1"]}
    assert page.redirect_chain[-1][0] == reverse("admin:stockhub_webhooks_pull_change", args=[pull.pk])
    assert "stockhub_worker" in page.text
    assert LogEntry.objects.get().object_id == str(pull.pk)
    work()
    progress = http.get(reverse("admin:stockhub_webhooks_pull_progress", args=[pull.pk])).json()
    counts = {line["name"]: line["count"] for line in progress["counts"]}
    assert (progress["open"], progress["percent"]) == (False, 100)
    assert counts == {"changed": 2, "unchanged": 0, "unknown": 1, "failed": 0}
    assert Message.objects.filter(source="pull").count() == 2
    assert http.get(reverse("admin:stockhub_webhooks_message_changelist") + "?source__exact=pull").status_code == 200


def test_all_orders_from_a_day_are_fetched(http, magento, work):  # noqa: F811
    story = life("happy", seed=2)
    magento.play(story)
    days = [timezone.now() - timedelta(days=200), timezone.now() - timedelta(days=5)]
    old, new = [OrderFactory(status="closed", created_at=at, received_at=at, account="default") for at in days]
    OrderAnswerFactory(order=new, asked_at=days[1])  # it was asked for once, and has ended
    http.post(reverse(REQUEST), {"orders": "", "po_numbers": "", "since": (days[1] - timedelta(days=1)).date()})
    work()
    asked = {path.rpartition("/")[2] for path in magento.requests if "/orders/" in path}
    assert new.increment_id in asked
    assert old.increment_id not in asked
    page = http.get(reverse("admin:stockhub_webhooks_pull_changelist"))
    assert page.status_code == 200


@pytest.mark.parametrize(
    "values",
    [{"since": "31-31-2026"}, {"since": "0001-01-01"}, {"since": "2026-01-31", "orders": "1"}, {"orders": "1\0"}],
)
def test_a_day_that_is_none_or_comes_with_numbers_is_refused(http, magento, values):  # noqa: F811
    assert http.post(reverse(REQUEST), {"orders": "", "po_numbers": ""} | values).status_code == 200
    assert not Pull.objects.exists()


def test_a_second_run_of_an_account_waits_for_the_end_of_the_first(http, magento):  # noqa: F811
    http.post(reverse(REQUEST), {"orders": "1", "po_numbers": ""})
    Pull.objects.update(due_at=timezone.now() + timedelta(minutes=5))  # a worker has it
    page = http.post(reverse(REQUEST), {"orders": "2", "po_numbers": ""})
    assert page.status_code == 200
    assert Pull.objects.count() == 1


def test_a_run_is_stopped(http, magento, work):  # noqa: F811
    http.post(reverse(REQUEST), {"orders": "", "po_numbers": ""})
    pull = Pull.objects.get()
    stop = reverse("admin:stockhub_webhooks_pull_stop", args=[pull.pk])
    assert http.get(stop).status_code == 405
    http.post(stop)
    pull.refresh_from_db()
    assert (pull.status, pull.due_at) == ("stopped", None)
    assert pull.stopped_by
    work()
    assert not magento.requests


def test_it_needs_a_permission_of_its_own(clerk, magento, settings):  # noqa: F811
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    viewer = clerk("view_pull")
    pull = PullFactory()
    assert viewer.get(reverse(REQUEST)).status_code == 403
    assert viewer.post(reverse(REQUEST), {"orders": ""}).status_code == 403
    assert viewer.post(reverse("admin:stockhub_webhooks_pull_stop", args=[pull.pk])).status_code == 403
    assert reverse(REQUEST) not in viewer.get(reverse("admin:stockhub_webhooks_pull_changelist")).text
    assert Pull.objects.count() == 1


def test_too_many_numbers_are_refused(http, magento):  # noqa: F811
    page = http.post(reverse(REQUEST), {"orders": "\n".join(map(str, range(201))), "po_numbers": ""})
    assert page.status_code == 200
    assert not Pull.objects.exists()


def test_without_the_settings_it_says_who_sets_them(http):
    page = http.get(reverse(REQUEST))
    assert "REST_BASE_URL" in page.text
    assert http.post(reverse(REQUEST), {"orders": ""}).status_code == 200
    assert not Pull.objects.exists()


def test_the_account_is_chosen_if_there_are_several(http, magento, settings):  # noqa: F811
    keys = {"one": "key-of-one-0123456789abc", "two": "key-of-two-0123456789abc", "three": "key-of-three-0123456789"}
    url = {"one": magento.base_url, "two": magento.base_url}
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "API_KEYS": keys, "REST_BASE_URL": url}
    assert http.post(reverse(REQUEST), {"orders": "", "account": "three"}).status_code == 200
    http.post(reverse(REQUEST), {"orders": "", "account": "two"})
    assert Pull.objects.get().account == "two"
