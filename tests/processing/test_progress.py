"""Returns have no `updated_at`: a message that knows less of a return than we do is outdated."""

import itertools
import json
from collections import Counter
from datetime import timedelta

import pytest
from django.forms.models import model_to_dict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockhub_webhooks import signals
from stockhub_webhooks.models import RMA, Event, Message, Order, RMAItem, Track
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.processing.apply import BY_TOPIC
from stockhub_webhooks.processing.apply.progress import compare_progress
from stockhub_webhooks.receiving import journal
from tests.samples import contract

pytestmark = pytest.mark.django_db
SEQUENCES = list(itertools.permutations(range(4)))
RECEIVED, PROCESSED = "2024-05-10T09:00:00+00:00", "2024-05-12T09:00:00+00:00"
UNKNOWN = {"date_received": None, "date_processed": None}


def body(status, *quantities, dates=UNKNOWN, tracking_number=None, **changes):
    """A return of one item for each pair (approved, returned)."""
    documented = contract("rma")
    items = [
        documented["items"][0]
        | {"id": 61 + n, "sku": f"SKU-{n}", "status": status, "qty_requested": 2}
        | {"qty_approved": approved, "qty_returned": returned}
        for n, (approved, returned) in enumerate(quantities)
    ]
    track = {"tracking_number": tracking_number, "carrier": "ups"} if tracking_number else None
    return documented | {"status": status, "items": items, "track": track, **dates} | changes


BACK = {"date_received": RECEIVED, "date_processed": None}
DONE = {"date_received": RECEIVED, "date_processed": PROCESSED}
LIFE = [
    body("pending", (None, None), (None, None)),
    body("authorized", (2, None), (2, None)),
    body("received", (2, 2), (2, 2), dates=BACK),
    body("processed_closed", (2, 2), (2, 2), dates=DONE),
]
LIVES = {
    "usual": LIFE,
    "quantities known at the end": [
        body("pending", (None, None)),
        body("authorized", (None, None)),
        body("received", (None, None), dates=BACK),
        body("processed_closed", (2, 2), dates=DONE),
    ],
    "dates known at the end": [
        body("pending", (None, None)),
        body("authorized", (2, None)),
        body("received", (2, 1)),
        body("processed_closed", (2, 1), dates=DONE),
    ],
    "one item is rejected": [
        body("pending", (None, None), (None, None)),
        body("authorized", (2, None), (0, None)),
        body("received_on_item", (2, 2), (0, None), dates=BACK),
        body("rejected_on_item", (2, 2), (0, 0), dates=DONE),
    ],
    "rejected": [
        body("pending", (None, None)),
        body("authorized", (2, None)),
        body("received", (2, 2), dates=BACK),
        body("rejected", (0, 2), dates=DONE),
    ],
    "unknown statuses": [
        body("brand_new", (None, None)),
        body("a_little_later", (1, None)),
        body("PENDING", (1, 1), dates=BACK),
        body("pending", (1, 1), dates=DONE),
    ],
    "items in another sequence": [
        *(part | {"items": part["items"][::-1]} for part in LIFE[:3]),
        LIFE[3],
    ],
    "a parcel in each": [
        part | {"track": {"tracking_number": f"1Z{n}", "carrier": "ups"}} for n, part in enumerate(LIFE)
    ],
}


def receive(*bodies, since=None):
    """Apply the bodies, received one second after the other; return the outcomes."""
    began = since or timezone.now() - timedelta(hours=1)
    outcomes = []
    for n, each in enumerate(bodies):
        message = Message(
            url_topic="rma",
            account="default",
            body=json.dumps(each).encode(),
            received_at=began + timedelta(seconds=n),
        )
        outcomes.append(pipeline.process(journal.store(message, claimed=True)).outcome)
    return outcomes


