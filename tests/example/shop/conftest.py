"""What the tests of the example's receivers share."""

import pytest
from shop.models import ShopOrder

from stockhub_webhooks.testing import payload


@pytest.fixture(autouse=True)
def _no_receivers_left():
    """The shop's receivers are meant to stay, unlike those that a test connects elsewhere."""


@pytest.fixture
def shop_order(db):
    """The order that the kit's payloads speak of, as the shop's checkout made it."""
    placed = payload("order")
    return ShopOrder.objects.create(
        number=placed["po_number"],
        customer_email=placed["billing_address"]["email"],
        total=str(placed["grand_total"]),
    )


@pytest.fixture
def mails(monkeypatch):
    """Whom a mail was sent to, with the key it was sent under; `down` makes the mail service fail."""

    class Mails(list):
        down = False

    sent = Mails()

    def send(to, subject, *, key):
        if sent.down:
            raise ConnectionRefusedError
        sent.append((to, key))

    monkeypatch.setattr("shop.mail.send", send)
    return sent
