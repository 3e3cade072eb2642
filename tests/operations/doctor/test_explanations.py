"""Explanations of wrong responses and of missing ones, over real HTTP."""

import json
import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone

import pytest
from django.utils import translation

from stockhub_webhooks.contract import client
from stockhub_webhooks.contract.client import NoResponse, Response, send
from stockhub_webhooks.operations.doctor import explanations, no_answer
from stockhub_webhooks.operations.doctor.explanations import explained
from stockhub_webhooks.operations.health.problems import Level
from tests.operations.doctor.conftest import speaks
from tests.processes import free_port

HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
HERE = "http://shop.example/api/v1/stockhub/order"


def problem_body(status, title, detail="Some detail."):
    return json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "todo"),
    [
        (400, HTML, b"<h1>Bad Request (400)</h1>", "unknown_host", "ALLOWED_HOSTS"),
        (400, HTML, b"<pre>DisallowedHost at /</pre>", "unknown_host", "ALLOWED_HOSTS"),
        (400, HTML, b"<h1>400 Bad Request</h1> nginx", "anything_else", ""),
        (200, HTML, b'<form><input type="password"></form>', "login_page", ""),
        (403, HTML | {"cf-mitigated": "challenge"}, b"", "challenge", ""),
        (503, HTML, b"<title>Just a moment...</title>", "challenge", ""),
        (200, HTML, b"<p>Please solve this CAPTCHA", "challenge", ""),
        (401, {"www-authenticate": 'Basic realm="test"'}, b"", "basic_auth", "x-api-key"),
        (401, PROBLEM, problem_body(401, "Wrong key"), "ours", "API_KEYS"),
        (401, JSON, b'{"error": "no"}', "anything_else", ""),
        (403, HTML, b"<h1>Forbidden</h1><p>CSRF verification failed.", "csrf", ""),
        (403, HTML, b"<h1>403 Forbidden</h1>", "known_status", ""),
        (404, HTML, b"<h1>Not Found</h1>", "known_status", "urls.py"),
        (405, HTML, b"", "known_status", "POST"),
        (413, HTML, b"<h1>413 Request Entity Too Large</h1>", "known_status", "client_max_body_size"),
        (413, PROBLEM, problem_body(413, "Body too large"), "ours", ""),
        (429, HTML, b"", "known_status", ""),
        (500, HTML, b"<h1>Server Error (500)</h1>", "known_status", ""),
        (502, HTML, b"", "known_status", ""),
        (503, HTML, b"<h1>We are back soon</h1>", "known_status", ""),
        (503, PROBLEM, problem_body(503, "Not stored"), "ours", ""),
        (503, JSON, b'{"status": "critical", "findings": []}', "ours", ""),
        (504, HTML, b"", "known_status", "OPTIONS"),
        (200, HTML, b"<h1>We are back soon</h1>", "false_success", "503"),
        (200, JSON, b'{"message": "welcome"}', "false_success", "503"),
        (200, JSON, b"[]", "false_success", "503"),
        (204, {}, b"", "false_success", "503"),
        (418, {}, b"short and stout", "anything_else", ""),
    ],
)
def test_foreign_response_is_explained(serve, status, headers, body, code, todo):
    server = serve(status, headers, body)
    found = explained(send("POST", server.url, key="a key", body=b"{}"))
    assert (found.level, found.code) == (Level.CRITICAL, code)
    assert server.url in found.text
    assert "Some detail." in found.text or b"Some detail." not in body or status == 401
    assert found.todo
    assert todo in found.todo
    assert "a key" not in str(found)


