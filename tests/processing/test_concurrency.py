"""Real processes at once: no deadlock reaches the sender, nothing is lost, nothing is there twice."""

import json
import random
from itertools import pairwise

import pytest

from stockhub_webhooks.exceptions import ORDER_LOCKED
from tests.processing.test_progress import LIFE
from tests.samples import contract, sample

pytestmark = pytest.mark.server
STATUSES = ["pending", "processing", "holded", "complete", "closed"]


def versions(count):
    """An order as it changed, a version a minute: status, lines and addresses."""
    for number in range(count):
        body = sample("order", updated_at=f"2024-06-01T10:{number:02d}:00+00:00", status=STATUSES[number % 5])
        body["items"] = [dict(body["items"][0], sku=f"sku-{n}", qty_ordered=number) for n in range(1 + number % 3)]
        body["shipping_address"]["city"] = f"Stad {number % 4}"
        yield body


def post_at_once(shop, lists):
    """One process for each list of [topic, body]; all their answers."""
    parent = shop.start("-m", "tests.shop.post_versions")
    out, errors = parent.communicate(json.dumps(lists), timeout=110)
    assert parent.returncode == 0, errors
    assert "database is locked" not in errors
    return out.split()


def post_and_apply(shop, lists):
    """Post at once, and apply what was answered 202, since its order was locked for too long; nothing else may fail.

    A slow machine may also take longer for one transaction than a deadlock may be repeated.
    """
    answers = post_at_once(shop, lists)
    assert len(answers) == sum(map(len, lists))
    assert set(answers) <= {"200", "202"}
    if "202" in answers:
        causes = shop.query("sorted(set(Message.objects.filter(status='received').values_list('cause', flat=True)))")
        assert all(cause == ORDER_LOCKED or cause.startswith("OperationalError") for cause in causes), causes
        shop.query("Message.objects.filter(status='received', claim=None).update(due_at='2020-01-01T00:00Z')")
        shop.worker("--once")
    assert shop.query("list(Message.objects.values_list('status', flat=True).distinct())") == ["applied"]


def test_eight_processes_with_the_versions_of_one_order_in_any_sequence(shop):
    bodies = list(versions(12))
    lists = [random.sample([["order", body] for body in bodies], len(bodies)) for _ in range(8)]
    post_and_apply(shop, lists)
    newest = bodies[-1]
    assert shop.query("[(o.status, str(o.updated_at)) for o in Order.objects.all()]") == [
        (newest["status"], "2024-06-01 10:11:00+00:00")
    ]
    assert shop.query("list(OrderItem.objects.order_by('position').values_list('sku', 'qty_ordered'))") == [
        (item["sku"], item["qty_ordered"]) for item in newest["items"]
    ]
    assert shop.query("sorted(Address.objects.values_list('city', flat=True))") == ["Stad 3", "Teststad"]
    assert shop.query("Message.objects.exclude(status='applied').count()") == 0
    types = shop.query("list(Event.objects.order_by('pk').values_list('type', flat=True))")
    assert types.count("order.created") == 1
    chain = shop.query(
        "[e.changes['status'] for e in "
        "Event.objects.filter(type__in=['order.created', 'order.status_changed']).order_by('pk')]"
    )
    assert chain[0][0] is None
    assert all(former[1] == later[0] for former, later in pairwise(chain))
    assert chain[-1][1] == newest["status"]
    shop.worker("--once")
    heard = shop.query("list(Heard.objects.filter(receiver='every').order_by('pk').values_list('event_id', flat=True))")
    assert heard == shop.query("list(Event.objects.order_by('pk').values_list('pk', flat=True))")


OTHERS = ("shipment", "rma")  # a dozen processes take long to start


@pytest.mark.parametrize("topic", ["order", *(pytest.param(topic, marks=pytest.mark.postgresql) for topic in OTHERS)])
def test_of_identical_copies_one_is_new_and_the_others_change_nothing(shop, topic):
    bodies = [sample(topic, increment_id=f"{number:09d}") for number in range(8)]
    post_and_apply(shop, [[[topic, body] for body in bodies]] * 12)
    outcomes = shop.query("sorted(Message.objects.values_list('increment_id', 'outcome'))")
    assert outcomes == sorted(
        (f"{number:09d}", outcome) for number in range(8) for outcome in ["created"] + ["unchanged"] * 11
    )
    assert shop.query("Event.objects.filter(type__endswith='.updated').count()") == 0


