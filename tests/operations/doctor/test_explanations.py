"""What comes back instead of our answer is put into words, over real HTTP."""

import json
import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone

import pytest
from django.utils import translation

from stockhub_webhooks.contract import client
from stockhub_webhooks.contract.client import NoResponse, Response, send
from stockhub_webhooks.operations.doctor import no_answer
from stockhub_webhooks.operations.doctor.explanations import explained
from stockhub_webhooks.operations.health.rules import Level
from tests.operations.doctor.conftest import speaks
from tests.processes import free_port

HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
HERE = "http://shop.example/api/v1/stockhub/order"


def problem_body(status, title, detail="Some detail."):
    return json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "body", "said", "todo"),
    [
        (400, HTML, b"<h1>Bad Request (400)</h1>", "does not know the host name localhost", "ALLOWED_HOSTS"),
        (400, HTML, b"<pre>DisallowedHost at /</pre>", "does not know the host name", "ALLOWED_HOSTS"),
        (400, HTML, b"<h1>400 Bad Request</h1> nginx", "somebody else answers 400", "Find out"),
        (
            200,
            HTML,
            b'<form><input type="password"></form>',
            'login page answers 200, which Stock Hub takes for "re',
            "log",
        ),
        (403, HTML | {"cf-mitigated": "challenge"}, b"", "whether we are a person (403)", "without a challenge"),
        (503, HTML, b"<title>Just a moment...</title>", "whether we are a person (503)", "without a challenge"),
        (200, HTML, b"<p>Please solve this CAPTCHA", "whether we are a person (200)", "without a challenge"),
        (401, {"www-authenticate": 'Basic realm="test"'}, b"", "a user and a password (401, Basic)", "password off"),
        (401, PROBLEM, problem_body(401, "Wrong key"), "does not know this key (401)", "same API_KEYS"),
        (401, JSON, b'{"error": "no"}', "somebody else answers 401", "Find out"),
        (403, HTML, b"<h1>Forbidden</h1><p>CSRF verification failed.", "(CSRF) refuses it", "exempt"),
        (403, HTML, b"<h1>403 Forbidden</h1>", "refuses it before it reaches", "firewall"),
        (404, HTML, b"<h1>Not Found</h1>", "nothing is there (404)", "urls.py"),
        (405, HTML, b"", "does not take this method (405)", "POST"),
        (413, HTML, b"<h1>413 Request Entity Too Large</h1>", "no message of this length", "client_max_body_size"),
        (413, PROBLEM, problem_body(413, "Body too large"), "this app answers 413: Some detail.", "log"),
        (429, HTML, b"", "too often", "rate limit"),
        (500, HTML, b"<h1>Server Error (500)</h1>", "the server fails", "log"),
        (502, HTML, b"", "does not reach the application", "listens"),
        (503, HTML, b"<h1>We are back soon</h1>", "closed, or overloaded", "maintenance page"),
        (503, PROBLEM, problem_body(503, "Not stored"), "this app answers 503", "log"),
        (503, JSON, b'{"status": "critical", "findings": []}', "its database is not (503)", "database"),
        (504, HTML, b"", "in time (504)", "holds it up"),
        (200, HTML, b"<h1>We are back soon</h1>", "answers 200, which Stock Hub takes for", "503"),
        (200, JSON, b'{"message": "welcome"}', "answers 200, which Stock Hub takes for", "503"),
        (200, JSON, b"[]", "answers 200, which Stock Hub takes for", "503"),
        (204, {}, b"", "answers 204, which Stock Hub takes for", "503"),
        (418, {}, b"short and stout", "somebody else answers 418", "Find out"),
    ],
)
def test_foreign_response_is_explained(serve, status, headers, body, said, todo):
    server = serve(status, headers, body)
    found = explained(send("POST", server.url, key="a key", body=b"{}"))
    assert found.level == Level.CRITICAL
    assert server.url in found.text
    assert said in found.text
    assert todo in found.todo
    assert "a key" not in str(found)


