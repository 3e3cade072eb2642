"""The client against a real server with all habits of Magento's."""

import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme
from django.views.debug import ExceptionReporter

from stockhub_webhooks.exceptions import RestError, RestNotConfigured, RestNotFound, RestRefused, RestUnavailable
from stockhub_webhooks.operations.reconcile import client as client_module
from stockhub_webhooks.operations.reconcile.client import Client
from stockhub_webhooks.testing import life
from stockhub_webhooks.testing.magento import Fault

SECRET = "s3cret-token-0123456789"


def returns(magento, count):
    for seed in range(count):
        magento.play(life("returned", seed=seed))


def numbers(client, **options):
    return [item.data["increment_id"] for page in client.rmas(**options) for item in page.items]


@pytest.mark.parametrize(("max_page_size", "short_by"), [(100, 0), (3, 0), (4, 2), (1, 0), (7, 0)])
def test_all_pages_are_read_however_long_they_are(magento, max_page_size, short_by):
    returns(magento, 7)
    magento.max_page_size, magento.short_by = max_page_size, short_by
    with Client("default") as client:
        assert numbers(client) == sorted(magento.rmas)


def test_a_list_without_a_total_ends_with_a_repeated_page(magento, monkeypatch):
    returns(magento, 5)
    magento.max_page_size = 2
    real = magento.answer

    def answer(path, query):
        status, data = real(path, query)
        data.pop("total_count", None)
        return status, data

    monkeypatch.setattr(magento, "answer", answer)
    with Client("default") as client:
        assert sorted(set(numbers(client))) == sorted(magento.rmas)
    assert len(magento.requests) == 4


@pytest.mark.parametrize("empty_page", [1, 2])
def test_an_empty_page_is_as_little_the_end_as_a_short_one(magento, monkeypatch, empty_page):
    returns(magento, 6)
    magento.max_page_size = 2
    hidden = sorted(magento.rmas)[2 * empty_page - 2 : 2 * empty_page]  # from this user
    real = magento.answer

    def answer(path, query):
        status, data = real(path, query)
        data["items"] = [item for item in data["items"] if item["increment_id"] not in hidden]
        return status, data

    monkeypatch.setattr(magento, "answer", answer)
    with Client("default") as client:
        assert set(numbers(client)) == magento.rmas.keys() - set(hidden)
    assert len(magento.requests) <= 5


def test_a_list_without_any_return_is_asked_for_once(magento):
    with Client("default") as client:
        assert numbers(client) == []
    assert len(magento.requests) == 1


def test_rows_that_repeat_while_the_list_grows_end_nothing(magento, monkeypatch):
    returns(magento, 6)
    magento.max_page_size = 2
    real = magento.answer

    def answer(path, query):
        if len(magento.requests) == 2:
            magento.play(life("returned", seed=-1))  # sorts first, and shifts all others
        return real(path, query)

    monkeypatch.setattr(magento, "answer", answer)
    with Client("default") as client:
        assert set(numbers(client)) >= set(sorted(magento.rmas)[1:])


def test_the_returns_of_one_order(magento):
    returns(magento, 3)
    with Client("default") as client:
        (number,) = numbers(client, order="000000002")
        assert client.rma(number).data["order_increment_id"] == "000000002"


@pytest.mark.parametrize("fault", [500, 502, 503, 504, 429, Fault(drops=True)])
def test_a_passing_fault_is_tried_again(magento, fault):
    magento.play(life())
    magento.fail(fault, times=3)
    with Client("default") as client:
        assert client.order("000000001").data["status"] == "complete"
    assert len(magento.requests) == 4


def test_a_fault_that_stays_is_no_endless_loop(magento):
    magento.fail(503, times=9)
    with Client("default") as client, pytest.raises(RestUnavailable):
        client.order("000000001")
    assert len(magento.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
def test_a_refusal_is_not_tried_again(magento, status):
    magento.fail(status, times=2)
    with Client("default") as client, pytest.raises(RestError, match=f"{status}: An error {status} occurred"):
        client.order("000000001")
    assert len(magento.requests) == 1


def test_a_pause_that_stock_hub_asks_for_is_kept(magento, monkeypatch):
    magento.play(life())
    magento.fail(Fault(429, headers={"Retry-After": "7"}))
    pauses = []

    class Stop(threading.Event):
        def wait(self, timeout=None):
            pauses.append(timeout)
            return False

    with Client("default", stop=Stop()) as client:
        client.order("000000001")
    assert 7.0 in pauses


def test_a_long_pause_is_for_the_caller(magento):
    magento.fail(Fault(503, headers={"Retry-After": "3600"}))
    with Client("default") as client, pytest.raises(RestUnavailable) as caught:
        client.order("000000001")
    assert caught.value.retry_after == 3600
    assert len(magento.requests) == 1


def test_a_time_out_counts_as_no_answer(magento, monkeypatch):
    monkeypatch.setattr(client_module, "TIMEOUT", 0.1)
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)
    magento.fail(Fault(seconds=1.0))
    with Client("default") as client, pytest.raises(RestUnavailable, match="Timeout"):
        client.order("000000001")


def test_an_answer_that_comes_byte_by_byte_ends(magento, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_ANSWER_SECONDS", -1.0)
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)
    magento.play(life())
    with Client("default") as client, pytest.raises(RestUnavailable, match="took longer"):
        client.order("000000001")


def test_a_wrong_token_is_said_in_the_words_of_magento(magento, settings):
    settings.STOCKHUB_WEBHOOKS["REST_TOKEN"] = SECRET
    with Client("default") as client, pytest.raises(RestRefused, match="isn't authorized to access Magento_Sales") as e:
        client.order("000000001")
    assert SECRET not in str(e.value)


