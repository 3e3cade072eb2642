"""The command that requeues receiver calls."""

import re
from datetime import datetime, timezone

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.management.commands import stockhub_retry
from stockhub_webhooks.models import Message, ReceiverCall
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db
OLD = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def calls(post, hear):
    """Two orders, one of them old; one receiver gave up, one is tried again later. `mended` heals both."""
    is_mended = []

    def refuse(**arguments):
        if not is_mended:
            raise PermanentFailure("no")

    def fail(**arguments):
        if not is_mended:
            raise ValueError("not yet")

    hear(signals.order_created, refuse, uid="shop.refuses")
    hear(signals.order_created, fail, uid="shop.fails")
    for number in ("1", "2"):
        post("order", sample("order", increment_id=number))
    Message.objects.filter(increment_id="1").update(received_at=OLD)
    is_mended.append(True)
    return lambda status: ReceiverCall.objects.filter(status=status).count()


def numbers_in(text):
    return [int(number) for number in re.findall(r"\d+", text)]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"given_up": True}, 2),
        ({"receiver": "shop.fails"}, 2),
        ({"receiver": "shop.fails", "given_up": True}, 0),
        ({"since": "2024-05-02"}, 2),
        ({"since": "2024-05-01"}, 4),
        ({"since": "2024-05-01T14:00"}, 4),  # in Amsterdam
        ({"since": "2024-05-01T14:01"}, 2),
        ({"since": "2024-05-01T12:01+00:00", "given_up": True}, 1),
    ],
)
def test_command_requeues_the_chosen_calls(calls, options, count, capsys, monkeypatch):
    monkeypatch.setattr(stockhub_retry, "BATCH", 1)
    call_command("stockhub_retry", **options, dry_run=True)
    assert numbers_in(capsys.readouterr().out.splitlines()[-1]) == [count]
    assert (calls("given_up"), calls("pending")) == (2, 2)
    call_command("stockhub_retry", **options)
    printed = capsys.readouterr().out
    assert numbers_in(printed.splitlines()[-1]) == [count, count]
    assert ("shop.fails: 2" in printed) is ((options.get("receiver") == "shop.fails" and count == 2) or count == 4)
    assert calls("done") == count


def test_running_call_is_left_alone(calls, capsys):
    ReceiverCall.objects.update(status="running")
    call_command("stockhub_retry", receiver="shop.fails")
    assert numbers_in(capsys.readouterr().out) == [0, 0]


def test_command_reports_missing_arguments(calls):
    with pytest.raises(CommandError, match="--since"):
        call_command("stockhub_retry")
    for text in ("yesterday", "2024-02-31", "2024-02-31T00:00"):
        with pytest.raises(CommandError, match=text):
            call_command("stockhub_retry", since=text)


def test_with_the_worker_runner_calls_are_only_made_due(calls):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        call_command("stockhub_retry", "--given-up")
    assert (calls("given_up"), calls("pending")) == (0, 4)
