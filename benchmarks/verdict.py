"""Whether the promise was kept: what the sender was told, held against what the shop has in the end.

It starts from the answers that the sender heard and the bodies that it sent, and believes no status that the package
writes down about itself: an accepted message must be there, its effect must be there, and the shop's own receiver
must have written down that it heard of it, once.
"""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from itertools import pairwise

ONCE = ("order.created", "shipment.created", "track.added", "shipment.delivered")
STATUSES = {
    "order": ("order.created", "order.status_changed"),
    "shipment": ("shipment.created", "shipment.status_changed"),
}


@dataclass(frozen=True)
class Verdict:
    """A sentence for each promise that was broken; none where all is well."""

    lost: tuple[str, ...] = ()
    applied_twice: tuple[str, ...] = ()
    told_twice: tuple[str, ...] = ()
    created_twice: tuple[str, ...] = ()

    def findings(self):
        """All of them."""
        return [sentence for field in fields(self) for sentence in getattr(self, field.name)]


def judge(answers, there, *, receivers=True):
    """The verdict.

    Args:
        answers: what the sender heard (`benchmarks.load.Answer`).
        there: what is there (`benchmarks.inventory`).
        receivers: whether the shop has any.
    """
    untold = [*not_told(answers, there)] if receivers else []
    return Verdict(
        lost=(*lost(answers, there), *untold),
        applied_twice=(*applied_twice(there),),
        told_twice=(*told_twice(there),),
        created_twice=(*created_twice(there),),
    )


# ---------------------------------------------------------------- lost


def lost(answers, there):
    """Accepted and not there, there and not applied, or newer that was not kept."""
    yield from (f"{number} {what} still open" for what, number in there["left"].items() if number)
    bodies = set(there["bodies"])
    for answer in answers:
        if answer.accepted and digest(answer.body) not in bodies:
            yield f"a message of topic {answer.topic} was answered {answer.status} and is not there"
    for (topic, number), status in newest(answers, bodies).items():
        kept = dict(there[f"{topic}s"]).get(number)
        if kept != status:
            yield f"{topic} {number} is {kept}, its newest message said {status}"


def digest(body):
    """As the inventory has it."""
    return hashlib.sha256(body).hexdigest()


def newest(answers, bodies):
    """(topic, number) to the status that its newest message said, of those accepted and those that came in unheard."""
    found = defaultdict(lambda: ("", ""))
    for answer in answers:
        if answer.accepted or digest(answer.body) in bodies:
            data = json.loads(answer.body)
            key = answer.topic, data["increment_id"]
            found[key] = max(found[key], (data["updated_at"], data["status"]))
    return {key: status for key, (_, status) in found.items()}


def not_told(answers, there):
    """What the shop's receiver, which writes down all that it hears, has not written down."""
    heard = {(kind, number) for receiver, _, kind, number in there["heard"] if receiver == "every"}
    accepted = {(a.topic, json.loads(a.body)["increment_id"]) for a in answers if a.accepted}
    yield from (
        f"nobody was told that {topic} {number} is new"
        for topic, number in sorted(accepted)
        if (f"{topic}.created", number) not in heard
    )
    events = {event for receiver, event, _, _ in there["heard"] if receiver == "every"}
    yield from (
        f"nobody was told of event {event} ({kind})" for event, kind, *_ in there["events"] if event not in events
    )


# ---------------------------------------------------------------- twice


def applied_twice(there):
    """Stored twice, there twice, happened twice; and what does not follow from what was before."""
    yield from (f"a message is stored {times} times" for times in repeated(there["bodies"]).values())
    for topic in STATUSES:
        numbers = [number for number, _ in there[f"{topic}s"]]
        yield from (f"{topic} {number} is there {times} times" for number, times in repeated(numbers).items())
    happened = [(kind, number) for _, kind, number, _ in there["events"] if kind in ONCE]
    yield from (f"{kind} {number} happened {times} times" for (kind, number), times in repeated(happened).items())
    for topic, kinds in STATUSES.items():
        chains = defaultdict(list)
        for _, kind, number, changes in there["events"]:
            if kind in kinds:
                chains[number].append(changes["status"])
        for number, chain in chains.items():
            if any(former[1] != later[0] for former, later in pairwise(chain)):
                yield f"the changes of {topic} {number} do not follow one another: {chain}"


def told_twice(there):
    """What a receiver that only writes to this database heard twice, or out of sequence."""
    heard = [(receiver, event) for receiver, event, _, _ in there["heard"]]
    yield from (f"{receiver} heard event {event} {times} times" for (receiver, event), times in repeated(heard).items())
    facts = [(receiver, kind, number) for receiver, _, kind, number in there["heard"] if kind in ONCE]
    yield from (f"{who} heard {kind} of order {n} {times} times" for (who, kind, n), times in repeated(facts).items())
    told = defaultdict(list)
    for receiver, event, _, order in there["heard"]:
        told[receiver, order].append(event)
    yield from (
        f"{receiver} heard of order {order} out of sequence"
        for (receiver, order), events in told.items()
        if events != sorted(events)
    )


def created_twice(there):
    """Orders that were new more than once, as the package recorded it or as the shop heard it."""
    recorded = repeated(number for _, kind, number, _ in there["events"] if kind == "order.created")
    heard = repeated(n for receiver, _, kind, n in there["heard"] if (receiver, kind) == ("every", "order.created"))
    yield from (f"order {number} was created {times} times" for number, times in (recorded | heard).items())


def repeated(things):
    """What is there more than once, and how often."""
    return {thing: times for thing, times in Counter(things).items() if times > 1}
