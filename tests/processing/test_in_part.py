"""Test which messages count as applied in part, and which have impossible times."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from stockhub_webhooks import serializers
from stockhub_webhooks.admin import labels
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Message
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.serializers.fields import IMPOSSIBLE_TIMES, LEFT_OUT
from stockhub_webhooks.serializers.tolerant import NOTE_LIMIT
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
DAY = timedelta(days=1)
UNREADABLE = {
    "cut_off": {"currency": "E" * 300},
    "impossible_time": {"created_at": "1970-01-01 00:00:00"},
    "no_tracking_number": {"track": {"carrier": "ups"}},
    "not_a_list": {"items": 7},
    "not_a_number": {"grand_total": "a lot"},
    "not_a_time": {"created_at": "soon"},
    "not_an_object": {"billing_address": 7},
    "not_text": {"currency": True},
    "not_whole": {"items__qty": 1.5},
    "out_of_range": {"grand_total": 10**20},
    "too_long": {"items__sku": "s" * 300},
    "too_many_lines": {"items": [{"sku": "S"}] * 10_001},
}
TOPIC_OF = {"no_tracking_number": "shipment"}


def test_each_kind_that_leaves_something_out_is_tried_and_has_a_label():
    assert UNREADABLE.keys() == LEFT_OUT
    assert labels.NOTES.keys() >= LEFT_OUT | IMPOSSIBLE_TIMES


@pytest.mark.parametrize("code", UNREADABLE)
def test_each_value_that_is_left_out_is_noted_as_such(code):
    topic = TOPIC_OF.get(code, "invoice")
    parsed = serializers.read(json.dumps(sample(topic, **UNREADABLE[code])).encode(), topic)
    assert [note.code for note in parsed.notes if note.code != "missing_field"] == [code]
    assert parsed.leaves_something_out


@EACH_TOPIC
def test_a_message_of_which_a_part_is_left_out_is_applied_in_part(post, topic, last_message):
    assert post(topic, sample(topic, currency=["EUR", "USD"])).json()["outcome"] == "created"
    assert last_message().is_in_part is True


@EACH_TOPIC
def test_a_whole_message_and_one_with_unknown_fields_or_codes_are_not(post, topic, last_message):
    bodies = (contract(topic), sample(topic, surprise=1, status="brand new", items__qty="2"))
    for body in bodies:
        post(topic, body)
        message = last_message()
        assert (message.status, message.is_in_part, message.has_impossible_time) == ("applied", None, None)
    assert message.notes


def test_an_older_message_is_not_since_all_of_it_is_left_out(post, last_message):
    post("order", sample("order", updated_at="2024-06-01T00:00:00Z"))
    post("order", sample("order", grand_total="a lot"))
    message = last_message()
    assert (message.outcome, message.is_in_part) == ("stale", None)


def test_what_is_left_out_is_found_below_any_number_of_other_remarks(post, last_message):
    surprises = {f"surprise_{number}": 1 for number in range(2 * NOTE_LIMIT)}
    post("shipment", sample("shipment", delivered_at="soon") | surprises)
    message = last_message()
    assert (len(message.notes), message.is_in_part) == (NOTE_LIMIT, True)


def test_once_a_message_is_read_whole_by_a_replay_it_is_not(post, last_message):
    post("invoice", sample("invoice", grand_total="a lot"))
    message = last_message()
    Message.objects.filter(pk=message.pk).update(body=json.dumps(contract("invoice")).encode())
    pipeline.reapply(Message.objects.get(pk=message.pk))
    assert last_message().is_in_part is None


def test_a_message_that_a_person_has_corrected_stays_so_when_it_is_applied_again(post, last_message):
    post("invoice", sample("invoice", grand_total="a lot"))
    Message.objects.update(is_in_part=False)
    assert pipeline.reapply(last_message()).outcome == "unchanged"
    assert last_message().is_in_part is False


# ---------------------------------------------------------------- times


@EACH_TOPIC
@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2062-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_impossible_time_in_any_field_is_marked(post, topic, time, last_message):
    names = {"rma": ("date_requested",), topics.PAYMENT_REQUEST: ("created_at",)}
    for name in names.get(topic, ("created_at", "updated_at")):
        post(topic, sample(topic, **{name: time}))
        assert last_message().has_impossible_time is True, name


def test_a_clock_may_be_wrong_by_minutes(post, last_message):
    post("order", sample("order", updated_at=(datetime.now(timezone.utc) + timedelta(minutes=9)).isoformat()))
    assert last_message().has_impossible_time is None


def test_a_note_says_by_how_much_a_time_is_ahead(post, last_message):
    post("order", sample("order", updated_at=(datetime.now(timezone.utc) + timedelta(hours=2)).isoformat()))
    (note,) = last_message().notes
    assert 7190 < int(note["detail"]) <= 7200
    assert "2:00 hours" in labels.note(note)
    assert "3 days" in labels.note(note | {"detail": "300000"})
    assert labels.note(note | {"detail": ""})  # as of former versions
