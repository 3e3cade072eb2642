"""Lives of Stock Hub's orders for this shop, by the shop's own order number."""

from datetime import timedelta

from stockhub_webhooks.testing import LIVES, life

SEED = 100


def lives():
    """Some orders of each kind, and those that are edited, split, revived, under way, or say less than others."""
    told = {f"SHOP-{name}-{n}": list(life(name, SEED + n, po_number=f"SHOP-{name}-{n}"))
            for n, name in enumerate([*LIVES] * 3)}  # fmt: skip
    for n in range(3):
        number = f"SHOP-edited-{n}"
        told[number] = edited(list(life("parcels", SEED + 50 + n, po_number=number)))
    for n, name in enumerate(("returned", "happy", "cancelled")):  # two orders of Stock Hub for one of the shop
        number = f"SHOP-split-{n}"
        told[number] = [
            *life("happy", SEED + 60 + n, po_number=number), *life(name, SEED + 70 + n, po_number=number),
        ]  # fmt: skip
    for n, name in enumerate(("happy", "returned", "cancelled")):
        number = f"SHOP-repeated-{n}"
        told[number] = [repeated(step) for step in life(name, SEED + 80 + n, po_number=number)]
    changes = {
        "under way": lambda steps: until(steps, "IN_TRANSIT"),
        "exception": lambda steps: with_statuses(steps, DELIVERED="EXCEPTION"),
        "revived": lambda steps: [steps[0], *cancelled_after(steps[0], minutes=3), *steps[1:]],
        "stopped": lambda steps: [*until(steps, "IN_TRANSIT"), *cancelled_after(steps[0], days=40)],
        "tracked later": tracked_later,
        "numbered later": numbered_later,
        "without sizes": lambda steps: steps,  # see `as_sent`
    }
    for n, (name, change) in enumerate(changes.items()):
        for k, kind in enumerate(("happy", "parcels", "returned")):
            number = f"SHOP-{name.replace(' ', '-')}-{k}"
            told[number] = change(list(life(kind, SEED + 90 + 3 * n + k, po_number=number)))
    return told


def as_sent(number, step):
    """Return the body of a message as Stock Hub sends it; some documents name no sizes."""
    if not number.startswith("SHOP-without-sizes") or step.topic == "order":
        return step.payload
    return step.payload | {"items": [item | {"size": None} for item in step.payload["items"]]}


def repeated(step):
    """Let the document name its first article on a second line."""
    first = step.payload["items"][0]
    again = first | {name: int(f"9{first[name]}") for name in ("id", "item_id") if name in first}
    return step._replace(payload=step.payload | {"items": [*step.payload["items"], again]})


def edited(steps):
    """Cancel the order and continue it under a new number."""
    number = steps[0].payload["increment_id"]

    def moved(step):
        names = {name for name in ("increment_id", "order_increment_id") if step.payload.get(name) == number}
        names -= {"increment_id"} if step.topic != "order" else set()
        return step._replace(payload=step.payload | dict.fromkeys(names, f"{number}-1"))

    return [steps[0], *cancelled_after(steps[0], minutes=3), *map(moved, steps)]


def cancelled_after(step, **time):
    """Yield the message that the order of a step is cancelled."""
    at = step.at + timedelta(**time)
    yield step._replace(payload=step.payload | {"status": "canceled", "updated_at": at.isoformat()}, at=at)


def until(steps, status):
    """Leave out what comes after the first shipment with a status."""
    last = next(n for n, step in enumerate(steps) if step.topic == "shipment" and step.payload["status"] == status)
    return steps[: last + 1]


def with_statuses(steps, **statuses):
    """Let shipments have other statuses, and no date of delivery."""
    return [
        step._replace(payload=step.payload | {"status": statuses[step.payload["status"]], "delivered_at": None})
        if step.topic == "shipment" and step.payload["status"] in statuses
        else step
        for step in steps
    ]


def tracked_later(steps):
    """Let a parcel have no tracking number until it is delivered."""
    return [
        step._replace(payload=step.payload | {"track": None})
        if step.topic == "shipment" and step.payload["status"] != "DELIVERED"
        else step
        for step in steps
    ]


def numbered_later(steps):
    """Leave out the shop's number in all messages but the last one of the order."""
    last = max((step for step in steps if step.topic == "order"), key=lambda step: step.at)
    return [step if step is last else step._replace(payload=step.payload | {"po_number": None}) for step in steps]
