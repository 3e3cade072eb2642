"""The rules of applying messages, in memory and without a database: what any story must end in.

A message says (`say`): topic, number, order (a child's), received and updated (whole numbers; updated may be None),
status, city, delivered, po, lines ({name: value}, or None), track ((number, carrier), or None).
"""

from collections import defaultdict
from dataclasses import dataclass, field

KEPT_IF_NULL = {"status", "city"}  # a null of these says nothing
FIELDS = {"order": ("status", "city"), "shipment": ("status", "city", "delivered"), "rma": ("status",)}


@dataclass
class Document:
    """What is known of one order, shipment or return; `received` is None while an order is a stub."""

    order: str | None = None
    received: int | None = None
    updated: int | None = None
    po: str | None = None
    fields: dict = field(default_factory=dict)
    lines: dict = field(default_factory=dict)
    tracks: dict = field(default_factory=dict)


class Model:
    """The documents by topic and number, and what happened, in sequence."""

    def __init__(self):
        self.documents = defaultdict(dict)
        self.events = []
        self.applied_last = {}  # what the last message said that each document is from

    def apply(self, say):
        """Apply one message; the outcome."""
        topic, number = say["topic"], say["number"]
        if topic != "order":
            self._mention_order(say)
        document = self.documents[topic].get(number)
        if document is None or document.received is None:
            return self._create(say, self.documents[topic].setdefault(number, Document()))
        if self._is_older(say, document):
            if say["track"] and say["track"][0] not in document.tracks:
                self._track(say, document)
            return "unchanged" if self._is_copy(say, document) else "stale"
        return self._update(say, document)

    def _mention_order(self, say):
        order = self.documents["order"].setdefault(say["order"], Document())
        if say["po"] and not order.po:
            order.po = say["po"]
            if order.received is not None:
                self.events.append(("order.updated", say["order"]))

    def _is_older(self, say, document):
        if None not in (say["updated"], document.updated) and say["updated"] != document.updated:
            return say["updated"] < document.updated
        return say["received"] < document.received

    def _is_copy(self, say, document):
        """Return True if the message that was applied last said the same."""
        is_of_same_time = say["updated"] in (None, document.updated)
        return is_of_same_time and self.applied_last[say["topic"], say["number"]] == effect(say)

    def _create(self, say, document):
        self._take(say, document)
        self._happened(say, "created")
        if say["track"]:
            self._track(say, document)
        self._deliver(say, document)
        return "created"

    def _update(self, say, document):
        former, lines = (document.order, document.po, dict(document.fields)), document.lines
        self._take(say, document)
        changed = former != (document.order, document.po, document.fields) or lines != document.lines
        if say["track"] and document.tracks.get(say["track"][0]) != say["track"][1]:
            changed = True
            self._track(say, document)
        if not changed:
            return "unchanged"
        if say["topic"] == "rma":
            kept = [name for name in document.lines if name in lines and lines[name] != document.lines[name]]
            self.events += [("rma_item.status_changed", say["number"])] * len(kept)
        if former[2]["status"] != document.fields["status"]:
            self._happened(say, "status_changed")
        self._deliver(say, document)
        self._happened(say, "updated")
        return "updated"

    def _take(self, say, document):
        self.applied_last[say["topic"], say["number"]] = effect(say)
        document.received = say["received"]
        document.updated = document.updated if say["updated"] is None else say["updated"]
        document.order = say["order"]
        document.po = say["po"] or document.po
        for name in FIELDS[say["topic"]]:
            if say[name] is not None or name not in KEPT_IF_NULL:
                document.fields[name] = say[name]
            document.fields.setdefault(name, None)
        document.lines = dict(say["lines"]) if say["lines"] else document.lines

    def _track(self, say, document):
        number, carrier = say["track"]
        if number not in document.tracks:
            self.events.append(("track.added", say["number"]))
        document.tracks[number] = carrier

    def _deliver(self, say, document):
        fact = ("shipment.delivered", say["number"])
        delivered = document.fields.get("delivered") or document.fields["status"] == "DELIVERED"
        if say["topic"] == "shipment" and delivered and fact not in self.events:
            self.events.append(fact)

    def _happened(self, say, what):
        self.events.append((f"{say['topic']}.{what}", say["number"]))


def effect(say):
    """All of a message that has an effect."""
    track = say["track"] if say["topic"] != "order" else None
    fields = [say[name] for name in FIELDS[say["topic"]]]
    return say["order"], say["po"], fields, list((say["lines"] or {}).items()), track
