"""What never arrived comes back: through the same pipeline, once, and without erasing what only webhooks say."""

import io
import json
import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.exceptions import PullUnderWay
from stockhub_webhooks.models import RMA, AskedNumber, Drift, Message, Order, OrderAnswer, Pull
from stockhub_webhooks.operations import drift
from stockhub_webhooks.operations.reconcile import nightly, run
from stockhub_webhooks.operations.reconcile.asking import PullChoice
from stockhub_webhooks.testing import life, payload, play, run_pending
from stockhub_webhooks.testing.magento import Fault
from tests.operations.reconcile.conftest import RECENT
from tests.threads import close_connections

pytestmark = pytest.mark.django_db(transaction=True)


def pulled():
    return Message.objects.filter(source="pull")


def test_an_order_of_which_nothing_arrived_is_found_by_the_number_of_the_shop(magento, reconcile, hear):
    story = life("returned", seed=3)
    magento.play(story)
    heard = hear(signals.order_created)
    reconcile("--po", story.po_number)
    run_pending()
    order = Order.objects.get()
    assert (order.increment_id, order.po_number, order.status) == (story.increment_id, story.po_number, "closed")
    assert order.rmas.get().status == "processed_closed"
    assert [call["event"].po_number for call in heard] == [story.po_number]
    assert {message.topic for message in pulled()} == {"order", "rma"}


def test_asked_twice_nothing_is_stored(magento, reconcile):
    stories = [life(name, seed=seed) for seed, name in enumerate(["happy", "returned", "partial_refund"])]
    for story in stories:
        magento.play(story)
    RECENT[:] = [story.po_number for story in stories]
    reconcile()
    before = Message.objects.count()
    assert before == pulled().count() == 5
    assert "changed 0" in reconcile()
    assert Message.objects.count() == before


def test_what_arrived_whole_differs_in_nothing(magento, reconcile):
    stories = [life(name, seed=seed) for seed, name in enumerate(["happy", "returned", "partial_refund", "partial"])]
    for story in stories:
        magento.play(story)
        play(story)
    before = Message.objects.count()
    out = reconcile("--since", "2020-01-01")
    assert "changed 0" in out
    assert "failed 0" in out
    assert Message.objects.count() == before
    assert OrderAnswer.objects.filter(is_shipped=True, is_invoiced=True).count() == 4


def test_a_stub_is_filled(magento, reconcile, deliver_shipment):
    reconcile()
    order = Order.objects.get()
    assert not order.is_stub
    assert order.grand_total


@pytest.fixture
def deliver_shipment(magento):
    story = life("happy", seed=5)
    magento.play(story)
    play([step for step in story if step.topic == topics.SHIPMENT])
    assert Order.objects.get().is_stub
    return story


def test_a_pull_never_erases_what_only_webhooks_say(magento, reconcile):
    story = life("partial_refund", seed=2)
    magento.play(story)
    play(story)
    magento.orders[story.increment_id]["status"] = "closed"
    (number,) = magento.rmas
    magento.rmas[number] = {**magento.rmas[number], "status": "closed"}
    magento.rmas[number].pop("po_number")
    reconcile("--order", story.increment_id)
    order, back = Order.objects.get(), RMA.objects.get()
    assert (order.status, back.status) == ("closed", "closed")
    assert (order.po_number, back.po_number) == (story.po_number, story.po_number)
    assert [item.status for item in back.items.all()] == ["approved", "rejected"]


def test_known_fields_of_rest_are_no_drift(magento, reconcile):
    story = life("happy", seed=1)
    magento.play(story)
    magento.orders[story.increment_id]["gift_note"] = "x"
    reconcile("--order", story.increment_id)
    drift.count_due()
    assert [row.name for row in Drift.objects.all()] == ["gift_note"]
    assert Order.objects.get().extra == {"gift_note": "x"}


