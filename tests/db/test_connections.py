"""The database's clock, and steps that it calls off."""

from datetime import datetime, timedelta, timezone

import pytest
from django.db import OperationalError, transaction

from stockhub_webhooks.db.connections import NOW, from_now, with_retries
from stockhub_webhooks.db.timeouts import MAX_ATTEMPTS
from stockhub_webhooks.models import Heartbeat, HostLink
from stockhub_webhooks.testing.factories import HostLinkFactory


@pytest.mark.django_db
def test_what_is_due_now_is_due_in_the_same_moment():
    link = HostLinkFactory()
    due = HostLink.objects.annotate(moment=from_now(0)).filter(moment__lte=NOW)
    assert list(due) == [link]


@pytest.mark.parametrize(("expression", "ahead"), [(NOW, 0), (from_now(3600), 3600), (from_now(-60), -60)])
def test_the_databases_clock_is_utc(db, expression, ahead):
    Heartbeat.objects.create(name="clock", beat_at=expression)
    told = Heartbeat.objects.get().beat_at
    expected = datetime.now(timezone.utc) + timedelta(seconds=ahead)
    assert abs(told - expected) < timedelta(minutes=5)


@pytest.mark.django_db
def test_time_that_is_written_back_is_not_later_than_it_was():
    Heartbeat.objects.create(name="clock", beat_at=NOW)
    assert Heartbeat.objects.filter(beat_at__gte=Heartbeat.objects.get().beat_at).exists()


def steps(failures):
    tries = []

    def step():
        tries.append(1)
        if len(tries) <= failures:
            raise OperationalError("deadlock detected")
        return "done"

    return step, tries


@pytest.mark.parametrize("failures", range(MAX_ATTEMPTS))
def test_a_step_that_is_called_off_is_taken_again(transactional_db, failures):
    step, tries = steps(failures)
    assert with_retries(step) == "done"
    assert len(tries) == failures + 1


def test_but_not_for_ever(transactional_db):
    step, tries = steps(MAX_ATTEMPTS)
    with pytest.raises(OperationalError):
        with_retries(step)
    assert len(tries) == MAX_ATTEMPTS


def test_and_not_inside_a_transaction_which_is_lost(transactional_db):
    step, tries = steps(1)
    with pytest.raises(OperationalError), transaction.atomic():
        with_retries(step)
    assert len(tries) == 1
