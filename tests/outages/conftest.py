"""Fixtures for outages: a spool, a sender, and the check that nothing was lost or stored twice."""

import pytest
from django.db import connection
from django.test import override_settings

from stockhub_webhooks.models import Event, Message, Order
from stockhub_webhooks.operations import worker
from stockhub_webhooks.receiving import spool
from tests.conftest import KEY
from tests.samples import sample


@pytest.fixture
def spool_folder(tmp_path):
    """Use a spool for one test."""
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path / "spool")}):
        yield tmp_path / "spool"


@pytest.fixture
def options(transactional_db, monkeypatch):
    """Return a function that reconnects with other OPTIONS, until the end of the test."""

    def use(**changed):
        connection.close()
        monkeypatch.setitem(
            connection.settings_dict, "OPTIONS", {**connection.settings_dict.get("OPTIONS", {}), **changed}
        )

    yield use
    connection.close()


@pytest.fixture
def send(post, spool_folder):
    """POST an order and return the status."""

    def order(number="1"):
        return post("order", sample("order", increment_id=number)).status_code

    return order


@pytest.fixture
def is_there_once():
    """Return a function that does all work and checks that each order was stored, applied and created once."""

    def check(*numbers):
        worker.drain()
        assert list(spool.files()) == []
        messages = Message.objects.order_by("pk").values_list("increment_id", "status", "outcome")
        assert sorted(messages) == [(number, "applied", "created") for number in sorted(numbers)]
        assert sorted(Order.objects.values_list("increment_id", flat=True)) == sorted(numbers)
        created = Event.objects.filter(type="order.created").values_list("increment_id", flat=True)
        assert sorted(created) == sorted(numbers)

    return check
