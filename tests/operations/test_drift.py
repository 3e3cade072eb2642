"""Differences between the messages and the documentation are counted, each message once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.utils.translation import override

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.documented import ALWAYS_SENT, ALWAYS_SENT_IN_ITEMS
from stockhub_webhooks.models import Drift, Message
from stockhub_webhooks.operations import drift, worker
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.replay import run
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.serializers import read
from tests.conftest import TEST_KEY
from tests.processing.test_locked_orders import in_other_transaction
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(transaction=True)
WITH_PAGES = pytest.mark.django_db(transaction=True, databases=["default", "other"])
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def counted():
    drift.throttle.reset()
    drift.count_due()
    return {(row.topic, row.kind, row.name): row.count for row in Drift.objects.all()}


@EACH_TOPIC
def test_documented_message_is_no_drift(post, topic):
    post(topic)
    assert counted() == {}
    assert not Message.objects.filter(notes_due_at__isnull=False).exists()


@EACH_TOPIC
def test_missing_field_of_items_is_counted_once_for_each_message(post, topic):
    body = contract(topic)
    body["items"] = [dict(body["items"][0]), dict(body["items"][0])]
    missing = min(ALWAYS_SENT_IN_ITEMS[topic] - {"id", "sku"})
    for item in body["items"]:
        del item[missing]
    post(topic, body)
    assert counted() == {(topic, "missing_field", f"items[].{missing}"): 1}


@EACH_TOPIC
def test_nullable_field_that_is_left_out_is_no_drift(post, topic):
    body = contract(topic)
    body["items"][0].pop("parent_sku")
    for name in ("status" if topic == "order" else "", "po_number" if topic != "invoice" and topic != "rma" else ""):
        body.pop(name, None)
    post(topic, body)
    assert counted() == {}


def test_another_name_of_a_documented_field_is_not_missing():
    body = contract("shipment")
    body["tracks"], body["createdAt"] = [body.pop("track")], body.pop("created_at")
    assert "missing_field" not in {note.code for note in read(json.dumps(body).encode(), "shipment").notes}


def test_missing_field_and_other_version_are_not_applied_in_part(post):
    body = contract("order")
    del body["updated_at"]
    post("order", body, headers={"x-version": "V3"})
    message = Message.objects.get()
    assert {note["code"] for note in message.notes} == {"missing_field", "unknown_version"}
    assert message.is_in_part is None


@EACH_TOPIC
def test_each_kind_of_difference_is_counted(post, topic):
    body = contract(topic) | {"gift": {"text": "secret"}}
    body["items"][0]["weight"] = 3
    body["currency"] = [1, 2]
    missing = min(ALWAYS_SENT[topic] - {"currency", "increment_id", "order_increment_id", "items"})
    del body[missing]
    post(topic, body, headers={"x-version": "V3"})
    assert counted() == {
        (topic, "unknown_field", "gift"): 1,
        (topic, "unknown_field", "items[].weight"): 1,
        (topic, "left_out", "currency: not_text"): 1,
        (topic, "missing_field", missing): 1,
        (topic, "version", "V3"): 1,
    }


def test_unknown_code_and_address_of_another_topic_are_counted(post):
    post("shipment", sample("shipment", status="TELEPORTED"))
    post("invoice", contract("shipment") | {"increment_id": "000000777"})
    assert counted() == {
        ("shipment", "unknown_code", "status: TELEPORTED"): 1,
        ("shipment", "topic", "invoice"): 1,
    }


def test_message_counts_once_however_often_it_is_counted_or_replayed(post):
    body = contract("order") | {"gift": "a"}
    post("order", body)
    assert counted() == {("order", "unknown_field", "gift"): 1}
    run.begin(MessageChoice(), who="test", reason="test")
    worker.drain()
    assert counted() == {("order", "unknown_field", "gift"): 1}
    post("order", body | {"gift": "b"})
    assert counted() == {("order", "unknown_field", "gift"): 2}


def test_times_are_those_of_the_messages_and_the_sample_is_the_latest(post):
    for gift in ("a", "b"):
        post("order", contract("order") | {"gift": gift})
    first, last = Message.objects.order_by("pk")
    counted()
    row = Drift.objects.get()
    assert (row.first_seen_at, row.last_seen_at, row.sample) == (first.received_at, last.received_at, last)
    early = datetime(2020, 1, 1, tzinfo=timezone.utc)
    Message.objects.filter(pk=first.pk).update(received_at=early, notes_due_at=early)
    counted()
    row.refresh_from_db()
    assert (row.first_seen_at, row.last_seen_at, row.count) == (early, last.received_at, 3)


def test_tests_are_left_out(post, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"test": TEST_KEY}}
    post("order", contract("order") | {"gift": "a"}, key=TEST_KEY)
    assert counted() == {}


def test_names_from_outside_are_cut_and_limited(post, monkeypatch):
    monkeypatch.setattr(drift, "MAX_NAMES", 3)
    for number in range(5):
        post("order", json.dumps(contract("order") | {f"{number}" * 500: number}).encode())
        counted()
    names = list(Drift.objects.order_by("pk").values_list("name", "count"))
    assert len(names) == 4
    assert names[-1] == (Drift.OTHERS, 2)
    assert max(len(name) for name, _ in names) <= 150


def test_batch_is_counted_whole_or_not_at_all(post, monkeypatch):
    drift.throttle.start()  # not yet, after the answer
    post("order", contract("order") | {"gift": "a", "ribbon": "b"})
    real, calls = drift._add, []

    def killed(key, seen):
        calls.append(key)
        if len(calls) == 2:
            raise SystemExit
        real(key, seen)

    with monkeypatch.context() as patch:
        patch.setattr(drift, "_add", killed)
        with pytest.raises(SystemExit):
            drift.throttle.reset()
            drift.count_due()
    assert not Drift.objects.exists()
    assert counted() == {("order", "unknown_field", "gift"): 1, ("order", "unknown_field", "ribbon"): 1}


def test_worker_counts(post):
    post("order", contract("order") | {"gift": "a"})
    drift.throttle.reset()
    worker.drain()
    assert Drift.objects.get().count == 1


def test_sample_outlives_no_message(post):
    post("order", contract("order") | {"gift": "a"})
    counted()
    Message.objects.all().delete()
    assert Drift.objects.get().sample is None


@WITH_PAGES
def test_page_shows_the_field_and_the_sample_and_no_value(post, admin_client):
    post("order", contract("order") | {"gift": "a secret"})
    counted()
    page = admin_client.get("/admin/stockhub_webhooks/drift/").content.decode()
    assert "gift" in page
    assert f"/admin/stockhub_webhooks/message/{Message.objects.get().pk}/change/" in page
    assert "a secret" not in page


def test_status_has_the_differences(post, capsys):
    post("order", contract("order") | {"gift": "a secret"})
    counted()
    (row,) = collect_report().drift
    assert (row.topic, row.kind, row.name, row.count) == ("order", "unknown_field", "gift", 1)
    assert row.sample == Message.objects.get().pk
    call_command("stockhub_status", "--json")
    as_json = json.loads(capsys.readouterr().out)
    assert as_json["drift"][0]["name"] == "gift"
    call_command("stockhub_status")
    text = capsys.readouterr().out
    assert "gift" in text
    assert "a secret" not in text


def test_overview_does_not_ask_for_the_differences(post):
    post("order", contract("order") | {"gift": "a"})
    counted()
    assert collect_report(with_keys=False).drift == []


@WITH_PAGES
@pytest.mark.parametrize("language", ["en", "nl"])
def test_page_is_in_the_language_of_the_office(post, admin_client, language):
    post("order", contract("order") | {"grand_total": "abc", "status": "odd"}, headers={"x-version": "V9"})
    counted()
    page = admin_client.get("/admin/stockhub_webhooks/drift/", headers={"accept-language": language}).text
    with override(language):
        for kind in ("left_out", "unknown_code", "version"):
            assert str(Drift.Kind(kind).label) in page


@WITH_PAGES
def test_page_needs_the_permission(post, client, django_user_model):
    post("order", contract("order") | {"gift": "a"})
    counted()
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    assert client.get("/admin/stockhub_webhooks/drift/").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_message"))
    link = 'href="/admin/stockhub_webhooks/drift/"'
    assert link not in client.get("/admin/stockhub_webhooks/").text
    user.user_permissions.add(Permission.objects.get(codename="view_drift"))
    assert client.get("/admin/stockhub_webhooks/").text.count(link) > 1, (
        "the overview links to it, beside Django's list"
    )
    assert client.get("/admin/stockhub_webhooks/drift/").status_code == 200


@pytest.mark.postgresql
def test_several_processes_at_once_count_each_message_once(post, monkeypatch):
    monkeypatch.setattr(drift, "BATCH", 3)
    monkeypatch.setattr(drift.throttle, "is_due", lambda: False)
    for number in range(20):
        post("order", contract("order") | {"gift": number, "increment_id": f"{number:09}"})
    monkeypatch.setattr(drift.throttle, "is_due", lambda: True)

    def count(_):
        try:
            while Message.objects.filter(notes_due_at__isnull=False).exists():
                drift.count_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count, range(3)))
    assert Drift.objects.get().count == 20


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_locked_counter_is_not_waited_for(post, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DATABASE_TIMEOUT_SECONDS": 100}
    body = sample("order") | {"unheard_of": 1}
    post("order", body)
    former = counted()
    post("order", body | {"increment_id": "000000777"})
    with in_other_transaction(lambda: list(Drift.objects.select_for_update())):
        assert counted() == former
    assert counted() == {key: count + 1 for key, count in former.items()}
