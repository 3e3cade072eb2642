"""A Chromium, a server, a shop with a day's work in it, and somebody who may do everything."""

import shutil
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import sync_playwright

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Alarm, Heartbeat, HostLink, Message, Order
from stockhub_webhooks.operations import drift, replay, worker
from stockhub_webhooks.operations.replay import MessageChoice
from stockhub_webhooks.testing import factories as make
from tests.browser.visit import Visit
from tests.samples import ALPHABETICAL, sample


@pytest.fixture(scope="module")
def chromium():
    """The system's browser; for a module at a time, as no other test should run inside playwright's event loop."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # that event loop is no reason to refuse the database
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            yield browser
            browser.close()


@pytest.fixture
def user(db, django_user_model):
    """Who sits at the browser."""
    return django_user_model.objects.create_superuser("office", "office@example.com", "secret")


@pytest.fixture
def visit(chromium, live_server, user, settings):
    """Open a window in a language, of a size, light or dark; what went wrong in any of them fails the test."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # the host's is too small for any form
    client = Client()
    client.force_login(user)
    opened = []

    def open_window(**options):
        visit = Visit(chromium, live_server.url, client.cookies["sessionid"].value, **options)
        opened.append(visit)
        return visit

    yield open_window
    for visit in opened:
        visit.context.close()
    assert [problem for visit in opened for problem in visit.problems] == []


def stock_is_away(*, event, **arguments):
    """A receiver that fails until somebody mends it."""
    raise ConnectionError(f"the stock system does not answer, order {event.po_number}")


def knows_no_such_order(*, event, **arguments):
    """A receiver that gives up at once."""
    raise PermanentFailure(f"our shop has no order {event.po_number}")


def heard(**arguments):
    """A receiver that does its work."""


IN_THE_SHOP = ("WEB-4002", "WEB-4004")


def find_in_the_shop(po_number, order):
    """A resolver that finds some, and fails at one."""
    if po_number == "WEB-4003":
        raise ConnectionError("the shop's database does not answer")
    return po_number if po_number in IN_THE_SHOP else None


ORDERS = ("processing", "complete", "canceled", "holded", "something_new")
SHIPMENTS = ("IN_TRANSIT", "DELIVERED", "EXCEPTION", "READY_FOR_PICKUP", "LOST_AT_SEA")


def ask_and_note(order):
    """What people write and ask: a note, requests, a run that fetches, an erasure; and what does not proceed."""
    make.NoteFactory(order=order, text="called the carrier: the parcel is at the depot, claim 123")
    make.WorklistRowFactory(order=order)
    make.MissingLineFactory(item=order.items.earliest("pk"), link=order.host_link)
    make.BulkRequestFactory()
    make.ExportRequestFactory()
    make.PullFactory()
    make.ErasureFactory()


@pytest.fixture
def filled_shop(db, post, hear, settings):
    """Orders, shipments and returns in many states, tasks that fail, messages that need a look, one that was applied
    in part, a refusal, and orders that the shop does not have.
    """
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}
    hear(signals.order_created, heard, uid="winkel.bestellingen.bevestig_bestelling")
    hear(signals.shipment_created, stock_is_away, uid="winkel.voorraad.boek_voorraad_af_van_zending")
    hear(signals.rma_created, knows_no_such_order, uid="winkel.retouren.meld_retour_aan")
    for topic in ALPHABETICAL:
        post(topic)
    for number, (order, shipment) in enumerate(zip(ORDERS, SHIPMENTS, strict=True), 1):
        link = {"po_number": f"WEB-{4000 + number}", "order_increment_id": f"00000080{number}"}
        post(
            "order", sample("order", increment_id=link["order_increment_id"], po_number=link["po_number"], status=order)
        )
        post("shipment", sample("shipment", increment_id=f"00000090{number}", status=shipment, **link))
        post("rma", sample("rma", increment_id=f"00000060{number}", **link))
    post("order", sample("order", increment_id="000000801", updated_at="2020-01-01T00:00:00+00:00", status="pending"))
    post("invoice", sample("invoice", order_increment_id="000000999", increment_id="000000998"))  # of a stub
    ahead = (timezone.now() + timedelta(hours=2)).isoformat()
    post(
        "invoice",
        sample("invoice", increment_id="000000997", updated_at=ahead, grand_total="a lot", currency="E" * 300),
    )
    post("order", b'{"increment_id": 7,')
    post("order", b"\xff\xfe \x00 <script>alert(1)</script>")
    post("shipment", b'{"items": []}')
    post("order", key="mistyped")
    Heartbeat.objects.create(name="worker", beat_at=timezone.now())
    Alarm.objects.create(name="quarantined", since=timezone.now())
    make.MutedSenderFactory()
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.find_in_the_shop"}
    host_orders.look_up_due()
    HostLink.objects.update(due_at=timezone.now())
    host_orders.look_up_due()
    HostLink.objects.filter(order__po_number="WEB-4004").update(since=timezone.now())  # was missing at first
    ask_and_note(Order.objects.get(increment_id="000000802"))
    replay.begin(
        MessageChoice(order="000000701"), who="office", who_pk="1", reason="the address was wrong", receivers=[]
    )
    drift.throttle.reset()
    worker.drain()
    assert Message.objects.filter(status="quarantined").count() == 3
    return Order.objects.get(increment_id="000000801")
