"""Any story that messages can live through, told to the package and to the simple model at once."""

import json
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from django.db import OperationalError, transaction
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from benchmarks.model import FIELDS, Model
from stockhub_webhooks import serializers, signals
from stockhub_webhooks.delivery import calls, due_calls
from stockhub_webhooks.models import RMA, Address, Event, Heartbeat, Message, Order, ReceiverCall, RMAItem, Shipment
from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming, journal, spool, spool_import, transitions

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
MODELS = {"order": Order, "shipment": Shipment, "rma": RMA}
LINE_VALUE = {"order": "qty_ordered", "shipment": "qty", "rma": "status"}
NUMBERS = st.sampled_from(["1", "2"])
CITIES = st.sampled_from([None, "Delft", "Gouda"])
REFERENCES = st.sampled_from([None, None, "PO-1", "PO-2"])
TRACKS = st.none() | st.tuples(st.sampled_from(["T1", "T2"]), st.sampled_from(["ups", "dhl"]))
MOMENTS = st.none() | st.integers(0, 5)


def says(topic, values, **own):
    """Messages of one topic; `values` are those of its lines."""
    everything = {
        "topic": st.just(topic),
        "number": NUMBERS,
        "order": NUMBERS if topic != "order" else st.none(),
        "updated": MOMENTS,
        "po": REFERENCES,
        "lines": st.none() | st.dictionaries(st.sampled_from(["11", "12", "13"]), st.sampled_from(values), max_size=3),
        "track": TRACKS if topic != "order" else st.none(),
        "city": CITIES,
        "delivered": st.none(),
    }
    return st.fixed_dictionaries(everything | own)


SAYS = st.one_of(
    says("order", [1, 2], status=st.sampled_from(["pending", "complete", None])),
    says(
        "shipment",
        [1, 2],
        status=st.sampled_from(["IN_TRANSIT", "DELIVERED"]),
        delivered=st.sampled_from([None, None, 7]),
    ),
    says(
        "rma", ["approved", "closed"], status=st.sampled_from(["approved", "closed"]), updated=st.none(), city=st.none()
    ),
)
PURCHASE_CHANGED = "purchase.changed"


class Killed(BaseException):
    """The process ends here; nothing catches it."""


def moment(seconds):
    """A number of the story as a time, None stays None."""
    return None if seconds is None else START + timedelta(seconds=seconds)


def body(say):
    """The message as Stock Hub would write it."""
    topic, lines, track = say["topic"], say["lines"], say["track"]
    name = "id" if topic == "rma" else "sku"
    written = {"updated_at": moment(say["updated"]), "delivered_at": moment(say["delivered"])}
    written = {key: value and value.isoformat() for key, value in written.items()}
    items = lines and [{name: line, LINE_VALUE[topic]: value} for line, value in lines.items()]
    data = {
        "increment_id": say["number"],
        "order_increment_id": say["order"],
        "po_number": say["po"],
        "status": say["status"],
        "items": items if lines is None else items or [],
        "track": track and {"tracking_number": track[0], "carrier": track[1]},
        "shipping_address": say["city"] and {"city": say["city"]},
        **written,
    }
    return json.dumps(data).encode()


def kept(topic, row):
    """What the database knows of a document, in the model's words."""
    name = "item_id" if topic == "rma" else "sku"
    known = {
        "status": row.status,
        "city": row.shipping_address.city if topic != "rma" and row.shipping_address else None,
        "delivered": getattr(row, "delivered_at", None),
    }
    return {
        "order": row.order.increment_id if topic != "order" else None,
        "received": row.received_at,
        "updated": getattr(row, "updated_at", None),
        "po": row.po_number,
        "fields": {field: known[field] for field in FIELDS[topic]} if row.received_at else {},
        "lines": {getattr(item, name): getattr(item, LINE_VALUE[topic]) for item in row.items.all()},
        "tracks": {t.tracking_number: t.carrier for t in row.tracks.all()} if topic != "order" else {},
    }