def test_children_of_one_unknown_order_at_once(shop):
    children = [
        [topic, sample(topic, order_increment_id="000000701")] for topic in ("shipment", "invoice", "rma", "creditmemo")
    ]
    lists = [random.sample([*children, ["order", contract("order")]], 5) for _ in range(6)]
    post_and_apply(shop, lists)
    assert shop.query("[o.is_stub for o in Order.objects.all()]") == [False]
    assert shop.query("[m.objects.count() for m in (Shipment, Invoice, RMA, CreditMemo, Track, OrderItem)]") == [
        1, 1, 1, 1, 2, 1,
    ]  # fmt: skip
    assert shop.query("Event.objects.filter(type='order.created').count()") == 1


def test_all_messages_of_a_return_at_once(shop):
    returns = [{"increment_id": f"{number:09d}", "order_increment_id": f"{number:09d}"} for number in range(40)]
    lists = [[["rma", LIFE[(n + process) % 4] | numbers] for n, numbers in enumerate(returns)] for process in range(4)]
    post_and_apply(shop, lists)
    assert (
        shop.query(
            "[(r.increment_id, r.status, str(r.date_processed)) for r in RMA.objects.order_by('increment_id') "
            "if r.status != 'processed_closed' or r.date_processed is None]"
        )
        == []
    )
    assert shop.query("sorted(set(RMAItem.objects.values_list('status', 'qty_approved', 'qty_returned')))") == [
        ("processed_closed", 2, 2)
    ]
    assert shop.query("RMA.objects.count()") == 40


def test_one_document_under_two_orders_at_once(shop):
    posts = [
        ["shipment", sample("shipment", order_increment_id=f"00000070{n % 2}", updated_at=f"2024-06-01 10:00:{n:02d}")]
        for n in range(20)
    ]
    post_and_apply(shop, [random.sample(posts, 20) for _ in range(4)])
    assert shop.query("[s.order.increment_id for s in Shipment.objects.all()]") == ["000000701"]
    assert shop.query("ShipmentItem.objects.count()") == 1


def test_two_workers_share_the_work_and_tell_each_event_once(shop):
    bodies = [
        ["order", sample("order", increment_id=f"{n:09d}", updated_at=f"2024-06-01T10:0{v}:00Z", status=STATUSES[v])]
        for n in range(10)
        for v in range(3)
    ]
    shop.environment["SHOP_RUNNER"] = "worker"
    post_at_once(shop, [bodies])
    workers = [shop.start("-m", "django", "stockhub_worker", "--once", SHOP_SLEEP_SECONDS="0.01") for _ in range(3)]
    for worker in workers:
        out, errors = worker.communicate(timeout=100)
        assert (worker.returncode, out, errors) == (0, "", "")
    shop.worker("--once")
    assert shop.query("Message.objects.exclude(status='applied').count()") == 0
    assert shop.query("ReceiverCall.objects.exclude(status='done').count()") == 0
    for receiver in ("every", "orders"):
        heard = shop.query(
            f"list(Heard.objects.filter(receiver={receiver!r}).order_by('pk').values_list('order_number', 'event_id'))"
        )
        assert len(heard) == len(set(heard))
        for number in {number for number, _ in heard}:
            of_order = [event for order, event in heard if order == number]
            assert of_order == sorted(of_order)
    assert shop.query("Heard.objects.filter(receiver='every').count() == Event.objects.count()")


@pytest.mark.quick
def test_a_receiver_killed_half_way_is_called_again_and_takes_effect_once(shop):
    deadly = shop.folder / "deadly"
    shop.environment |= {"SHOP_RUNNER": "worker", "SHOP_DEADLY_FILE": str(deadly), "SHOP_LEASE_SECONDS": "1"}
    post_at_once(shop, [[["order", contract("order")]]])
    deadly.touch()
    shop.worker("--once", code=9)
    assert shop.query("Heard.objects.filter(receiver='orders').count()") == 0
    shop.worker("--max-seconds=4")
    assert shop.query("list(ReceiverCall.objects.order_by('pk').values_list('receiver', 'status', 'attempts'))") == [
        ("shop.orders", "done", 1),
        ("shop.every", "done", 1),
        ("shop.every", "done", 1),
    ]
    assert shop.query("Heard.objects.filter(receiver='orders').count()") == 1