def test_an_unknown_number_is_not_found_and_a_wrong_address_is_refused(magento, settings):
    with Client("default") as client:
        with pytest.raises(RestNotFound):
            client.order("000000009")
        assert client.order_number("UNKNOWN") == ""
    settings.STOCKHUB_WEBHOOKS["REST_BASE_URL"] += "/nowhere"
    with Client("default") as client, pytest.raises(RestRefused, match="REST_BASE_URL"):
        client.order_number("UNKNOWN")


def test_a_number_with_any_characters_is_one_part_of_the_path(magento):
    story = life(po_number="A/B ?x=1#é%2F&..")
    magento.play(story)
    with Client("default") as client:
        assert client.order_number(story.po_number) == story.increment_id
        assert client.order_number("..") == ""
    assert len(magento.requests) == 1


def test_no_redirect_is_followed(magento):
    location = {"Location": "https://elsewhere.example/rest/all"}
    magento.fail(Fault(302, headers=location), Fault(301, headers={"Location": magento.base_url}))
    with Client("default") as client:
        with pytest.raises(RestRefused, match=r"elsewhere\.example"):
            client.order("000000001")
        with pytest.raises(RestRefused):
            client.order("000000001")
    assert len(magento.requests) == 2


@pytest.mark.parametrize("body", [b"<html>", b"", b'"text"', b"\xff{", b"[" * 100_000, b'{"increment_id": "9"}'])
def test_an_answer_that_is_no_order_is_an_error(magento, body):
    magento.fail(Fault(200, body=body))
    with Client("default") as client, pytest.raises(RestError):
        client.order("000000001")


def test_a_long_answer_is_cut(magento, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_BYTES", 1000)
    magento.play(life())
    with Client("default") as client, pytest.raises(RestError, match="longer"):
        client.order("000000001")


# ---------------------------------------------------------------- the secret


def headers_of(account):
    return {"X-Account": account, "Authorization": f"Token {SECRET}"}


def no_headers(account):
    raise ValueError(SECRET)


@pytest.fixture
def echoing(magento):
    magento.fail(Fault(400, body=b'{"message": "bad token: %s (Bearer %s)"}' % (SECRET.encode(), SECRET.encode())))
    return magento


@pytest.mark.parametrize("fault", ["echo", "drop", "redirect"])
def test_the_token_is_in_no_error_page_log_or_repr(echoing, settings, caplog, fault):
    caplog.set_level(logging.DEBUG)
    settings.STOCKHUB_WEBHOOKS["REST_TOKEN"] = SECRET
    if fault != "echo":
        echoing.faults.clear()
        echoing.fail(*[Fault(drops=True) if fault == "drop" else Fault(302)] * 4)
    with Client("default") as client:
        try:
            client.order("000000001")
        except RestError as error:
            report = ExceptionReporter(None, type(error), error, error.__traceback__)
            pages = report.get_traceback_html() + report.get_traceback_text()
        texts = [pages, repr(client), str(client), caplog.text]
    assert not [text for text in texts if SECRET in text]


def test_the_shop_can_make_the_headers(magento, settings):
    magento.token = SECRET
    settings.STOCKHUB_WEBHOOKS |= {"REST_AUTH": f"{__name__}.headers_of", "REST_TOKEN": "other"}
    with Client("default") as client, pytest.raises(RestRefused):  # "Token", not "Bearer"
        client.order("000000001")


@pytest.mark.parametrize(
    "changes",
    [
        {"REST_BASE_URL": ""},
        {"REST_BASE_URL": "http://shop.example/rest/all"},
        {"REST_BASE_URL": "ftp://shop.example"},
        {"REST_BASE_URL": "https://user:secret@shop.example"},
        {"REST_BASE_URL": "https://shop.example:x"},
        {"REST_BASE_URL": "shop.example/rest/all"},
        {"REST_BASE_URL": "https://shop.example/\x07"},
        {"REST_BASE_URL": "https://shop example"},
        {"REST_BASE_URL": "https://.."},
        {"REST_BASE_URL": {"other": "https://shop.example"}},
        {"REST_TOKEN": ""},
        {"REST_TOKEN": f"{SECRET}\r\nX: 1"},
        {"REST_TOKEN": f"{SECRET}é"},
        {"REST_AUTH": f"{__name__}.no_headers"},
        {"REST_AUTH": "not.there"},
    ],
)
def test_wrong_settings_are_said_without_the_secret(magento, settings, changes):
    settings.STOCKHUB_WEBHOOKS |= changes
    with pytest.raises(RestNotConfigured) as caught:
        Client("default")
    assert SECRET not in str(caught.value)
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_http_is_for_this_machine_alone(settings, host, magento):
    settings.STOCKHUB_WEBHOOKS["REST_BASE_URL"] = f"http://{host}:1234/rest/all"
    with Client("default") as client:
        assert host in client.base_url


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_what_stays_on_this_machine_goes_through_no_proxy(magento, monkeypatch, name):
    for other in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    magento.play(life())
    with Client("default") as client:
        assert client.order("000000001").data["status"] == "complete"


def test_an_untrusted_certificate_is_refused(magento, settings):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings.STOCKHUB_WEBHOOKS["REST_BASE_URL"] = f"https://127.0.0.1:{server.server_port}/rest/all"
    try:
        with Client("default") as client, pytest.raises(RestUnavailable, match="ConnectError"):
            client.order("000000001")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
