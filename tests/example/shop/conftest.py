"""Fixtures for the tests of the example's receivers."""

import pytest
from shop.models import ShopOrder

from stockhub_webhooks.testing import payload


@pytest.fixture(autouse=True)
def _no_receivers_left():
    """Keep the receivers of the shop connected, unlike those that other tests connect."""


@pytest.fixture
def shop_order(db):
    """Make the order that the payloads of the kit are about."""
    placed = payload("order")
    return ShopOrder.objects.create(
        number=placed["po_number"],
        customer_email=placed["billing_address"]["email"],
        total=str(placed["grand_total"]),
    )


@pytest.fixture
def mails(monkeypatch):
    """Return the mail service: the recipients of mails with their keys; `down` makes it fail."""

    class Mails(list):
        down = False

    sent = Mails()

    def send(to, subject, *, key):
        if sent.down:
            raise ConnectionRefusedError
        sent.append((to, key))

    monkeypatch.setattr("shop.mail.send", send)
    return sent
