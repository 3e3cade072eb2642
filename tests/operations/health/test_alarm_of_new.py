"""Each new problem is mailed, also while an older one lies there; the mail says what is new and what is still open."""

from datetime import datetime, timedelta, timezone

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Alarm, Message, ReceiverCall, SiteAddress
from stockhub_webhooks.operations.health import alarm, site_url
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level, Problem
from stockhub_webhooks.operations.health.rules import find_problems
from tests.conftest import KEY
from tests.operations.health.test_alarm import _admins, an_hour_passes, check_a_minute_later  # noqa: F401
from tests.samples import sample

pytestmark = pytest.mark.django_db
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def refuse(**arguments):
    raise PermanentFailure("no")


def test_further_message_is_mailed_while_an_older_one_lies_there(broken, post):
    broken("quarantined")
    check_a_minute_later()
    post("order", b"another one")
    check_a_minute_later()
    assert len(mail.outbox) == 1  # an hour has not passed
    an_hour_passes()
    check_a_minute_later()
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 2


def test_message_that_is_settled_while_another_one_lies_there_is_not_mailed(broken, post):
    broken("quarantined")
    post("order", b"another one")
    check_a_minute_later()
    Message.objects.order_by("pk").last().delete()
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 1


def test_further_task_is_mailed_while_an_older_one_lies_there(broken, post):
    broken("given_up")
    check_a_minute_later()
    post("order", sample("order", increment_id="000000777", order_id=777))
    an_hour_passes()
    check_a_minute_later()
    assert ReceiverCall.objects.filter(status="given_up").count() == 2
    assert len(mail.outbox) == 2


def test_mail_says_what_is_new_and_what_is_still_open(broken):
    broken("quarantined")
    check_a_minute_later()
    broken("refusals")
    an_hour_passes()
    check_a_minute_later()
    new, _, still_open = mail.outbox[1].body.partition("Still open:")
    assert "/refusal/" in new
    assert "/message/" not in new
    assert "/message/" in still_open
    assert "Still open:" not in mail.outbox[0].body


def test_row_that_comes_while_the_mail_is_sent_is_mailed_later(broken, post):
    broken("quarantined")
    calls = []

    def alert(subject, text):
        if not calls:
            post("order", b"meanwhile")
            Alarm.objects.update(newest=Message.objects.latest("pk").pk, told_at=None)  # another process has seen it
        calls.append(text)

    from tests.operations.health import test_alarm

    with test_alarm.alert(alert):
        for _ in range(3):
            check_a_minute_later()
            an_hour_passes()
    assert len(calls) == 2


def test_subjects_of_one_rule_are_problems_of_their_own():
    first, second = (Problem("receiver_fails", Level.WARNING, "", subject=name) for name in ("shop.a", "shop.b"))
    assert first.identity != second.identity
    assert Problem("breaker", Level.CRITICAL, "", subject="shop.a").identity == first.identity
    assert len(Problem("gone_receivers", Level.WARNING, "", subject="x" * 400).identity) <= 320


def test_open_breaker_is_the_alarm_of_the_failing_receiver(post, hear, receiver_fails):
    receiver_fails(5)
    assert [(each.code, each.identity) for each in find_problems(collect_report())] == [
        ("breaker", "receiver_fails:shop.fails")
    ]


def test_warning_that_becomes_critical_is_mailed_again_and_once(monkeypatch):
    rule = failing_of(monkeypatch)
    for level, mails in ((Level.WARNING, 1), (Level.WARNING, 1), (Level.CRITICAL, 2), (Level.WARNING, 2)):
        rule(level)
        check_a_minute_later()
        an_hour_passes()
        assert len(mail.outbox) == mails
    rule(Level.CRITICAL)  # the same episode: that was mailed
    check_a_minute_later()
    assert len(mail.outbox) == 2


def test_breaker_that_opens_for_a_receiver_that_was_mailed_is_no_news(monkeypatch):
    rule = failing_of(monkeypatch)
    for code, level in (("receiver_fails", Level.WARNING), ("breaker", Level.CRITICAL)):
        rule(level, code)
        check_a_minute_later()
        an_hour_passes()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("code", ["receiver_hangs", "resolver_fails", "line_resolver_fails"])
def test_code_of_the_shop_that_hangs_or_raises_is_mailed(monkeypatch, code):
    failing_of(monkeypatch)(Level.CRITICAL, code)
    check_a_minute_later()
    assert len(mail.outbox) == 1