@pytest.mark.timeout(300)
def test_a_receiver_that_kills_its_process_each_time_is_given_up_and_no_other_call_suffers(shop):
    deadly = shop.folder / "deadly"
    deadly.write_text("000000001")
    shop.environment |= {
        "SHOP_RUNNER": "worker", "SHOP_DEADLY_FILE": str(deadly), "SHOP_LEASE_SECONDS": "1",
        "SHOP_MAX_ATTEMPTS": "2", "SHOP_BACKOFF_SECONDS": "1",
    }  # fmt: skip
    orders = [["order", sample("order", increment_id=f"{number:09d}", entity_id=number)] for number in range(1, 6)]
    post_at_once(shop, [orders])
    of_deadly = "ReceiverCall.objects.filter(receiver='shop.orders', event__increment_id='000000001')"
    for _ in range(12):
        worker = shop.start("-m", "django", "stockhub_worker", "--max-seconds=4")
        worker.communicate(timeout=110)
        if shop.query(f"{of_deadly}.get().status") == "given_up":
            break
    shop.worker("--once")
    assert shop.query(f"{of_deadly}.values_list('status', 'attempts', 'failed_attempts__cause').distinct().get()") == (
        "given_up", 2, "died",
    )  # fmt: skip
    others = shop.query("list(ReceiverCall.objects.exclude(status='given_up').values_list('status', 'attempts'))")
    assert set(others) == {("done", 1)}
    assert len(others) == 14
    assert shop.query("Heard.objects.filter(receiver='orders').count()") == 4


def test_sweeps_at_once_record_each_delivery_once(shop):
    """Three workers, and requests that help, for shipments whose time of delivery has come."""
    ahead = "2999-01-01 00:00:00"
    numbers = [f"{number:09d}" for number in range(1, 25)]
    shipments = [
        ["shipment", sample("shipment", increment_id=number, order_increment_id=f"00000000{int(number) % 4}",
                            status="IN_TRANSIT", delivered_at=ahead)]
        for number in numbers
    ]  # fmt: skip
    assert post_at_once(shop, [shipments]) == ["200"] * 24
    delivered = "Event.objects.filter(type='shipment.delivered')"
    assert shop.query(f"{delivered}.count()") == 0
    assert shop.query("Shipment.objects.update(delivered_at='2024-06-01T10:00Z', due_at='2024-06-01T10:00Z')") == 24
    workers = [shop.start("-m", "django", "stockhub_worker", "--once") for _ in range(3)]
    again = [[topic, body | {"delivered_at": "2024-06-01 10:00:00", "currency": "GBP"}] for topic, body in shipments]
    post_and_apply(shop, [again[:6]])
    for process in workers:
        _out, errors = process.communicate(timeout=110)
        assert (process.returncode, "not recorded" in errors) == (0, False), errors
    shop.worker("--once")
    assert sorted(shop.query(f"list({delivered}.values_list('increment_id', flat=True))")) == numbers
    assert shop.query("Shipment.objects.exclude(due_at=None).count()") == 0
    heard = shop.query(
        "list(Heard.objects.filter(receiver='every').order_by('pk').values_list('event_id', 'order_number'))"
    )
    assert len(heard) == len(set(heard)) == shop.query("Event.objects.count()")
    for order in {number for _, number in heard}:
        events = [event for event, number in heard if number == order]
        assert events == sorted(events)


def test_one_parcel_in_several_spellings_at_once_is_one_track(shop):
    spellings = ["3SABC1", "3S ABC 1", "3sabc1", "3SABC-1"]
    posts = [
        ["shipment", sample("shipment", track={"tracking_number": spelling}, updated_at=f"2024-06-01 10:0{minute}:00")]
        for minute, spelling in enumerate(spellings)
    ]
    post_and_apply(shop, [random.sample(posts, 4) for _ in range(6)])
    assert shop.query("[t.normalized_number for t in Track.objects.all()]") == ["3SABC1"]
    assert shop.query("Event.objects.filter(type='track.added').count()") == 1