def test_times_of_rest_are_utc_whatever_the_webhooks_have(magento, reconcile, settings):
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "NAIVE_TIMEZONE": "Asia/Tokyo"}
    story = life("happy", seed=1)
    magento.play(story)
    play([story.steps[0]])
    before = Order.objects.get().created_at
    reconcile("--order", story.increment_id)
    assert Order.objects.get().created_at == before


def test_a_webhook_that_arrives_while_the_answer_is_awaited_is_newer(magento, reconcile, hear, monkeypatch):
    story = life("returned", seed=4)
    magento.play(story)
    back = next(iter(magento.rmas.values()))
    real = magento.answer

    def meanwhile(path, query):
        answer = real(path, query)
        if path.endswith("/rma") and not RMA.objects.exists():
            play([step for step in story if step.topic == topics.RMA][-1:])
            RMA.objects.update(status="newest")
        close_connections()  # those of the thread of the server
        return answer

    monkeypatch.setattr(magento, "answer", meanwhile)
    magento.rmas[back["increment_id"]] = {**back, "status": "pending"}
    reconcile("--order", story.increment_id)
    assert RMA.objects.get().status == "newest"


def test_a_dry_run_shows_the_differences_and_keeps_nothing(magento, reconcile):
    story = life("returned", seed=1)
    magento.play(story)
    RECENT[:] = [story.po_number, "NEVER-1"]
    out = reconcile("--dry-run")
    assert f"order {story.increment_id}: created" in out
    assert "our number NEVER-1: unknown" in out
    for model in (Message, Order, Pull, AskedNumber, OrderAnswer):
        assert not model.objects.exists()


@pytest.mark.parametrize("empty", [True, False])
def test_a_number_that_stock_hub_does_not_know_is_asked_again_for_thirty_days(magento, reconcile, report, empty):
    magento.empty_for_unknown = empty
    RECENT[:] = ["SHOP-NEW"]
    reconcile()
    assert report() == [("never_mentioned", "SHOP-NEW")]
    RECENT.clear()
    reconcile()
    asked = AskedNumber.objects.get()
    assert asked.asked_at > asked.first_asked_at
    AskedNumber.objects.update(first_asked_at=timezone.now() - timedelta(days=30))
    magento.requests.clear()
    reconcile()
    assert not [path for path in magento.requests if "SHOP-NEW" in path]
    assert report() == [("never_mentioned", "SHOP-NEW")]
    AskedNumber.objects.update(first_asked_at=timezone.now() - timedelta(days=29))
    magento.learn(topics.ORDER, payload(topics.ORDER) | {"po_number": "SHOP-NEW"})
    reconcile()
    assert Order.objects.get().po_number == "SHOP-NEW"
    assert report() == []


@pytest.mark.parametrize("fault", ["number", "outage", "order", "unknown"])
def test_a_number_whose_order_cannot_be_fetched_is_named_and_asked_again(magento, reconcile, report, fault):
    story = life("happy", seed=1)
    magento.play(story)
    RECENT[:] = [story.po_number]
    orders = dict(magento.orders)
    if fault == "unknown":
        magento.orders.clear()
    elif fault == "number":
        magento.fail(400)
    elif fault == "outage":
        magento.fail(500, times=4)
    else:
        magento.fail(Fault(), 400)  # the number is answered
    reconcile(fails=None if fault == "unknown" else "1 calls failed")
    assert not Order.objects.exists()
    assert report() == [("never_mentioned", story.po_number)]
    RECENT.clear()
    magento.orders.update(orders)
    reconcile()
    assert Order.objects.get().po_number == story.po_number
    assert not [gap for gap in report() if gap[0] == "never_mentioned"]
    assert not AskedNumber.objects.exists()


def test_an_order_that_arrives_by_itself_is_no_gap_any_more(magento, reconcile, report):
    RECENT[:] = ["SHOP-1"]
    reconcile()
    play([(topics.ORDER, payload(topics.ORDER) | {"po_number": "SHOP-1"}, timezone.now())])
    reconcile()
    assert report() == []


# ---------------------------------------------------------------- which orders