def meant(document):
    """What the model knows of a document, with the story's numbers as times."""
    fields = dict(document.fields)
    if "delivered" in fields:
        fields["delivered"] = moment(fields["delivered"])
    times = {"received": moment(document.received), "updated": moment(document.updated), "fields": fields}
    return vars(document) | times


class Story(RuleBasedStateMachine):
    """Messages come in, processes die, spooled files are taken in, messages are applied, again and again."""

    folder = None

    def __init__(self):
        super().__init__()
        create = getattr(transaction, "savepoint_create", None) or transaction.savepoint  # Django 6.1 renamed it
        self.before = create()
        self.settings = override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"a": "k"}, "SPOOL_DIR": str(self.folder)})
        self.settings.enable()
        signals.event_recorded.connect(self.hear, dispatch_uid="story")
        self.model = Model()
        self.said = {}
        self.deadly_receiver = False
        self.real_process, self.real_process_together = pipeline.process, pipeline.process_together
        watched = {"process": self.process, "process_together": self.process_together}
        self.watch = patch.multiple(pipeline, **watched)
        self.watch.start()

    def teardown(self):
        """Whatever happened, the work gets done; then everything is as it was before."""
        try:
            self.ingest(killed=False)
            for _ in range(3):  # work that killed its process twice waits once more
                self.leases_lapse()
                self.work(crash=None)
            self.everything_is_done()
        finally:
            self.watch.stop()
            signals.event_recorded.disconnect(dispatch_uid="story")
            for path in spool.files():
                spool.remove(path)
            self.settings.disable()
            transaction.savepoint_rollback(self.before)

    def hear(self, sender, *, event, **kwargs):
        """A receiver that only writes to this database; the key refuses a second time."""
        Heartbeat.objects.create(name=f"event {event.id}", beat_at=event.received_at)
        if self.deadly_receiver:
            raise Killed

    def process(self, message):
        """The pipeline, and then the model, with what the package really applied, in its sequence."""
        self.real_process(message)
        self.compare(message)
        return message

    def process_together(self, claim, stop=None):
        """The same for several of one transaction, which applies them in a sequence of its own, or none."""
        readings = [serializers.read_message(message) for message in claim.rows]
        sequence = sorted(zip(list(claim.rows), readings, strict=True), key=pipeline._lock_key)
        done = self.real_process_together(claim, stop)
        for message, _ in sequence if done else ():
            self.compare(message)
        return done

    def compare(self, message):
        """What became of a message is what the model says."""
        assert message.status == "applied", message.error
        assert message.outcome == self.model.apply(self.said[message.uid])

    # ------------------------------------------------------------ what can happen

    @rule(say=SAYS, how=st.sampled_from(["applied", "died", "left", "spooled", "committed unheard"]))
    def receive(self, say, how):
        """A message comes in: applied at once, its process dies, it is left for later, or the database fails."""
        say = say | {"received": len(self.said)}
        message = Message(url_topic=say["topic"], account="a", body=body(say), received_at=moment(say["received"]))
        self.said[message.uid] = say
        commit = journal.commit

        def fail(message, *, claimed):
            if how == "committed unheard":
                commit(message, claimed=claimed)
            raise OperationalError("the connection is gone")

        if how in ("spooled", "committed unheard"):
            with patch.object(journal, "commit", fail):
                journal.store(message, claimed=True)
            assert message.pk is None
        else:
            journal.store(message, claimed=how != "left")
        if how == "applied":
            pipeline.process(message)

    @rule(which=st.integers(0, 50), how=st.sampled_from(["applied", "left", "spooled"]))
    def receive_again(self, which, how):
        """The sender does not repeat itself, but another message may say the same."""
        if self.said:
            self.receive(list(self.said.values())[which % len(self.said)], how)

    @rule(killed=st.booleans())
    def ingest(self, killed):
        """Take files out of the spool; perhaps killed after the insert, before the file is gone."""
        with patch.object(spool, "remove", side_effect=Killed if killed else None, wraps=spool.remove):
            try:
                spool_import.import_spool()
            except Killed:
                assert killed

    @rule(crash=st.sampled_from([None, "before the commit", "before telling", "in a receiver"]))
    def work(self, crash):
        """A worker does what is due, or as far as it comes."""
        settle = transitions.settle

        def settle_and_die(*arguments, **options):
            settle(*arguments, **options)
            raise Killed

        self.deadly_receiver = crash == "in a receiver"
        try:
            if crash == "before the commit":
                with patch.object(transitions, "settle", settle_and_die):
                    worker.drain()
            elif crash == "before telling":
                with patch.object(calls, "call_receiver", side_effect=Killed):
                    worker.drain()
            else:
                worker.drain()
        except Killed:
            assert crash
        self.deadly_receiver = False

    @rule()
    def leases_lapse(self):
        """Enough time passes for all that dead processes held."""
        Message.objects.filter(due_at__isnull=False).update(due_at=PAST)
        ReceiverCall.objects.open().update(due_at=PAST)
        for low_water in (claiming.low_water, due_calls.low_water):  # which such an old time is below
            low_water.reset()

    @rule(which=st.integers(0, 50))
    def replay(self, which):
        """Somebody in the office says "process again"."""
        pks = list(Message.objects.order_by("pk").values_list("pk", flat=True))
        if pks:
            transitions.requeue([pks[which % len(pks)]])

    # ------------------------------------------------------------ what must hold

    @invariant()
    def the_rows_are_the_models(self):
        """Each document as the model knows it, and none besides; the same happened, in the same sequence."""
        for topic, model in MODELS.items():
            rows = {row.increment_id: kept(topic, row) for row in model.objects.all()}
            assert rows == {number: meant(document) for number, document in self.model.documents[topic].items()}
        cities = [d for topic in MODELS for d in self.model.documents[topic].values() if d.fields.get("city")]
        assert Address.objects.count() == len(cities)
        facts = Event.objects.exclude(type=PURCHASE_CHANGED).order_by("pk")
        assert list(facts.values_list("type", "increment_id")) == self.model.events
        last = dict(Event.objects.exclude(order=None).order_by("pk").values_list("message", "type"))
        assert set(last.values()) <= {PURCHASE_CHANGED}  # it follows all others of a message

    def everything_is_done(self):
        """Each message stored once and applied, each event heard."""
        self.the_rows_are_the_models()
        assert not list(spool.files())
        assert set(Message.objects.values_list("uid", "status")) == {(uid, "applied") for uid in self.said}
        # a later message may have taken the line away before anybody was told of its change: that is given up
        gone = Event.objects.filter(type="rma_item.status_changed")
        gone = gone.exclude(subject_id__in=RMAItem.objects.values("pk")).filter(receiver_calls__status="given_up")
        heard = set(Heartbeat.objects.values_list("name", flat=True))
        assert heard == {f"event {pk}" for pk in Event.objects.exclude(pk__in=gone).values_list("pk", flat=True)}
        assert not ReceiverCall.objects.exclude(status="done").exclude(event__in=gone).exists()
        self.newest_wins_whatever_the_sequence()

    def newest_wins_whatever_the_sequence(self):
        """Where every message tells `updated_at`, the sequence they came in makes no difference."""
        for topic in ("order", "shipment"):
            for number in self.model.documents[topic]:
                said = [s for s in self.said.values() if (s["topic"], s["number"]) == (topic, number)]
                if said and all(say["updated"] is not None for say in said):
                    newest = max(said, key=lambda say: (say["updated"], say["received"]))
                    if newest["status"] is not None:  # a null never erases a status
                        assert MODELS[topic].objects.get(increment_id=number).status == newest["status"]


def any_story(folder):
    """The state machine, with its spool in a folder."""
    return type("Story", (Story,), {"folder": folder / "spool"})
