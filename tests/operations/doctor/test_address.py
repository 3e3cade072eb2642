"""Examination from outside: the URLs, and a test message on its way."""

import json
import time
import types
import uuid

import pytest
from django.urls import include, path

from stockhub_webhooks.contract.client import NoResponse, Response
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.operations.doctor import address
from stockhub_webhooks.operations.doctor.address import BaseUrl, NoAddress, examine_address
from stockhub_webhooks.operations.health.problems import Level
from tests.conftest import KEY
from tests.operations.doctor.conftest import PREFIX
from tests.samples import contract

pytestmark = pytest.mark.django_db(transaction=True)  # our views own their transactions
PATH = "/api/v1/stockhub/"
TEST_KEY = "the-key-of-the-account-test-0123"


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}


def examined(text=PREFIX, **options):
    return [finding for section in examine_address(BaseUrl.read(text), **options) for finding in section.findings]


def codes(found):
    return {finding.code for finding in found}


def worst(found):
    return max(finding.level for finding in found)


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("https://shop.example", PREFIX),
        (" https://shop.example/ ", PREFIX),
        ("https://shop.example/api/v1/stockhub", PREFIX),
        ("https://shop.example/api/v1/stockhub/order", PREFIX),
        ("https://shop.example/api/v1/stockhub/order-payment-request/", PREFIX),
        ("https://shop.example/api/v1/stockhub/health?x=1#y", PREFIX),
        ("https://shop.example:8443/hooks/order", "https://shop.example:8443/hooks/"),
        ("https://shop.example/order", "https://shop.example/"),
    ],
)
def test_address_is_accepted_in_many_forms(given, prefix):
    assert BaseUrl.read(given).prefix == prefix


@pytest.mark.parametrize(
    "given",
    ["", "shop.example", "file:///etc/passwd", "https://", "https://u:p@shop.example", "https://x:99999/", "https://["],
)
def test_invalid_address_is_refused(given):
    with pytest.raises(NoAddress):
        BaseUrl.read(given)


def test_usual_path_is_used_if_the_urls_are_not_included(settings):
    settings.ROOT_URLCONF = "tests.host.no_addresses"
    assert BaseUrl.read("https://shop.example").prefix == PREFIX


@pytest.mark.parametrize(
    ("given", "is_secret", "for_mail"),
    [
        ("https://my.example/hooks", True, "https://my.example/hooks/"),
        ("http://my.example/hooks", False, "https://shop.example/hooks/"),
        ("http://127.0.0.1:8000/hooks", True, "https://shop.example/hooks/"),
        ("http://localhost:8000", True, PREFIX),
        ("https://127.0.0.1:8443/hooks", True, "https://shop.example/hooks/"),
    ],
)
def test_key_is_sent_only_over_https_or_to_this_machine(given, is_secret, for_mail):
    found = BaseUrl.read(given)
    assert (found.is_secret, found.for_mail) == (is_secret, for_mail)


def test_message_is_posted_stored_and_applied(ours):
    found = examined()
    assert worst(found) == Level.OK
    assert codes(found) == {"all_addresses", "known_key", "accepted", "applied"}
    message, in_chunks = Message.objects.order_by("pk")
    assert (message.account, message.topic, message.is_test) == ("test", "order", True)
    assert (in_chunks.body, in_chunks.outcome) == (message.body, Message.Outcome.UNCHANGED)
    assert message.increment_id.startswith("DOCTOR-")
    assert {note["code"] for note in message.notes} <= {"missing_field"}
    assert Order.objects.get().is_test
    assert KEY not in {key for *_, key, _body in ours.asked}
    assert TEST_KEY not in str(found)


def test_live_uses_a_real_key_and_posts_nothing(ours):
    found = examined(live=True)
    assert worst(found) == Level.OK
    assert codes(found) == {"all_addresses", "known_key", "nothing_posted"}
    assert {method for method, *_ in ours.asked} == {"GET"}
    assert {key for *_, key, _body in ours.asked} == {"", KEY}
    assert Message.objects.count() == 0


def test_without_a_test_key_nothing_is_posted(ours, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    found = examined()
    assert (worst(found), found[-1].code) == (Level.WARNING, "no_test_key")
    assert "--new-key" in found[-1].todo
    assert {(method, key) for method, _, key, _ in ours.asked} == {("GET", "")}


def test_live_without_a_key_is_a_problem(ours, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"test": TEST_KEY, "shop": ""}}
    assert "no_key" in codes(examined(live=True))


def test_no_key_is_sent_without_encryption(ours):
    found = examined("http://shop.example/")
    assert "not_encrypted" in codes(found)
    assert {key for *_, key, _body in ours.asked} == {""}
    assert worst(found) == Level.CRITICAL


@pytest.mark.parametrize("ending", ["health", "rma"])
def test_foreign_address_is_reported_and_nothing_is_posted(ours, ending):
    ours.instead["GET", PATH + ending] = lambda url: Response(url, 404)
    found = examined()
    assert [finding.code for finding in found] == ["known_status"]
    assert f"{ending}: " in found[0].text
    assert "(404)" in found[0].text
    assert {method for method, *_ in ours.asked} == {"GET"}


def test_missing_server_is_explained(ours):
    def refused(url):
        raise NoResponse(url, ConnectionRefusedError())

    ours.instead["GET", PATH + "health"] = refused
    assert codes(examined()) == {"refused"}


