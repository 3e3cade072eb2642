"""Servers with wrong answers, and this app behind the same client."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import trustme
from django.test import Client
from django.utils import translation

from stockhub_webhooks.contract.client import Response
from stockhub_webhooks.operations.doctor import address

PREFIX = "https://shop.example/api/v1/stockhub/"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


class Handler(BaseHTTPRequestHandler):
    """Handler that gives every request the answer that the test has set."""

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        self.server.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Return a function that starts a server with one answer; `context` makes it use https."""
    servers = []

    def start(status=200, headers=None, body=b"", *, context=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.asked = []
        server.answer = (status, headers or {}, body)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *arguments: None  # a client that does not trust us
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        server.url = f"{'https' if context else 'http'}://localhost:{server.server_port}/"
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """Return a certificate authority that this process trusts."""
    trusted = trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return trusted


def speaks(certificate):
    """Return the https context of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def ours(monkeypatch):
    """Send the requests to this app and record them in `asked`; an entry of `instead` answers in its place."""
    asked = []
    instead = {}

    def send(method, url, *, key="", body=None, is_chunked=False):
        path = urlsplit(url).path
        asked.append((method, path, key, body))
        if is_chunked and "chunked" in instead:
            return instead["chunked"](url)
        if (method, path) in instead:
            return instead[method, path](url)
        headers = {"x-api-key": key} if key else {}
        with translation.override(translation.get_language()):  # the host's middleware chooses another
            response = Client().generic(method, path, body or b"", "application/json", headers=headers)
        received = {name.lower(): value for name, value in response.headers.items()}
        return Response(url, response.status_code, received, response.content.decode())

    monkeypatch.setattr(address, "send", send)
    monkeypatch.setattr(address, "PAUSE_SECONDS", 0)
    send.asked, send.instead = asked, instead
    return send
