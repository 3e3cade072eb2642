"""Wrong secrets are counted and limited alike at each address and method, and a right one always passes."""

import json
import threading
import time

import pytest
from django.test import Client

from stockhub_webhooks.db.throttle import Tally
from stockhub_webhooks.models import Refusal, RefusedBody
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving import refusals
from stockhub_webhooks.receiving.authentication import fingerprint
from stockhub_webhooks.receiving.slow_senders import MAX_READERS, MAX_WAIT_SECONDS, BodyReaders
from tests.conftest import KEY, PREFIX, TEST_KEY
from tests.samples import contract

TOKEN = "the-token-of-the-metrics-0123456789"
BODY = json.dumps(contract("order")).encode()


@pytest.fixture
def keys(settings):
    settings.STOCKHUB_WEBHOOKS = {
        "API_KEYS": {"default": KEY, "test": TEST_KEY},
        "METRICS": True,
        "METRICS_TOKEN": TOKEN,
    }


def x_api_key(method, path):
    return lambda secret, **extra: Client().generic(
        method, PREFIX + path, BODY if method == "POST" else b"", headers={"x-api-key": secret}, **extra
    )


def bearer(secret, **extra):
    return Client().get("/stockhub/metrics", headers={"authorization": f"Bearer {secret}"}, **extra)


# Each place that compares a secret: a request with it, the right secret, the reason by which it is counted, the status
# of its refusal, and the status beyond the limit.
PLACES = {
    "message": (x_api_key("POST", "order"), KEY, "wrong_key", 401, 401),
    "shared address": (x_api_key("POST", ""), KEY, "wrong_key", 401, 401),
    "address nearby": (x_api_key("POST", "orders"), KEY, "wrong_key", 401, 401),
    "GET of a topic": (x_api_key("GET", "order"), KEY, "wrong_key", 405, 429),
    "PUT of a topic": (x_api_key("PUT", "rma"), KEY, "wrong_key", 405, 429),
    "PATCH nearby": (x_api_key("PATCH", "orders"), KEY, "wrong_key", 405, 429),
    "health": (x_api_key("GET", "health"), KEY, "health_key", 200, 429),
    "HEAD of health": (x_api_key("HEAD", "health"), KEY, "health_key", 200, 429),
    "metrics": (bearer, TOKEN, "metrics_token", 401, 429),
}
EACH_PLACE = pytest.mark.parametrize("place", PLACES)


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
@EACH_PLACE
def test_wrong_secret_is_counted_with_its_fingerprint(place):
    send, _right, reason, status, _limited = PLACES[place]
    for secret in ("wrong", "wrong", "other"):
        assert send(secret).status_code == status
    counts = {row.key_fingerprint: (row.reason, row.count) for row in Refusal.objects.all()}
    assert counts == {fingerprint("wrong"): (reason, 2), fingerprint("other"): (reason, 1)}


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
@EACH_PLACE
def test_right_secret_passes_beyond_the_limit(place):
    send, right, _reason, status, limited = PLACES[place]
    usual = send(right).status_code
    for _ in range(refusals.GUESSES_A_MINUTE):
        assert send("wrong").status_code == status
    answer = send("wrong")
    assert answer.status_code == limited
    assert limited != 429 or int(answer["Retry-After"]) > 0
    assert send(right).status_code == usual
    assert send("wrong", REMOTE_ADDR="192.0.2.7").status_code == status
    rows = Refusal.objects.filter(key_fingerprint=fingerprint("wrong"), remote_address="127.0.0.1")
    assert rows.get().count == refusals.GUESSES_A_MINUTE + 1


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_guesses_at_all_addresses_count_together(caplog):
    for place in PLACES:
        for _ in range(refusals.GUESSES_A_MINUTE // 5):
            PLACES[place][0]("wrong")
    assert bearer("wrong").status_code == 429
    lines = [record for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_refused_message_is_kept_beyond_the_limit():
    for _ in range(refusals.GUESSES_A_MINUTE + 1):
        x_api_key("GET", "health")("wrong")
    assert x_api_key("POST", "order")("mistyped").status_code == 401
    assert bytes(RefusedBody.objects.get().body) == BODY


@pytest.mark.usefixtures("keys")
@EACH_PLACE
def test_no_database_is_asked_before_the_refusal(place, monkeypatch):
    send, _right, _reason, status, _limited = PLACES[place]
    noted = []
    monkeypatch.setattr(refusals, "record", noted.append)
    assert send("wrong").status_code == status  # pytest-django forbids the database here
    assert len(noted) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("place", ["health", "HEAD of health", "metrics"])
def test_guess_at_a_page_of_ours_is_no_refused_delivery(place):
    PLACES[place][0]("wrong")
    report = collect_report()
    assert sum(report.refusals.by_reason.values()) == 1
    assert not [problem for problem in find_problems(report) if problem.code == "refusals"]


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["health", "HEAD of health"])
def test_wrong_key_is_counted_if_none_is_required(settings, place):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "REQUIRE_API_KEY": False}
    PLACES[place][0]("wrong")
    assert Refusal.objects.get().reason == "health_key"


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_request_without_a_secret_is_no_guess():
    for _ in range(refusals.GUESSES_A_MINUTE + 5):
        assert Client().get(PREFIX + "health").json() == {"status": "ok"}
        assert Client().get("/stockhub/metrics").status_code == 401
        assert Client().get(PREFIX + "order").status_code == 405
    assert not Refusal.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("secret", [KEY, "wrong", ""])
def test_other_path_tells_no_key(secret):
    assert x_api_key("GET", "nothing")(secret).status_code == 404


# ---------------------------------------------------------------- bounded memory


def test_addresses_beyond_the_bound_are_counted_together():
    tally = Tally(60.0, max_keys=3)
    counted = [tally.add(f"address {number}") for number in range(6)]
    assert counted[:3] == [(f"address {number}", 1) for number in range(3)]
    assert counted[3:] == [("", 1), ("", 2), ("", 3)]
    assert tally.add("address 1") == ("address 1", 2)


def test_counts_begin_anew_and_give_their_memory_back():
    tally = Tally(0.0, max_keys=3)
    for number in range(100):
        assert tally.add(f"address {number}") == (f"address {number}", 1)
    assert len(tally._counts) <= 3


# ---------------------------------------------------------------- slow senders, in threads


def test_one_reader_for_an_address_and_few_for_all():
    readers = BodyReaders()
    with readers.admit("a") as first, readers.admit("b") as second, readers.admit("c") as third:
        assert (first, second, third) == (True, True, True)
        assert MAX_READERS == 3
        with readers.admit("a") as again, readers.admit("d") as fourth:
            assert (again, fourth) == (False, False)
    with readers.admit("a") as later:
        assert later


def test_slow_reader_is_not_waited_for():
    readers = BodyReaders()
    with readers.admit("a"):
        time.sleep(MAX_WAIT_SECONDS)
        began = time.monotonic()
        with readers.admit("a") as may_read:
            assert not may_read
        assert time.monotonic() - began < MAX_WAIT_SECONDS / 2


def test_burst_of_one_sender_is_read_in_turn():
    readers, results = BodyReaders(), []

    def read():
        with readers.admit("a") as may_read:
            time.sleep(0.01)
            results.append(may_read)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8