def test_server_that_stops_answering_is_explained(ours):
    def broken_off(url):
        raise NoResponse(url, ConnectionResetError())

    ours.instead["POST", PATH + "order"] = broken_off
    assert "broken_off" in codes(examined())


def answers_to_key(ours, *answers):
    """Set the answers of `health`: without a key, then with one."""
    left = list(answers)

    def in_turn(url):
        return left.pop(0)(url)

    ours.instead["GET", PATH + "health"] = in_turn


def plain(url):
    return Response(url, 200, {}, '{"status": "ok"}')


def test_server_with_other_keys_is_reported(ours):
    answers_to_key(ours, plain, plain)
    found = examined()
    assert "unknown_key" in codes(found)
    assert {method for method, *_ in ours.asked} == {"GET"}


def test_server_without_its_database_is_reported(ours):
    answers_to_key(ours, plain, lambda url: Response(url, 503, {}, '{"status": "critical", "findings": []}'))
    found = examined()[-1]
    assert (found.code, "(503)" in found.text) == ("ours", True)


def test_foreign_page_that_answers_with_a_key_is_reported(ours):
    answers_to_key(ours, plain, lambda url: Response(url, 200, {"content-type": "text/html"}, "<html>"))
    assert "false_success" in codes(examined())


def test_firewall_that_blocks_only_posts_is_reported(ours):
    ours.instead["POST", PATH + "order"] = lambda url: Response(url, 403, {}, "Forbidden")
    found = examined()
    assert (found[-1].code, "(403)" in found[-1].text) == ("known_status", True)


class Time:
    """Replacement of the module `time` whose `sleep` does something else."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, sleep):
        self.sleep = sleep


def accepted(ours, data, status=200, **options):
    ours.instead["POST", PATH + "order"] = lambda url: Response(url, status, {}, json.dumps(data), **options)


def test_message_that_is_missing_here_is_in_another_database(ours):
    accepted(ours, {"message": 4711, "outcome": "created"})
    found = examined()
    assert "other_database" in codes(found)
    assert "DATABASES" in found[-1].todo


def test_other_message_with_the_same_key_is_not_accepted(ours):
    other = Message.objects.create(account="test", body=b"{}", received_at="2026-01-01T00:00Z", status="applied")
    accepted(ours, {"message": other.pk, "outcome": "created"})
    assert "other_database" in codes(examined())


def no_answer(url):
    raise NoResponse(url, TimeoutError())


@pytest.mark.parametrize("answer", [lambda url: Response(url, 406), no_answer], ids=["empty", "none"])
def test_server_that_does_not_read_chunks_is_reported(ours, answer):
    ours.instead["chunked"] = answer
    found = examined()
    assert codes(found) == {"all_addresses", "known_key", "accepted", "applied", "not_in_chunks"}
    assert worst(found) == Level.WARNING


def test_slow_server_is_reported(ours):
    accepted(ours, {"message": 4711}, seconds=9.0)
    assert "slow" in codes(examined())


def test_message_in_the_spool_is_reported(ours, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(address, "ARRIVAL_SECONDS", 0)
    settings.STOCKHUB_WEBHOOKS |= {"SPOOL_DIR": tmp_path}
    uid = str(uuid.uuid4())
    (tmp_path / f"{uid}.json").write_text("{}")
    accepted(ours, {"message": uid}, 202)
    assert "in_spool" in codes(examined())
    accepted(ours, {"message": str(uuid.uuid4())}, 202)
    assert "other_database" in codes(examined())


def test_message_that_is_not_processed_is_reported(ours, settings, monkeypatch):
    monkeypatch.setattr(address, "ARRIVAL_SECONDS", 0)
    settings.STOCKHUB_WEBHOOKS |= {"RUNNER": "worker"}
    found = examined()
    assert {"accepted", "not_applied"} <= codes(found)


def test_doctor_waits_for_the_worker(ours, settings, monkeypatch):
    from stockhub_webhooks.operations import worker

    settings.STOCKHUB_WEBHOOKS |= {"RUNNER": "worker"}
    monkeypatch.setattr(address, "time", Time(lambda seconds: worker.drain()))
    assert "applied" in codes(examined())


def test_message_that_cannot_be_processed_is_reported(ours, settings, monkeypatch):
    def failed(seconds):
        Message.objects.update(status="failed", error="ValueError: unexpected\nand its traceback")

    settings.STOCKHUB_WEBHOOKS |= {"RUNNER": "worker"}
    monkeypatch.setattr(address, "time", Time(failed))
    found = examined()
    assert (found[-1].code, found[-1].level) == ("failed", Level.CRITICAL)
    assert found[-1].text.endswith(" ValueError: unexpected")


def test_prefix_without_its_slash_is_tried(ours, settings):
    module = types.ModuleType("tests_urlconf_of_the_doctor")
    module.urlpatterns = [path(PATH[1:], include("stockhub_webhooks.urls"))]
    settings.ROOT_URLCONF = module
    found = examined()
    assert codes(found) == {"all_addresses", "without_slash", "known_key", "accepted", "applied"}
    assert worst(found) == Level.WARNING


def test_message_to_the_prefix_without_its_slash_is_received(client):
    body = json.dumps(contract("order"))
    answer = client.post(PATH.rstrip("/"), body, content_type="application/json", headers={"x-api-key": KEY})
    assert answer.json()["outcome"] == "created"