@pytest.mark.parametrize("known", ["processing", "canceled"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_the_order_that_took_the_place_of_an_edited_one_is_found(magento, reconcile, hear, known, dry_run):
    placed_at = (timezone.now() - timedelta(days=2)).isoformat()
    former = payload(topics.ORDER, seed=1, status="processing", created_at=placed_at, updated_at=placed_at)
    number = former["increment_id"]
    cancelled = former | {"status": "canceled", "updated_at": timezone.now().isoformat()}
    successor = former | {"increment_id": f"{number}-1"}
    for body in (former, cancelled, successor):
        magento.learn(topics.ORDER, body)
    play([(topics.ORDER, cancelled if known == "canceled" else former, timezone.now())])
    RECENT[:] = [former["po_number"]]
    heard = hear(signals.order_created)
    out = reconcile(*["--dry-run"] * dry_run)
    run_pending()
    assert f"order {number}-1: created" in out
    statuses = {number: "canceled", f"{number}-1": "processing"}
    assert dict(Order.objects.values_list("increment_id", "status")) == ({number: known} if dry_run else statuses)
    assert [call["order"].po_number for call in heard] == [former["po_number"]] * (not dry_run)
    assert not AskedNumber.objects.exists()
    assert dry_run or "changed 0" in reconcile()


def test_orders_are_asked_for_while_they_can_change(magento, reconcile):
    names = ["open", "complete", "old", "closed"]
    statuses = dict(zip(names, ["processing", "complete", "processing", "closed"], strict=True))
    days = dict(zip(names, [80, 29, 91, 1], strict=True))
    stories = {name: life("happy", seed=seed) for seed, name in enumerate(names)}
    for story in stories.values():
        magento.play(story)
        play(story.steps[:1])

    def asked():
        for name, story in stories.items():
            at = timezone.now() - timedelta(days=days[name])
            rows = Order.objects.filter(increment_id=story.increment_id)
            rows.update(status=statuses[name], created_at=at)
        magento.requests.clear()
        reconcile()
        numbers = {path.rpartition("/")[2] for path in magento.requests if "/orders/" in path}
        return {name for name, story in stories.items() if story.increment_id in numbers}

    assert asked() == {"open", "complete", "closed"}
    assert asked() == {"open", "complete"}


# ---------------------------------------------------------------- progress


def test_a_run_that_is_interrupted_goes_on_where_it_was(magento, reconcile):
    stories = [life("happy", seed=seed) for seed in range(6)]
    for story in stories:
        magento.play(story)
    RECENT[:] = [story.po_number for story in stories]
    magento.fail(*[0] * 5, *[503] * 12)
    reconcile(fails="run it again to continue")
    done = Order.objects.count()
    assert 0 < done < 6
    assert Pull.objects.get().due_at is not None
    magento.faults.clear()
    magento.requests.clear()
    Pull.objects.update(due_at=NOW)
    reconcile()
    assert Order.objects.count() == 6
    pull = Pull.objects.get()
    assert (pull.status, pull.open_account) == ("done", None)
    again = [path for path in magento.requests if any(path.endswith(s.po_number) for s in stories[:done])]
    assert not again


def test_one_fault_of_one_document_stops_nothing_else(magento, reconcile):
    stories = [life("happy", seed=seed) for seed in range(3)]
    for story in stories:
        magento.play(story)
    RECENT[:] = [story.po_number for story in stories]
    magento.fail(*[500] * 4)
    out = reconcile(fails="1 calls failed")
    assert Order.objects.count() == 2
    assert "500" in out
    assert reconcile().count("order ") == 1
    assert Order.objects.count() == 3


def test_one_run_at_a_time_for_an_account(magento, reconcile):
    run.begin("default", PullChoice(), who="somebody")
    Pull.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    with pytest.raises(PullUnderWay):
        run.begin("default", PullChoice(), who="another")
    reconcile(fails="another run")
    assert not magento.requests


def test_a_run_whose_process_died_is_continued(magento, reconcile):
    pull = run.begin("default", PullChoice(), who="somebody")
    assert run.steps  # and the process dies
    Pull.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    reconcile()
    assert Pull.objects.get().pk == pull.pk
    assert Pull.objects.get().status == "done"


def test_a_run_that_is_stopped_ends_after_the_current_call(magento):
    stories = [life("happy", seed=seed) for seed in range(3)]
    for story in stories:
        magento.play(story)
    pull = run.begin("default", PullChoice(orders=tuple(s.increment_id for s in stories)), who="x", claim=uuid.uuid4())
    steps = run.steps(pull)
    next(steps)
    assert run.halt(pull.pk, "boss")
    with pytest.raises(Exception, match="stopped"):
        list(steps)
    assert Order.objects.count() == 2
    assert not run.halt(pull.pk, "boss")
    assert Pull.objects.get().status == "stopped"


# ---------------------------------------------------------------- the worker


@pytest.fixture
def _in_this_thread(monkeypatch):
    monkeypatch.setattr(nightly.PULL_THREAD, "start", nightly.PULL_THREAD.call)


@pytest.mark.usefixtures("_in_this_thread")
def test_the_worker_asks_once_a_night(magento):
    story = life("happy", seed=1)
    magento.play(story)
    RECENT[:] = [story.po_number]
    for _ in range(2):
        call_command("stockhub_worker", "--once")
    assert Order.objects.get().increment_id == story.increment_id
    assert Pull.objects.get().status == "done"
    Pull.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    call_command("stockhub_worker", "--once")
    assert Pull.objects.count() == 2


@pytest.mark.usefixtures("_in_this_thread")
def test_a_nightly_run_that_is_not_answered_waits(magento):
    magento.fail(*[503] * 12)
    call_command("stockhub_worker", "--once")
    pull = Pull.objects.get()
    assert pull.status == "open"
    assert pull.due_at > timezone.now()
    assert "503" in pull.last_error
    assert pull.attempts == 1


@pytest.mark.usefixtures("_in_this_thread")
def test_a_worker_without_the_setting_makes_no_request(magento, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": settings.STOCKHUB_WEBHOOKS["API_KEYS"]}
    call_command("stockhub_worker", "--once")
    assert not Pull.objects.exists()
    assert not magento.requests


def test_the_accounts_have_their_own_settings(magento, reconcile, settings):
    story = life("happy", seed=1)
    magento.play(story)
    keys = {"one": "key-of-one-0123456789abc", "two": "key-of-two-0123456789abc"}
    settings.STOCKHUB_WEBHOOKS = {
        "API_KEYS": keys,
        "REST_BASE_URL": {"two": magento.base_url},
        "REST_TOKEN": {"two": magento.token, "one": "wrong"},
    }
    reconcile("--account", "one", "--order", story.increment_id, fails="REST_BASE_URL")
    reconcile("--order", story.increment_id, fails="choose an account")
    reconcile("--account", "two", "--order", story.increment_id)
    assert Order.objects.get().account == "two"


def test_a_report_as_json_is_json_alone(magento, reconcile):
    RECENT[:] = ["A-1"]
    data = json.loads(reconcile("--report", "--json"))
    assert [gap["po_number"] for gap in data["gaps"]] == ["A-1"]
    assert "A-1" in data["support_message"]


def test_the_pulled_message_survives_a_dump_and_an_ingest(magento, reconcile, tmp_path):
    story = life("happy", seed=1)
    magento.play(story)
    reconcile("--po", story.po_number)
    out = io.StringIO()
    call_command("stockhub_dump", "--since", "2000-01-01", stdout=out)
    Message.objects.all().delete()
    Order.objects.all().delete()
    file = tmp_path / "dump.jsonl"
    file.write_text(out.getvalue())
    call_command("stockhub_ingest", str(file), stdout=io.StringIO())
    assert Order.objects.get().po_number == story.po_number


def test_a_single_fault_of_the_network_is_no_matter(magento, reconcile):
    story = life("happy", seed=1)
    magento.play(story)
    magento.fail(Fault(drops=True), 429)
    reconcile("--order", story.increment_id)
    assert Order.objects.exists()