def state():
    """What is known of the return, without what depends on the sequence of receipt."""
    document = RMA.objects.get()
    items = [model_to_dict(item, exclude=("id", "rma")) for item in document.items.order_by("item_id")]
    tracks = sorted(Track.objects.values_list("tracking_number", flat=True))
    fields = model_to_dict(document, exclude=("id", "order", "received_at", "reading_digest"))
    return fields | {"order": document.order.increment_id, "items": items, "tracks": tracks}


def forget():
    Message.objects.all().delete()
    Order.objects.all().delete()


# ---------------------------------------------------------------- every sequence


@pytest.mark.parametrize("name", LIVES)
def test_each_sequence_ends_in_the_same_state(name):
    life = LIVES[name]
    receive(*life)
    wanted = state()
    for sequence in SEQUENCES:
        forget()
        receive(*(life[n] for n in sequence))
        assert state() == wanted, sequence


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_each_sequence_books_each_piece_and_each_status_once(sequence):
    receive(*(LIFE[n] for n in sequence for _ in range(2)))
    receive(*(LIFE[n] for n in sequence))
    kinds = list(Event.objects.order_by("pk").values_list("type", flat=True))
    assert kinds.count("rma.created") == 1
    booked = {}
    for event in Event.objects.filter(type="rma_item.status_changed"):
        key = (event.subject_id, event.changes["status"][1])
        booked[key] = booked.get(key, 0) + 1
    assert set(booked.values()) <= {1}
    steps = [n for place, n in enumerate(sequence) if n == max(sequence[: place + 1])]
    assert kinds.count("rma.status_changed") == len(steps) - 1
    assert sum(booked.values()) == 2 * (len(steps) - 1)


@pytest.mark.django_db(transaction=True)
def test_whatever_the_sequence_receivers_book_each_piece_and_each_status_once(post, hear):
    """As the recipe does: by what came back, less what was booked already; and by each status of an item."""
    stock, statuses = Counter(), Counter()

    def restock(rma, **arguments):
        for item in rma.items.all():
            stock[item.item_id] += max(0, (item.qty_returned or 0) - stock[item.item_id])

    hear(signals.rma_created, restock)
    hear(signals.rma_updated, restock)
    hear(
        signals.rma_item_status_changed,
        lambda rma_item, new_status, **arguments: statuses.update([(rma_item.item_id, new_status)]),
    )
    for sequence in SEQUENCES:
        for n in (n for n in sequence for _twice in range(2)):
            post("rma", LIFE[n])
        assert stock == {"61": 2, "62": 2}, sequence
        assert max(statuses.values(), default=1) == 1, sequence
        assert ("61", "processed_closed") in statuses or sequence[0] == 3
        forget()
        stock.clear()
        statuses.clear()


def test_a_duplicate_of_the_stored_state_is_unchanged_and_of_an_older_one_outdated():
    assert receive(LIFE[2], LIFE[1], LIFE[2], LIFE[1]) == ["created", "stale", "unchanged", "stale"]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_replay_of_all_messages_changes_nothing(sequence):
    receive(*(LIFE[n] for n in sequence))
    before, events = state(), Event.objects.count()
    for message in Message.objects.order_by("received_at"):
        pipeline.reapply(message)
    assert (state(), Event.objects.count()) == (before, events)


def apply_received(*messages):
    """Apply bodies in this sequence, each with the number of seconds after which it was received."""
    began = timezone.now() - timedelta(hours=1)
    return [receive(each, since=began + timedelta(seconds=seconds))[0] for seconds, each in messages]


@pytest.mark.sqlite  # which message is newer is decided in Python; each sequence of receipt runs on all databases
@pytest.mark.parametrize("name", LIVES)
def test_each_sequence_ends_in_the_same_state_even_if_applied_in_another_sequence(name):
    life = LIVES[name]
    receive(*life)
    wanted = state()
    for sequence, applied in itertools.product(SEQUENCES, [(3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)]):
        forget()
        apply_received(*((sequence.index(n), life[n]) for n in applied))
        assert state() == wanted, (sequence, applied)