@pytest.mark.parametrize(
    ("here", "location", "todo"),
    [
        (HERE, "https://shop.example/api/v1/stockhub/order", explanations.USE_HTTPS),
        (HERE, "https://www.shop.example/api/v1/stockhub/order", explanations.USE_HTTPS),
        (HERE.replace("http:", "https:"), "https://www.shop.example/api/v1/stockhub/order", " www.shop.example."),
        (HERE.replace("//", "//www."), "http://shop.example/api/v1/stockhub/order", " shop.example."),
        (HERE, "/api/v1/stockhub/order/", explanations.KEEP_SLASH),
        (HERE, HERE, "SECURE_PROXY_SSL_HEADER"),
        (HERE, "/accounts/login/?next=/api/v1/stockhub/order", explanations.EXEMPT_FROM_LOGIN),
        (HERE, "https://sso.example/authorize?client=1", explanations.EXEMPT_FROM_LOGIN),
        (HERE.replace("shop.example", "login.example"), "/api/v1/stockhub/order/", explanations.KEEP_SLASH),
        (HERE, "/nl/api/v1/stockhub/order", "i18n_patterns"),
        (HERE, "https://elsewhere.example/", explanations.FIND_REDIRECT),
        (HERE, "/", explanations.FIND_REDIRECT),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_is_explained_with_what_to_change(here, location, todo, status):
    found = explained(Response(here, status, {"location": location}))
    assert (found.level, found.code) == (Level.CRITICAL, "redirect")
    assert "?" not in found.text
    assert str(todo) in found.todo


def test_no_redirect_is_followed(serve):
    server = serve(302, {"location": "/elsewhere"})
    assert send("GET", server.url).status == 302
    assert len(server.asked) == 1


def test_key_with_any_character_is_sent_in_its_header(serve):
    server = serve(200)
    send("POST", server.url, key="sleutel-é-€", body=b"{}")
    method, _, headers, body = server.asked[0]
    assert (method, body, headers["Content-Type"], headers["X-Version"]) == ("POST", b"{}", "application/json", "V1")
    assert headers["X-Api-Key"].encode("latin-1").decode() == "sleutel-é-€"


def test_response_is_read_up_to_a_limit(serve, monkeypatch):
    monkeypatch.setattr(client, "MAX_BYTES", 10)
    assert len(send("GET", serve(200, {}, b"x" * 5000).url).text) == 10


@pytest.mark.parametrize(
    ("status", "headers", "body", "is_ours"),
    [
        (200, JSON, b'{"message": 7, "outcome": "created"}', True),
        (202, JSON, b'{"message": "0b6f0d3c-7b9b-4a36-9f4e-3f1c58a51f7e"}', True),
        (200, JSON, b'{"message": "Unauthorized"}', False),
        (200, JSON, b'{"message": null}', False),
        (200, JSON, b'{"status": "ok"}', True),
        (503, JSON, b'{"status": "critical"}', True),
        (200, JSON, b'{"status": "error"}', False),
        (404, JSON, b'{"status": "ok"}', False),
        (406, PROBLEM, problem_body(406, "Not readable"), True),
        (406, PROBLEM, problem_body(400, "Not readable"), False),
    ],
)
def test_our_answers_are_recognised(status, headers, body, is_ours):
    assert Response(HERE, status, headers, body.decode()).is_ours is is_ours


# ---------------------------------------------------------------- no response


def unanswered(url):
    with pytest.raises(NoResponse) as failure:
        send("GET", url)
    return no_answer.unanswered(failure.value)


def test_valid_certificate_is_trusted(serve, authority):
    server = serve(200, JSON, b"{}", context=speaks(authority.issue_cert("localhost")))
    assert send("GET", server.url).status == 200


def ago(**time):
    return datetime.now(timezone.utc) - timedelta(**time)


@pytest.mark.parametrize(
    ("names", "options", "number"),
    [
        (["shop.example"], {}, 62),
        (["127.0.0.1"], {}, 62),
        (["localhost"], {"not_before": ago(days=9), "not_after": ago(days=1)}, 10),
        (["localhost"], {"not_before": ago(days=-1), "not_after": ago(days=-9)}, 9),
    ],
)
def test_invalid_certificate_is_explained(serve, authority, names, options, number):
    server = serve(200, context=speaks(authority.issue_cert(*names, **options)))
    assert_explains_certificate(unanswered(server.url), number)
    assert server.asked == []


def assert_explains_certificate(found, number):
    """Check that a finding is the one for this number of OpenSSL."""
    what, todo = no_answer.CERTIFICATES[number]
    assert (found.code, found.todo) == ("certificate", str(todo))
    assert found.text.endswith(f": {what}")


def test_unknown_certificate_authority_is_explained(serve, authority):
    import trustme

    found = unanswered(serve(200, context=speaks(trustme.CA().issue_cert("localhost"))).url)
    assert_explains_certificate(found, 20)
    assert "fullchain.pem" in found.todo


def test_self_signed_certificate_is_explained(serve, authority, tmp_path):
    import trustme

    itself = trustme.CA()
    itself.cert_pem.write_to_path(str(tmp_path / "itself.pem"))
    itself.private_key_pem.write_to_path(str(tmp_path / "itself.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "itself.pem", tmp_path / "itself.key")
    found = unanswered(serve(200, context=context).url)
    assert_explains_certificate(found, 18)


def test_unknown_certificate_error_is_quoted():
    fault = ssl.SSLCertVerificationError()
    fault.verify_code, fault.verify_message = 23, "certificate revoked"
    found = no_answer.unanswered(NoResponse(HERE, fault))
    assert (found.code, "(certificate revoked)" in found.text) == ("certificate", True)


def test_http_server_at_an_https_url_is_explained(serve):
    found = unanswered(serve(200).url.replace("http:", "https:"))
    assert found.code == "no_tls"


def test_unknown_host_name_is_explained():
    found = unanswered("https://shop.invalid/")
    assert (found.code, " shop.invalid " in found.text) == ("no_name", True)


def test_closed_port_is_explained():
    assert unanswered(f"http://127.0.0.1:{free_port()}/").code == "refused"


@pytest.mark.parametrize(
    ("response", "code"), [(None, "too_late"), (b"", "broken_off"), (b"hello\r\n\r\n", "broken_off")]
)
def test_silent_server_and_invalid_http_are_explained(monkeypatch, response, code):
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                if response is None:
                    done.wait(20)
                else:
                    connection.sendall(response)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            assert unanswered(f"http://127.0.0.1:{listening.getsockname()[1]}/").code == code
        finally:
            done.set()
            thread.join()


def test_missing_route_is_explained():
    found = no_answer.unanswered(NoResponse(HERE, OSError(113, "No route to host")))
    assert found.code == "unreachable"


def test_unusable_proxy_is_reported(monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", "nonsense://proxy.invalid")
    found = unanswered("http://shop.example/")
    assert (found.code, "(URLError)" in found.text) == ("unreachable", True)


def test_explanations_are_translated_into_dutch():
    english = explained(Response(HERE, 404))
    with translation.override("nl"):
        dutch = explained(Response(HERE, 404))
    assert "(404)" in dutch.text
    assert (dutch.text != english.text, dutch.todo != english.todo) == (True, True)
