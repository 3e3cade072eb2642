"""All scenarios against a real server: the answers, and the state of the database at the end."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from stockhub_webhooks.testing.simulator.scenarios import BY_NAME
from tests.conftest import KEY, PREFIX

pytestmark = pytest.mark.server
ORDERS = 7
WIDTH = 27  # of what follows a status in the summary
SEEDS = {name: number for number, name in enumerate(BY_NAME, start=1)}
MODELS = {
    "order": "Order",
    "shipment": "Shipment",
    "invoice": "Invoice",
    "rma": "RMA",
    "creditmemo": "CreditMemo",
    "order-payment-request": "PaymentRequest",
}
# topic and number to what a document says; an order that is not known itself yet says None
KNOWN = """{
    (topic, row.increment_id): None if not row.received_at else (
        getattr(row, 'status', None),
        str(getattr(row, 'grand_total', None)),
        sorted((i.sku, getattr(i, 'status', None),
                next(q for n in ('qty', 'qty_ordered', 'qty_requested') if (q := getattr(i, n, None))))
               for i in row.items.all()),
        sorted(t.tracking_number for t in row.tracks.all()) if hasattr(row, 'tracks') else [],
        row.po_number,
    )
    for topic, model in %r for row in eval(model).objects.prefetch_related('items')
}"""


def known(shop):
    return shop.query(" ".join((KNOWN % list(MODELS.items())).split()))


def said(payload):
    """Return the values that a payload gives its document."""
    total = payload.get("grand_total")
    quantities = ("qty", "qty_ordered", "qty_requested")
    return (
        payload.get("status"),
        str(total if total is None else Decimal(str(total)).quantize(Decimal("0.0001"))),
        sorted((i["sku"], i.get("status"), next(i[n] for n in quantities if n in i)) for i in payload["items"]),
        [payload["track"]["tracking_number"]] if payload.get("track") else [],
        payload.get("po_number") or payload["payment"]["po_number"],
    )


def endings(lives):
    return {key: said(payload) for life in lives for key, payload in life.ending.items()}


def plan(name):
    return BY_NAME[name].plan(ORDERS, SEEDS[name], timezone.now())


@pytest.fixture
def simulate(shop, monkeypatch):
    """Play scenarios against a server, each with its own seed; return their output once all work is done."""
    monkeypatch.setenv("STOCKHUB_KEY", KEY)

    def play(*names):
        said_of = {}
        with shop.serve("-k", "gthread", "--threads", "4", "--workers", "2") as address:
            for name in names:
                out = StringIO()
                options = {"seed": SEEDS[name], "orders": ORDERS, "stdout": out}
                call_command("stockhub_simulate", f"http://{address}{PREFIX}", name, **options)
                said_of[name] = out.getvalue()
        shop.worker("--once")
        assert "Traceback" not in shop.log()
        return said_of

    return play


def test_every_life_ends_in_its_expected_state_in_any_sequence(simulate, shop):
    names = ("happy", "return", "partial", "out-of-order", "duplicate", "burst")
    out = simulate(*names)
    written = {name: plan(name) for name in names}
    for name in names:
        assert f"as expected: {len(written[name])} of {len(written[name])}" in out[name]
    assert known(shop) == endings(life for name in names for life in written[name].lives)
    applied, noted, owed = shop.query(
        "(Message.objects.filter(status='applied').count(), "
        "Message.objects.exclude(notes=[]).exclude(outcome='stale').count(), "
        "ReceiverCall.objects.exclude(status='done').count())"
    )
    assert (applied, noted, owed) == (sum(map(len, written.values())), 0, 0)


def test_lost_unknown_broken_and_unauthorised_messages_do_no_harm(simulate, shop):
    out = simulate("drop", "drift", "malformed", "wrong-key")
    lossy, drifted, broken = plan("drop"), plan("drift"), plan("malformed")
    came = {(post.topic, post.number): said(json.loads(post.body)) for queue in lossy.queues for post in queue}
    stubs = {("order", life.increment_id): None for life in lossy.lives if ("order", life.increment_id) not in came}
    raw = {key: (status and f"{status}_BY_DRONE", *rest) for key, (status, *rest) in endings(drifted.lives).items()}
    assert without_tracks(known(shop)) == without_tracks({**stubs, **came, **raw, **endings(broken.lives)})
    assert f"{lossy.dropped} dropped on purpose" in out["drop"]
    assert f"406{len(broken) // 2:>{WIDTH}}" in out["malformed"]
    assert f"401{2 * ORDERS:>{WIDTH}}" in out["wrong-key"]
    quarantined, refused, kept_whole = shop.query(
        "(Message.objects.filter(status='quarantined').count(), sum(Refusal.objects.values_list('count', flat=True)), "
        "sum(b'carbon_grams' in bytes(body) for body in Message.objects.values_list('body', flat=True)))"
    )
    assert (quarantined, refused, kept_whole) == (len(broken) // 2, 2 * ORDERS, len(drifted))


def without_tracks(documents):
    """Leave out tracking numbers: a return has none if the message with the number was dropped."""
    return {key: value and (*value[:3], *value[4:]) for key, value in documents.items()}
