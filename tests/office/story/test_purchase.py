"""Purchases: account and our order number decide what belongs together, not the order of a document."""

import pytest

from stockhub_webhooks import signals
from stockhub_webhooks.models import Message, Order, Shipment
from stockhub_webhooks.office import story
from tests.conftest import KEY
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db
SECOND = "the-key-of-the-second-account-012345"


def test_orders_and_documents_with_one_order_number_are_a_purchase(post, purchase):
    for topic in ALPHABETICAL:
        post(topic)
    post("order", sample("order", increment_id="2", created_at="2020-01-01T00:00:00+00:00"))
    found = purchase()
    assert [order.increment_id for order in found.orders] == ["2", "000000701", "000000720"]
    assert [len(documents) for _topic, documents in found.by_topic] == [3, 1, 1, 1, 1, 1]
    assert len(found.children) == 5
    assert not any(map(found.is_stray, found.children))


def test_order_without_our_order_number_is_a_purchase_by_itself(post, purchase):
    post("order", sample("order", po_number=None))
    post("order", sample("order", increment_id="2", po_number=None))
    post("shipment", sample("shipment", po_number=None))
    found = purchase()
    assert (found.po_number, [order.increment_id for order in found.orders]) == ("", ["000000701"])
    assert len(found.shipments) == 1
    assert story.of_number("") == []


def test_purchases_of_two_accounts_are_kept_apart(post, purchase, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "second": SECOND}}
    post("order")
    post("order", key=SECOND)
    post("shipment", key=SECOND)
    first, second = Order.objects.order_by("account")
    assert [order.pk for order in story.read(first).orders] == [first.pk]
    assert story.read(first).shipments == []
    assert len(story.read(second).shipments) == 1
    assert story.of_number("RESELLER_REF") == [first, second]


def test_document_with_our_number_under_another_order_is_a_stray(post, purchase):
    post("order")
    post("order", sample("order", increment_id="2", po_number="OTHER"))
    post("shipment", sample("shipment", order_increment_id="2"))
    found = purchase()
    assert [found.is_stray(shipment) for shipment in found.shipments] == [True]
    assert found.has(found.shipments[0])
    other = purchase("2")
    assert [other.names_another(shipment) for shipment in other.shipments] == [True]
    assert not other.has(other.shipments[0])


def test_timeline_is_sorted_by_time_in_either_direction(post, purchase):
    for topic in ALPHABETICAL:
        post(topic)
    post("shipment", contract("shipment"))

    def told(**options):
        timeline = story.Timeline(purchase(), **options)
        return timeline.entries(timeline.page(1))

    newest, oldest = told(), told(newest_first=False)
    assert [entry.message.pk for entry in newest] == [entry.message.pk for entry in reversed(oldest)]
    assert [entry.at for entry in oldest] == sorted(entry.at for entry in oldest)
    assert newest[0].message.outcome == "unchanged"
    assert newest[0].at == newest[0].message.received_at
    assert oldest[0].message.topic == "shipment"


def test_timeline_has_documents_that_moved_from_another_order(post, purchase):
    post("order")
    post("shipment", sample("shipment", order_increment_id="999", po_number=None))
    post("shipment", sample("shipment", updated_at="2025-01-01 00:00:00"))
    timeline = story.Timeline(purchase())
    assert len([entry for entry in timeline.entries(timeline.page(1)) if entry.message.topic == "shipment"]) == 2


def test_timeline_reads_one_page_at_a_time(post, purchase, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.office.story.timeline.PAGE_SIZE", 2)
    for number in range(5):
        post("order", sample("order", status=f"s{number}", updated_at=f"2024-05-06T12:0{number}:00+02:00"))
    timeline = story.Timeline(purchase())
    pages = [timeline.page(number) for number in (1, 3, 99, "x")]
    assert [page.number for page in pages] == [1, 3, 3, 1]
    assert [len(timeline.entries(page)) for page in pages] == [2, 1, 1, 2]


def test_timeline_leaves_out_messages_of_other_accounts(post, purchase, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "second": SECOND}}
    post("order")
    post("order", key=SECOND)
    timeline = story.Timeline(story.read(Order.objects.get(account="default")))
    assert [entry.message.account for entry in timeline.entries(timeline.page(1))] == ["default"]
    assert Message.objects.count() == 2


def test_tasks_are_counted_and_unfinished_ones_listed(post, hear, purchase):
    def fail(**kwargs):
        raise ValueError

    hear(signals.order_created)
    hear(signals.order_created, fail)
    post("order")
    tasks = story.tasks_of(purchase())
    assert (tasks.counts, tasks.open, tasks.given_up) == ({"done": 1, "pending": 1}, 1, 0)
    assert [call.attempts for call in tasks.unfinished] == [1]


def test_parcels_are_those_of_the_order_number_only(post):
    post("order")
    post("shipment", sample("shipment", increment_id="1", po_number=None))
    post("shipment", sample("shipment", increment_id="2", order_increment_id="999", track__tracking_number="STRAY"))
    post("shipment", sample("shipment", increment_id="3", po_number="OTHER", track__tracking_number="OTHERS"))
    post("rma")
    by_number = story.parcels("RESELLER_REF")
    assert [parcel.tracking_number for parcel in by_number] == ["1Z00AA000000000001", "STRAY"]
    assert story.parcels(Order.objects.get(increment_id="000000701")) == by_number
    assert [parcel.tracking_number for parcel in story.parcels("OTHER")] == ["OTHERS"]
    assert story.parcels("") == story.parcels("nothing") == []


def test_parcels_of_an_order_without_our_number_are_its_own(post):
    post("order", sample("order", po_number=None))
    post("shipment", sample("shipment", po_number=None))
    assert len(story.parcels(Order.objects.get())) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [("IN_TRANSIT", "in transit"), ("DELIVERED", "delivered"), ("UNKNOWN", ""), ("brand_new", ""), (None, "")],
)
def test_parcels_for_customers_have_labels_instead_of_codes(post, status, words):
    post("shipment", sample("shipment", status=status))
    (parcel,) = story.parcels("RESELLER_REF")
    assert (parcel.status, parcel.status_in_words) == (status or "", words)


def test_shipment_without_a_parcel_is_shown_and_unsafe_links_are_not(post):
    post("shipment", sample("shipment", increment_id="1", track=None, delivered_at="2024-04-19 10:00:00"))
    post("shipment", sample("shipment", increment_id="2", track__tracking_url="javascript:alert(1)"))
    without, bad = story.parcels("RESELLER_REF")
    assert (without.tracking_number, without.is_delivered, without.status_in_words) == ("", True, "delivered")
    assert (bad.tracking_number, bad.tracking_url) == ("1Z00AA000000000001", "")
    assert Shipment.objects.count() == 2
