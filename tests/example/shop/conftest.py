"""What the tests of the example's receivers share."""

import pytest
from shop.models import ShopOrder

from tests.samples import contract


@pytest.fixture(autouse=True)
def _no_receivers_left():
    """The shop's receivers are meant to stay, unlike those that a test connects elsewhere."""


@pytest.fixture
def shop_order():
    """The order of the documented examples, as the shop's checkout made it."""
    return ShopOrder.objects.create(
        number=contract("order")["po_number"], customer_email="piet.testman@example.com", total="244.95"
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
