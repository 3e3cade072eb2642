"""Whether the promise was kept: what the sender was told, held against what the shop has in the end."""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

CREATED = ("order.created", "shipment.created", "track.added", "shipment.delivered")
STATUSES = {
    "order": ("order.created", "order.status_changed"),
    "shipment": ("shipment.created", "shipment.status_changed"),
}


@dataclass(frozen=True)
class Verdict:
    """A sentence for each promise that was broken; none where all is well."""

    lost: list[str]
    twice: list[str]


def judge(answers, there):
    """The verdict on what the sender heard (`benchmarks.load.Answer`) and what is there (`benchmarks.inventory`)."""
    return Verdict(lost=[*lost(answers, there)], twice=[*twice(there)])


def lost(answers, there):
    """Accepted and not applied, applied and not told, or newer that was not kept."""
    yield from (f"{number} {what} still open" for what, number in there["left"].items() if number)
    bodies = set(there["bodies"])
    newest = defaultdict(dict)
    for answer in answers:
        digest = hashlib.sha256(answer.body).hexdigest()
        if answer.accepted and digest not in bodies:
            yield f"a message of topic {answer.topic} was answered {answer.status} and is not there"
        if digest in bodies:
            data = json.loads(answer.body)
            newest[answer.topic][data["increment_id"]] = max(
                newest[answer.topic].get(data["increment_id"], ("", "")), (data["updated_at"], data["status"])
            )
    for topic, documents in newest.items():
        for number, (_, status) in documents.items():
            kept = there[f"{topic}s"].get(number)
            if kept != status:
                yield f"{topic} {number} is {kept}, its newest message said {status}"
    heard = {(receiver, event) for receiver, event, _ in there["heard"]}
    yield from (
        f"{receiver} was not told event {event}" for receiver, event in there["calls"] if (receiver, event) not in heard
    )
    owed = {event for receiver, event in there["calls"] if receiver == "shop.every"}
    yield from (f"nobody is owed event {event}" for event, *_ in there["events"] if event not in owed)


def twice(there):
    """Stored twice, happened twice, or heard twice; and what does not follow from what was before."""
    yield from (f"a message is stored {times} times" for times in Counter(there["bodies"]).values() if times > 1)
    happened = Counter((kind, number) for _, kind, number, _ in there["events"] if kind in CREATED)
    yield from (f"{kind} {number} happened {times} times" for (kind, number), times in happened.items() if times > 1)
    heard = Counter((receiver, event) for receiver, event, _ in there["heard"])
    yield from (
        f"{receiver} heard event {event} {times} times" for (receiver, event), times in heard.items() if times > 1
    )
    for topic, kinds in STATUSES.items():
        chains = defaultdict(list)
        for _, kind, number, changes in there["events"]:
            if kind in kinds:
                chains[number].append(changes["status"])
        for number, chain in chains.items():
            if any(former[1] != later[0] for former, later in pairwise(chain)):
                yield f"the changes of {topic} {number} do not follow one another: {chain}"
    told = defaultdict(list)
    for receiver, event, order in there["heard"]:
        told[receiver, order].append(event)
    yield from (
        f"{receiver} heard of order {order} out of sequence"
        for (receiver, order), events in told.items()
        if events != sorted(events)
    )