def test_what_was_received_earlier_is_newer_only_by_an_explicit_null():
    numbers = {name: LIFE[3][name] for name in ("increment_id", "order_increment_id")}
    short = numbers | {"status": "closed"}
    assert apply_received((1, short), (0, LIFE[2])) == ["created", "stale"]
    forget()
    assert apply_received((1, LIFE[1]), (0, LIFE[2])) == ["created", "updated"]
    forget()
    assert apply_received((1, LIFE[2] | {"status": "closed"}), (0, LIFE[2])) == ["created", "stale"]


# ---------------------------------------------------------------- which message is outdated


@pytest.mark.parametrize("status", ["processed_closed", "closed", "brand_new", None])
@pytest.mark.parametrize(
    "outdated",
    [
        body("x", (2, 2), dates=BACK),
        body("x", (2, 2), dates={"date_received": None, "date_processed": PROCESSED}),
        body("x", (None, 2), dates=DONE),
        body("x", (2, None), dates=DONE),
        body("x", (2, None), dates=BACK),
        body("x", (1, None), dates=DONE),  # another quantity is none that we lack
        body("x", (2, 2), dates={"date_received": "", "date_processed": PROCESSED}),
        body("x", (2, 2), dates={"date_received": "0000-00-00 00:00:00"}),
    ],
)
def test_null_for_a_known_value_is_outdated_whatever_the_status(outdated, status):
    receive(LIFE[3] | {"items": LIFE[3]["items"][:1]})
    before = state()
    assert receive(outdated | {"status": status}) == ["stale"]
    assert state() == before
    assert [note["code"] for note in Message.objects.latest("pk").notes if "outdated" in note["code"]] == [
        "outdated_return"
    ]


def test_zero_is_known():
    receive(body("rejected", (0, 0)))
    assert receive(body("authorized", (None, 0))) == ["stale"]
    assert receive(body("authorized", (0, None))) == ["stale"]


@pytest.mark.parametrize(
    "short",
    [
        {"status": "closed"},
        {"status": "closed", "date_received": RECEIVED},
        {"status": "closed", "items": [{"id": 61, "status": "closed"}]},
        {"status": "closed", "items": [{"id": 61, "qty_approved": 2}], "date_processed": "not a time"},
    ],
)
def test_what_is_absent_or_unreadable_proves_nothing(short):
    receive(LIFE[3])
    numbers = {name: LIFE[3][name] for name in ("increment_id", "order_increment_id")}
    assert receive(numbers | short) == ["updated"]
    document = RMA.objects.get()
    assert document.status == "closed"
    assert document.date_received
    assert document.date_processed


def test_null_beside_a_new_value_erases_nothing_and_is_noted():
    receive(body("authorized", (2, None), (1, None)))
    assert receive(body("received", (None, None), (1, 1), dates=BACK)) == ["updated"]
    document = RMA.objects.get()
    first, second = document.items.order_by("item_id")
    assert (document.status, bool(document.date_received)) == ("received", True)
    assert (first.status, first.qty_approved, first.qty_returned) == ("received", 2, None)
    assert (second.qty_approved, second.qty_returned) == (1, 1)
    assert Message.objects.latest("pk").notes == [
        {"path": "items[0].qty_approved", "code": "already_known", "detail": ""}
    ]
    assert "items[61].qty_approved" not in Event.objects.filter(type="rma.updated").get().changes


def test_null_for_a_known_date_beside_a_new_quantity_keeps_the_date():
    receive(body("received", (None, None), dates=BACK))
    mixed = body("approved", (2, None))
    assert receive(mixed) == ["updated"]
    assert RMA.objects.get().date_received
    assert receive(mixed) == ["unchanged"]


def test_null_erases_no_status_of_the_return_or_of_an_item():
    receive(body("received", (2, 2), dates=BACK))
    assert receive(body(None, (2, 2), dates=DONE)) == ["updated"]
    assert (RMA.objects.get().status, RMAItem.objects.get().status) == ("received", "received")
    assert not Event.objects.filter(type__contains="status_changed").exists()