def failing_of(monkeypatch):
    """Return a function that makes the rules find one problem of a receiver, of a level."""

    def rule(level, code="receiver_fails"):
        problem = Problem(code, level, "shop.fails", "receivercall", {}, "shop.fails")
        monkeypatch.setattr(alarm, "find_problems", lambda report: [problem])

    return rule


@pytest.fixture
def receiver_fails(post, hear):
    """Return a function that makes the calls of a receiver fail for a number of orders."""

    def fail(**arguments):
        raise ConnectionRefusedError

    hear(signals.order_created, fail, uid="shop.fails")

    def orders(count):
        for number in range(count):
            post("order", sample("order", increment_id=f"0000008{number:02}", order_id=800 + number))

    return orders


# ---------------------------------------------------------------- links


def test_links_of_mails_are_absolute_by_the_setting(broken):
    broken("quarantined")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SITE_URL": "https://shop.example/"}):
        check_a_minute_later()
    assert "https://shop.example/admin/stockhub_webhooks/message/?" in mail.outbox[0].body
    assert "shop.example" in mail.outbox[0].subject


def test_links_of_mails_are_absolute_by_the_address_of_the_doctor(broken, capsys):
    broken("quarantined")
    site_url.remember("https://first.example/api/v1/stockhub/")
    site_url.remember("https://shop.example:8443/api/v1/stockhub/")
    check_a_minute_later()
    assert "https://shop.example:8443/admin/stockhub_webhooks/message/?" in mail.outbox[0].body
    with pytest.raises(SystemExit):
        call_command("stockhub_status")
    assert "https://shop.example:8443/admin/stockhub_webhooks/message/?" in capsys.readouterr().out


def test_address_of_this_machine_is_not_remembered():
    site_url.remember("http://localhost:8000/api/v1/stockhub/")
    assert not SiteAddress.objects.exists()


def test_links_of_health_have_the_host_of_the_request(broken, client, settings):
    broken("quarantined")
    settings.ALLOWED_HOSTS = ["shop.example"]
    answer = client.get("/api/v1/stockhub/health", headers={"x-api-key": KEY, "host": "shop.example"})
    assert {finding["link"].partition("/admin")[0] for finding in answer.json()["findings"]} == {"http://shop.example"}


# ---------------------------------------------------------------- silence that is learned


@pytest.fixture
def messages(post):
    """Return a function that makes messages of the given hours ago."""

    def make(*hours):
        now = datetime.now(timezone.utc)
        post("order")
        (first,) = Message.objects.all()
        Message.objects.update(received_at=now - timedelta(hours=hours[0]))
        Message.objects.bulk_create(
            Message(
                account=first.account,
                body=b"{}",
                topic="order",
                status="applied",
                outcome="unchanged",
                received_at=now - timedelta(hours=ago),
            )
            for ago in hours[1:]
        )

    return make


def silence(**settings):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, **settings}):
        report = collect_report(with_keys=False)
        return "silence" in {problem.code for problem in find_problems(report)}


@pytest.mark.parametrize(
    ("last", "step", "is_silent"),
    [
        (23, 6, False),  # a short gap is at least 24 hours
        (25, 6, True),
        (71, 24, False),  # three times a day
        (73, 24, True),
    ],
)
def test_silence_is_learned_from_the_longest_gap(messages, last, step, is_silent):
    messages(*range(last, last + 20 * 24, step))
    assert silence() is is_silent


@pytest.mark.parametrize(("days", "is_silent"), [(13, False), (14, True), (40, True)])
def test_silence_is_learned_after_14_days_with_messages(messages, days, is_silent):
    messages(*range(200, 200 + days * 24, 24))
    assert silence() is is_silent


def test_one_gap_of_the_days_counts_however_many_messages_are_around_it(messages):
    messages(*range(100, 200), *range(240, 700))  # 41 hours
    assert not silence()
    assert silence(SILENCE_AFTER_HOURS=99)
    assert not silence(SILENCE_AFTER_HOURS=0)


def test_gap_before_the_last_14_days_does_not_count(messages):
    messages(*range(30, 30 + 20 * 24, 6), 30 + 60 * 24)
    assert silence()


def test_learning_costs_no_query_per_message(messages, django_assert_max_num_queries):
    messages(*(30 + number / 10 for number in range(4000)))
    with django_assert_max_num_queries(200):
        assert silence()


def test_tests_are_no_messages(messages):
    messages(*range(30, 30 + 20 * 24, 6))
    Message.objects.filter(received_at__gt=datetime.now(timezone.utc) - timedelta(hours=60)).update(account="test")
    assert silence()
