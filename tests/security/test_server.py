"""Raw requests to a real gunicorn."""

import http.client
import json
import socket
import time

import pytest

from tests.conftest import KEY, PREFIX
from tests.samples import contract

pytestmark = pytest.mark.server
BODY = json.dumps(contract("order")).encode()


def raw(address, *lines, body=BODY, length=None, timeout=20):
    """Return the status for a raw request, None if the server closes the connection."""
    host, port = address.split(":")
    head = [f"POST {PREFIX}order HTTP/1.1", "Host: shop", *lines]
    if length != "":
        head.append(f"Content-Length: {len(body) if length is None else length}")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    return int(answer.split(b" ")[1]) if answer else None


def test_only_the_key_header_gives_access(shop):
    key = f"x-api-key: {KEY}"
    with shop.serve() as address:
        assert raw(address, f"X-API-KEY:{KEY}") == 200
        assert raw(address, key, key) == 200
        assert raw(address, "x-api-key: wrong", key) == 401
        assert raw(address, f"X_API_KEY: {KEY}") in (401, 400)
        assert raw(address, f"X_Api_Key: {KEY}", "x-api-key: wrong") in (401, 400)
        assert raw(address, f"x-api-key : {KEY}") in (400, 401)
        assert raw(address, f"x-api-key: wrong\r\n {KEY}") in (400, 401)
        assert raw(address, f"Authorization: Bearer {KEY}") == 401
        assert raw(address) == 401
        http_ = http.client.HTTPConnection(address, timeout=20)
        http_.request("POST", f"{PREFIX}order?x-api-key={KEY}", BODY)
        assert http_.getresponse().status == 401
        http_.close()
    assert shop.query("Message.objects.count()") == 2
    assert KEY not in shop.log()


def test_too_large_and_too_many_headers_are_refused(shop):
    key = f"x-api-key: {KEY}"
    with shop.serve() as address:
        assert raw(address, "x-api-key: " + "k" * 100_000) in range(400, 500)
        assert raw(address, key, "x-version: " + "v" * 100_000) in range(400, 500)
        assert raw(address, key, *(f"x-{number}: 1" for number in range(1000))) in range(400, 500)
        assert raw(address, key, "x-version: " + "v" * 8000) == 200
    assert shop.query("len(Message.objects.get().headers['x-version'])") == 255
    assert "Traceback" not in shop.log()


def test_wrong_content_length_loses_and_breaks_nothing(shop):
    key = f"x-api-key: {KEY}"
    with shop.serve(SHOP_MAX_BODY_BYTES="5000") as address:
        assert raw(address, key, length=len(BODY) - 10) == 406  # kept as far as it was declared
        assert raw(address, key, length=len(BODY) + 10) == 200  # kept as far as it came, and that is all of it
        assert raw(address, key, length="") == 406
        assert raw(address, key, length=10**15) == 413
        for nonsense in ("-1", "1e3", "+5", "0x10", "²", "5, 6", "9" * 5000):
            assert raw(address, key, length=nonsense) in range(400, 500)
        assert raw(address, key, "Transfer-Encoding: chunked") in (400, 406)  # both: a smuggler's
        assert raw(address, key, "Transfer-Encoding: chunked", body=b"zz\r\n", length="") in (400, 406)
        assert raw(address, key, "Transfer-Encoding: chunked", body=b"5\r\n{}", length="") in (400, 406)
        assert raw(address, key) == 200  # and it still answers
    assert shop.query("[bytes(m.body) for m in Message.objects.filter(status='applied')]") == [BODY, BODY]
    assert shop.query("{m.status for m in Message.objects.all()}") <= {"applied", "quarantined", "dismissed"}
    assert shop.query("Message.objects.filter(status='dismissed').count()") == 1  # no length: no body


