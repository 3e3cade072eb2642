"""Labels: each code that this app writes has one."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.admin import labels, reasons
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery.subjects import BY_NAME
from stockhub_webhooks.exceptions import CALLER_DIED, DIED, RetryLater, Unreadable, format_error
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.message import OUTDATED_RETURN
from stockhub_webhooks.processing import apply


def test_every_note_code_has_a_label_and_every_label_a_code():
    rooms = (Path(room.__file__).parent for room in (serializers, apply))
    source = "\n".join(path.read_text() for room in rooms for path in room.glob("*.py"))
    codes = re.findall(r'\bBodyNote\((?:[^"()]|\([^()]*\))*(?:"[^"]*")?,\s*"(\w+)"', source) + re.findall(
        r'unreadable\("(\w+)"\)', source
    )
    assert len(codes) > 20
    assert {*codes, OUTDATED_RETURN} == set(labels.NOTES)


def test_every_quarantine_reason_has_a_label():
    assert set(labels.REASONS) == set(Unreadable.REASONS)


def test_every_event_and_signal_has_a_label():
    assert set(labels.EVENTS) == set(signals.BY_EVENT_TYPE)
    assert set(labels.SIGNALS) == set(signals.BY_NAME)
    assert {name.partition(".")[0] for name in labels.CODES} <= set(BY_NAME)


def test_unknown_code_is_shown_raw():
    assert labels.note({"path": "x", "code": "brand_new", "detail": "100%"}) == "brand_new"
    assert labels.note({}) == ""
    assert labels.error(Message(error="DatabaseError: gone")) == "DatabaseError: gone"


def test_label_of_a_note_contains_its_details():
    assert labels.note({"code": "more_notes", "detail": "7"}) == "and 7 more remarks"
    assert labels.note({"code": "unknown_value", "detail": "100% %s"}) == "a code that we do not know: 100% %s"
    assert "return" in labels.note({"code": "topic_differs", "detail": topics.RMA})


@pytest.mark.parametrize("reason", Unreadable.REASONS)
def test_reason_is_followed_by_its_details(reason):
    assert labels.error(Message(error=str(Unreadable(reason, "it is so")))).endswith("(it is so)")
    assert labels.error(Message(error=f"{reason}:")) == str(labels.REASONS[reason])


@pytest.mark.parametrize("persons", [True, False])
def test_errors_of_this_app_are_translated_for_all_users(persons):
    with translation.override("nl"):
        died = labels.first_line(CALLER_DIED, persons=persons)
        asked = labels.first_line(str(RetryLater(90)), persons=persons)
    assert died not in (CALLER_DIED, str(labels.CAUSES[DIED]))  # translated
    assert "proces" in died
    assert asked == "onze winkel vroeg om het over 90 seconden opnieuw te proberen"


def test_other_errors_are_shown_unchanged_or_by_type_only():
    try:
        raise ValueError("no customer Jansen")
    except ValueError as raised:
        error = format_error(raised)
    assert labels.first_line(error, persons=True) == "ValueError: no customer Jansen"
    assert labels.first_line(error, persons=False) == "ValueError"
    for reason in ("Jansen: gone", "asked to be called again in 60 seconds by Jansen"):
        assert labels.first_line(reason, persons=True) == reason
        assert labels.first_line(reason, persons=False) == "not shown"
    assert labels.first_line("", persons=False) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (600, "10 minutes"),
        (6266, "104 minutes"),
        (3600, "1 hour"),
        (90_000, "25 hours"),
    ],
)
def test_durations_are_in_the_largest_unit(seconds, words):
    with translation.override("en"):
        assert reasons.duration(seconds) == words


def test_known_reason_of_a_task_that_waits_is_translated():
    with translation.override("nl"):
        text = labels.first_line(str(RetryLater(60, "the shop has no such order yet")), persons=False)
        asked = "onze winkel vroeg om het over 1 minuut opnieuw te proberen"
        assert text == f"{asked}: onze winkel heeft deze bestelling nog niet"
        assert "Jansen" not in labels.first_line(str(RetryLater(60, "Jansen")), persons=False)
