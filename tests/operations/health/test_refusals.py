"""Refused messages are a problem until a person decides, whatever else is accepted."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import override_settings
from django.utils import timezone

from stockhub_webhooks.models import Alarm, Lock, RefusedBody
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.operations.health.report_text import lines
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving import refusals, refused_bodies
from stockhub_webhooks.receiving.authentication import fingerprint
from stockhub_webhooks.testing.factories import RefusedBodyFactory
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db
OLD = timedelta(days=28)  # of the 30 days that they are kept


def found(code="refusals"):
    return [problem for problem in find_problems(collect_report()) if problem.code == code]


def check():
    """Check the health after the limits of a minute and an hour."""
    Lock.objects.all().delete()
    alarm.check()


def test_kept_messages_stay_a_problem_after_others_were_accepted(post):
    for number in range(3):
        post("shipment", sample("shipment", increment_id=f"{number}"), key="mistyped")
    post("order")
    post("shipment")
    post("invoice")
    (problem,) = found()
    assert problem.level == Level.CRITICAL
    assert "3 messages" in problem.text
    assert fingerprint("mistyped") in problem.text
    (group,) = collect_report().refusals.groups
    assert (group.topic, group.count, group.account) == ("shipment", 3, "default")
    assert group.delete_at - group.first_at == refused_bodies.kept_for()


def test_status_counts_the_refusals_by_key(post):
    for key, number in {"mistyped": 3, "another": 2, None: 1}.items():
        for _ in range(number):
            post("order", key=key)
    report = collect_report()
    assert report.refusals.by_key == {fingerprint("mistyped"): 3, fingerprint("another"): 2}
    text = "\n".join(lines(report))
    assert all(f"{key}: {count}\n" in text for key, count in report.refusals.by_key.items())


def test_each_topic_and_key_is_a_problem_of_its_own_up_to_a_limit(post):
    for key in ("one", "two"):
        post("order", key=key)
        post("shipment", key=key)
    assert len(found()) == 4
    for number in range(10):
        post("order", key=f"key {number}")
    assert len(found()) == 6
    assert "9 more messages" in found()[-1].text


@pytest.mark.parametrize("way", ["release", "dismiss"])
def test_problem_ends_with_the_decision(post, way):
    post("order", key="mistyped")
    post("shipment", key="mistyped")
    pks = list(RefusedBody.objects.values_list("pk", flat=True))
    for pk in pks:
        assert found()
        if way == "release":
            refusals.release([pk], by="office")
        else:
            refused_bodies.dismiss([pk], by="office", reason="a stranger's")
    post("order")
    assert found() == []


def test_message_that_cannot_be_read_is_not_accepted(post):
    post("order", b"x", key="wrong")
    post("order", b"{")
    assert post("order", b"{").status_code == 406
    assert len(found()) == 1
    post("order")
    assert found() == []


def test_accepted_message_of_the_topic_ends_the_doubt_about_the_key(post):
    post("order", key="mistyped")
    post("shipment")
    assert "Is the key right?" in found()[0].text
    post("order")
    assert "Is the key right?" not in found()[0].text
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": KEY, "two": "key-two"}}):
        assert "Is the key right?" in found()[0].text  # another account may have the wrong key


def test_mail_announces_the_deletion(post):
    post("order", key="mistyped")
    check()
    assert "will be deleted" in mail.outbox[0].body
    assert RefusedBody.objects.get().announced_at


def test_message_that_came_after_the_mail_is_announced_by_another_one():
    RefusedBodyFactory()
    check()
    assert len(mail.outbox) == 1
    late = RefusedBodyFactory(refused_at=timezone.now() - OLD)
    check()
    assert len(mail.outbox) == 2
    late.refresh_from_db()
    assert late.announced_at
    check()
    assert Alarm.objects.get(name="refusals_expiring").since is None


def no_mail_server(subject, text):
    raise OSError("no mail server")


def test_mail_that_fails_announces_nothing(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "ALERT": f"{__name__}.no_mail_server"}
    RefusedBodyFactory(refused_at=timezone.now() - OLD)
    check()
    assert RefusedBody.objects.get().announced_at is None