def test_null_for_one_of_two_items_is_outdated():
    receive(body("received", (2, 2), (1, 1), dates=BACK))
    assert receive(body("received", (2, 2), (1, None), dates=BACK)) == ["stale"]


def test_items_are_compared_with_their_own_rows_in_any_sequence():
    receive(body("authorized", (2, None), (None, 1)))
    swapped = body("received", (2, None), (None, 1))
    assert receive(swapped | {"items": swapped["items"][::-1]}) == ["updated"]


def test_new_item_with_a_quantity_is_something_new_and_one_without_is_not():
    receive(body("received", (2, 2), dates=BACK))
    assert receive(body("received", (2, 2), (None, None))) == ["stale"]
    assert receive(body("received", (2, 2), (1, None))) == ["updated"]
    assert RMA.objects.get().date_received
    assert RMAItem.objects.count() == 2


def test_an_outdated_message_adds_its_track_and_nothing_else():
    receive(LIFE[3])
    before = state()
    assert receive(LIFE[1] | {"track": {"tracking_number": "1Z9", "carrier": "dhl"}}) == ["stale"]
    assert state() == before | {"tracks": ["1Z9"]}
    assert Event.objects.exclude(type="purchase.changed").latest("pk").type == "track.added"
    assert receive(LIFE[1] | {"track": {"tracking_number": "1Z9", "carrier": "ups"}}) == ["stale"]
    assert Track.objects.get().carrier == "dhl"


# ---------------------------------------------------------------- any message

QUANTITY = st.sampled_from([None, 0, 2])
DATE = st.sampled_from([None, RECEIVED, PROCESSED])
ITEMS = st.lists(st.tuples(QUANTITY, QUANTITY), min_size=1, max_size=3)
STATUS = st.sampled_from(["pending", "authorized", "received", "rejected", "processed_closed", "brand_new"])
RETURNS = st.builds(
    lambda status, items, received, processed: body(
        status, *items, dates={"date_received": received, "date_processed": processed}
    ),
    STATUS,
    ITEMS,
    DATE,
    DATE,
)
MANY = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@MANY
@given(RETURNS, RETURNS)
def test_an_outdated_message_changes_no_field(first, second):
    forget()
    receive(first)
    before = state()
    (outcome,) = receive(second)
    if outcome == "stale":
        assert state() == before
    after = RMA.objects.get()
    assert all(getattr(after, name) for name in ("date_received", "date_processed") if before[name])
    known = {item["item_id"]: item for item in before["items"]}
    for item in after.items.all():
        for name in ("qty_approved", "qty_returned"):
            assert getattr(item, name) is not None or known.get(item.item_id, {}).get(name) is None


@MANY
@given(RETURNS, RETURNS)
def test_a_message_twice_is_the_same_as_once(first, second):
    forget()
    receive(first, second)
    once, events = state(), Event.objects.count()
    receive(second)
    assert (state(), Event.objects.count()) == (once, events)


TYPE = BY_TOPIC["rma"]
VALUE = st.sampled_from([None, 0, 1])
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(TYPE.progress_fields, VALUE))
LINE = st.fixed_dictionaries({}, optional=dict.fromkeys(TYPE.item_progress_fields, VALUE))


@given(FIELDS, FIELDS, st.lists(st.tuples(LINE, LINE), max_size=3))
def test_progress_is_outdated_only_by_null_for_a_known_value_and_nothing_new(fields, stored, lines):
    progress = compare_progress(TYPE, fields, stored, lines)
    pairs = [(given[name], known.get(name)) for given, known in [(fields, stored), *lines] for name in given]
    assert len(progress.nulled) == sum(given is None and known is not None for given, known in pairs)
    assert progress.is_further == any(given is not None and known is None for given, known in pairs)
    assert progress.is_outdated == (bool(progress.nulled) and not progress.is_further)


@pytest.mark.parametrize("topic", [topic for topic in BY_TOPIC if topic != "rma"])
def test_only_returns_are_compared_by_their_progress(topic):
    assert not BY_TOPIC[topic].progress_fields
    assert not BY_TOPIC[topic].item_progress_fields
