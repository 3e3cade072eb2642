"""Fixtures for the tests of the recipes."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from smtplib import SMTPServerDisconnected
from threading import Thread

import pytest
from django.core.mail import EmailMessage
from shop.models import ShopOrder

from stockhub_webhooks.testing import payload


@pytest.fixture(autouse=True)
def _no_receivers_left():
    """Keep the receivers of the shop connected, unlike those that other tests connect."""


@pytest.fixture
def shop_order(db):
    """Make the order that the payloads of the kit are about."""
    placed = payload("order")
    order = ShopOrder.objects.create(number=placed["po_number"], customer_email="klant@example.com")
    for item in placed["items"]:
        order.lines.create(sku=item["sku"], quantity=item["qty_ordered"])
    return order


@pytest.fixture
def mail_server(monkeypatch):
    """Return the mail service: with `down`, sending fails; `tried` has the ids of all mails."""

    class MailServer:
        down, tried = False, []

    send = EmailMessage.send

    def send_or_fail(message, *arguments, **options):
        MailServer.tried.append(message.extra_headers.get("Message-ID"))
        if MailServer.down:
            raise SMTPServerDisconnected("the mail server is away")
        return send(message, *arguments, **options)

    monkeypatch.setattr(EmailMessage, "send", send_or_fail)
    return MailServer


@pytest.fixture
def warehouse(settings):
    """Start a server: `answers` has its next statuses and headers, then 200; `requests` the received headers."""

    class Warehouse(BaseHTTPRequestHandler):
        answers, requests = [], []

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.requests.append(self.headers)
            status, headers = self.answers.pop(0) if self.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Warehouse) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.WAREHOUSE_URL = f"http://127.0.0.1:{server.server_port}/orders"
        yield Warehouse
        server.shutdown()
        thread.join()
