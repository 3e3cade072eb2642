"""A real gunicorn inside another host: what only real sockets show."""

import http.client
import json
import socket
import time

import pytest

from tests.conftest import KEY, PREFIX
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.server
HEADERS = {"x-api-key": KEY, "x-version": "V1", "content-type": "application/json"}


def send(address, topic, body, headers=HEADERS, **options):
    """(status, answer) of one POST."""
    http_ = http.client.HTTPConnection(address, timeout=20)
    try:
        http_.request("POST", PREFIX + topic, body, headers, **options)
        answer = http_.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        http_.close()


@pytest.mark.quick
def test_the_examples_in_alphabetical_order_and_again(shop):
    with shop.serve("-k", "gthread", "--threads", "2") as address:
        for expected in ("created", "unchanged"):
            for topic in ALPHABETICAL:
                status, answer = send(address, topic, json.dumps(contract(topic)).encode())
                assert (status, answer["outcome"]) == (200, expected)
    assert "Traceback" not in shop.log()
    assert shop.query("str(CreditMemo.objects.get().grand_total)") == "117.5000"
    shop.worker("--once")  # a thread of a busy machine may have left a call
    # 8 of documents, and for each of the 6 messages the one of its purchase
    assert shop.query("Heard.objects.filter(receiver='every').count() == Event.objects.count() == 8 + 6")
    assert shop.query("Event.objects.filter(type='purchase.changed').count()") == 6


def test_a_chunked_body_is_read_whole(shop):
    body = json.dumps(contract("order")).encode()
    with shop.serve() as address:
        pieces = (body[at : at + 100] for at in range(0, len(body), 100))
        assert send(address, "order", pieces, encode_chunked=True)[0] == 200
        assert (
            send(address, "order", iter([b"{}"]), HEADERS | {"transfer-encoding": "chunked"}, encode_chunked=True)[0]
            == 406
        )
    assert shop.query("bytes(Message.objects.first().body)") == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_declared_or_streamed(shop, chunked):
    big = b"x" * 300_000
    with shop.serve(SHOP_MAX_BODY_BYTES="1000") as address:
        body = (big[at : at + 10_000] for at in range(0, len(big), 10_000)) if chunked else big
        status, answer = send(address, "order", body, encode_chunked=chunked)
        assert (status, answer["title"]) == (413, "Body too large")
        assert send(address, "order", json.dumps({"increment_id": "1"}).encode())[0] == 200
    assert shop.query("Message.objects.count()") == 1


def test_keys_at_the_door(shop):
    body = json.dumps(contract("order")).encode()
    with shop.serve() as address:
        for headers in ({}, {"x-api-key": ""}, {"x-api-key": "wrong"}):
            assert send(address, "order", body, headers)[0] == 401
        for values, status in (((KEY, "wrong"), 401), (("wrong", "wrong"), 401), ((KEY, KEY), 200)):
            http_ = http.client.HTTPConnection(address, timeout=20)
            http_.putrequest("POST", PREFIX + "order")
            for value in values:
                http_.putheader("x-api-key", value)
            http_.putheader("content-length", str(len(body)))
            http_.endheaders(body)
            assert http_.getresponse().status == status
            http_.close()
        assert send(address, "order", body)[0] == 200
    assert shop.query("Message.objects.count()") == 2
    assert KEY not in shop.log()


def test_a_body_that_ends_early_is_kept_and_not_accepted(shop):
    with shop.serve() as address:
        host, port = address.split(":")
        raw = socket.create_connection((host, int(port)), 20)
        raw.sendall(
            f"POST {PREFIX}order HTTP/1.1\r\nhost: shop\r\nx-api-key: {KEY}\r\ncontent-length: 500\r\n\r\n".encode()
            + b'{"increment_id": "1"'
        )
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(4096)
        raw.close()
    assert b" 2" not in answer.split(b"\r\n")[0]
    assert "Traceback" not in shop.log()


def test_the_sender_does_not_wait_for_slow_receivers(shop):
    with shop.serve(SHOP_SLEEP_SECONDS="3") as address:
        begin = time.monotonic()
        assert send(address, "order", json.dumps(contract("order")).encode())[0] == 200
        waited = time.monotonic() - begin
        assert shop.query("Heard.objects.filter(receiver='every').count()") == 0
    assert waited < 3  # the receiver alone takes that long
    assert shop.query("Heard.objects.filter(receiver='every').count()") == 2  # of the order and of its purchase


def test_other_values_give_exact_rows(shop):
    body = sample(
        "shipment",
        increment_id="000009999",
        updated_at="2025-12-31T23:59:59.999+01:00",
        delivered_at="2025-12-31 12:34:56",
        status="DELIVERED",
        items__qty=7,
        items__row_total_inc_tax=1234567.8901,
        track__tracking_number="NEW-1",
    )
    with shop.serve() as address:
        assert send(address, "shipment", json.dumps(body).encode())[0] == 200
    assert shop.query(
        "[(s.increment_id, str(s.updated_at), str(s.delivered_at), s.status, s.tracks.get().tracking_number, "
        "str(s.items.get().row_total_inc_tax), s.items.get().qty) for s in Shipment.objects.all()]"
    ) == [
        (
            "000009999",
            "2025-12-31 22:59:59.999000+00:00",
            "2025-12-31 12:34:56+00:00",
            "DELIVERED",
            "NEW-1",
            "1234567.8901",
            7,
        )
    ]
    assert shop.query(
        "list(Heard.objects.filter(receiver='every').order_by('pk').values_list('event_type', flat=True))"
    ) == [
        "shipment.created",
        "track.added",
        "shipment.delivered",
        "purchase.changed",
    ]


def test_the_endless_loop_ends_politely(shop):
    import signal

    worker = shop.start("-m", "django", "stockhub_worker")
    while not shop.query("Heartbeat.objects.count()"):  # the worker has started, so it handles signals
        assert worker.poll() is None
        time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    out, errors = worker.communicate(timeout=20)
    assert (worker.returncode, out, errors) == (0, "", "")