@pytest.mark.parametrize(
    ("here", "location", "todo"),
    [
        (HERE, "https://shop.example/api/v1/stockhub/order", "address with https."),
        (HERE, "https://www.shop.example/api/v1/stockhub/order", "address with https."),
        (HERE.replace("http:", "https:"), "https://www.shop.example/api/v1/stockhub/order", "name www.shop.example"),
        (HERE.replace("//", "//www."), "http://shop.example/api/v1/stockhub/order", "name shop.example"),
        (HERE, "/api/v1/stockhub/order/", "a slash at the end"),
        (HERE, HERE, "SECURE_PROXY_SSL_HEADER"),
        (HERE, "/accounts/login/?next=/api/v1/stockhub/order", "asks for a login"),
        (HERE, "https://sso.example/authorize?client=1", "asks for a login"),
        (HERE.replace("shop.example", "login.example"), "/api/v1/stockhub/order/", "a slash at the end"),
        (HERE, "/nl/api/v1/stockhub/order", "i18n_patterns"),
        (HERE, "https://elsewhere.example/", "Find out who redirects"),
        (HERE, "/", "Find out who redirects"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_is_explained_with_what_to_change(here, location, todo, status):
    found = explained(Response(here, status, {"location": location}))
    assert "a message that is redirected is lost" in found.text
    assert "?" not in found.text
    assert todo in found.todo


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


# ---------------------------------------------------------------- nothing that can be trusted


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
    ("names", "options", "said", "todo"),
    [
        (["shop.example"], {}, "is for another name", "this very name"),
        (["127.0.0.1"], {}, "is for another name", "this very name"),
        (["localhost"], {"not_before": ago(days=9), "not_after": ago(days=1)}, "has expired", "Renew it"),
        (["localhost"], {"not_before": ago(days=-1), "not_after": ago(days=-9)}, "is not valid yet", "clock"),
    ],
)
def test_invalid_certificate_is_explained(serve, authority, names, options, said, todo):
    server = serve(200, context=speaks(authority.issue_cert(*names, **options)))
    found = unanswered(server.url)
    assert said in found.text
    assert todo in found.todo
    assert server.asked == []


def test_unknown_certificate_authority_is_explained(serve, authority):
    import trustme

    found = unanswered(serve(200, context=speaks(trustme.CA().issue_cert("localhost"))).url)
    assert "not known who signed" in found.text
    assert "fullchain.pem" in found.todo


def test_self_signed_certificate_is_explained(serve, authority, tmp_path):
    import trustme

    itself = trustme.CA()
    itself.cert_pem.write_to_path(str(tmp_path / "itself.pem"))
    itself.private_key_pem.write_to_path(str(tmp_path / "itself.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "itself.pem", tmp_path / "itself.key")
    found = unanswered(serve(200, context=context).url)
    assert "signed by itself" in found.text
    assert "Let's Encrypt" in found.todo


def test_unknown_certificate_error_is_quoted():
    fault = ssl.SSLCertVerificationError()
    fault.verify_code, fault.verify_message = 23, "certificate revoked"
    found = no_answer.unanswered(NoResponse(HERE, fault))
    assert "its certificate is not valid (certificate revoked)" in found.text


def test_http_server_at_an_https_url_is_explained(serve):
    found = unanswered(serve(200).url.replace("http:", "https:"))
    assert "no https is spoken there" in found.text


def test_unknown_host_name_is_explained():
    found = unanswered("https://shop.invalid/")
    assert "the name shop.invalid is not found" in found.text


def test_closed_port_is_explained():
    assert "nobody listens there" in unanswered(f"http://127.0.0.1:{free_port()}/").text


@pytest.mark.parametrize(
    ("says", "said"), [(None, "no answer within"), (b"", "broke off"), (b"hello\r\n\r\n", "broke off")]
)
def test_silent_server_and_invalid_http_are_explained(monkeypatch, says, said):
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                if says is None:
                    done.wait(20)
                else:
                    connection.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            assert said in unanswered(f"http://127.0.0.1:{listening.getsockname()[1]}/").text
        finally:
            done.set()
            thread.join()


def test_missing_route_is_explained():
    found = no_answer.unanswered(NoResponse(HERE, OSError(113, "No route to host")))
    assert "cannot be reached" in found.text


def test_unusable_proxy_is_reported(monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", "nonsense://proxy.invalid")
    assert "cannot be reached (URLError)" in unanswered("http://shop.example/").text


def test_explanations_are_translated_into_dutch():
    with translation.override("nl"):
        found = explained(Response(HERE, 404))
    assert "(404)" in found.text
    assert "nothing is there" not in found.text