def test_slow_body_does_not_block_other_requests(shop):
    with shop.serve("-k", "gthread", "--threads", "4") as address:
        host, port = address.split(":")
        slow = socket.create_connection((host, int(port)), 20)
        head = f"POST {PREFIX}order HTTP/1.1\r\nHost: shop\r\nx-api-key: {KEY}\r\nContent-Length: {len(BODY)}\r\n\r\n"
        slow.sendall(head.encode() + BODY[:20])
        assert raw(address, f"x-api-key: {KEY}") == 200
        slow.sendall(BODY[20:])
        assert b" 200 " in slow.recv(65536)
        slow.close()
    assert shop.query("[bytes(m.body) for m in Message.objects.all()]") == [BODY, BODY]


def test_forwarded_address_is_trusted_only_for_configured_proxies(shop):
    lines = (f"x-api-key: {KEY}", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 203.0.113.9")
    for proxies, expected in (("0", "127.0.0.1"), ("1", "203.0.113.9"), ("2", "10.0.0.1"), ("3", "127.0.0.1")):
        with shop.serve(SHOP_TRUSTED_PROXIES=proxies) as address:
            assert raw(address, *lines) == 200
        assert shop.query("Message.objects.latest('pk').remote_address") == expected


def test_other_methods_than_post_get_no_data(shop):
    with shop.serve() as address:
        host, port = address.split(":")
        for method in ("TRACE", "CONNECT", "OPTIONS", "PUT", "HEAD", "SEARCH", "post"):
            head = f"{method} {PREFIX}order HTTP/1.1\r\nHost: shop\r\nx-api-key: {KEY}\r\nConnection: close\r\n\r\n"
            with socket.create_connection((host, int(port)), 20) as connection:
                connection.sendall(head.encode())
                answer = connection.recv(65536)
            assert int(answer.split(b" ")[1]) in (400, 405), method
            assert KEY.encode() not in answer
    assert shop.query("Message.objects.count()") == 0


def slow_senders(address, number, *lines, declared=2000):
    """Open connections that announce a body and send little of it."""
    host, port = address.split(":")
    head = [f"POST {PREFIX}order HTTP/1.1", "Host: shop", f"Content-Length: {declared}", *lines]
    senders = [socket.create_connection((host, int(port)), 20) for _ in range(number)]
    for sender in senders:
        sender.sendall("\r\n".join(head).encode() + b'\r\n\r\n{"increment_id": ')
    return senders


@pytest.mark.parametrize("kept", ["0", "100"])
@pytest.mark.parametrize("line", ["x-api-key: wrong", "x-version: V1"])
def test_ten_slow_senders_without_a_key_do_not_hold_eight_threads(shop, kept, line):
    with shop.serve("-k", "gthread", "--threads", "8", SHOP_KEEP_REFUSED=kept) as address:
        senders = slow_senders(address, 10, line)
        time.sleep(0.3)
        began = time.monotonic()
        assert raw(address, f"x-api-key: {KEY}") == 200
        seconds = time.monotonic() - began
        for sender in senders:
            sender.settimeout(0.5)
        answers = [answer_of(sender) for sender in senders]
        for sender in senders:
            sender.close()
        assert answers.count(401) >= (10 if kept == "0" else 9)
        assert seconds < 5  # eight held threads would keep it waiting for as long as the senders wish
    assert "Traceback" not in shop.log()


def test_one_worker_without_threads_answers_401_before_the_body(shop):
    with shop.serve(SHOP_KEEP_REFUSED="0") as address:
        for sender in slow_senders(address, 3):
            assert answer_of(sender) == 401
            sender.close()
    with shop.serve() as address:
        for sender in slow_senders(address, 3, declared=100_000):
            assert answer_of(sender) == 401
            sender.close()


def test_connection_serves_further_requests_after_a_kept_body(shop):
    with shop.serve("-k", "gthread", "--threads", "2") as address:
        http_ = http.client.HTTPConnection(address, timeout=20)
        for key, status in (("wrong", 401), (KEY, 200)):
            http_.request("POST", f"{PREFIX}order", BODY, {"x-api-key": key})
            answer = http_.getresponse()
            answer.read()
            assert answer.status == status
        http_.close()


def answer_of(connection):
    """Return the status of an answer, None if none comes in time."""
    try:
        answer = connection.recv(65536)
    except TimeoutError:
        return None
    return int(answer.split(b" ")[1]) if answer else None
