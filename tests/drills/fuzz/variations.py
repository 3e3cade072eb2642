"""Variations of the documented bodies: what a sender, a proxy or a new version of Stock Hub could make of them."""

import copy
import json
from dataclasses import dataclass, field

from stockhub_webhooks.contract import topics
from tests.samples import contract
from tests.security.fuzz.mutations import NUMBERS, TEXTS, places, scramble
from tests.serializers.test_body import WRAPPINGS

IDENTITY = ("increment_id", "order_increment_id", "purchase_order_increment_id")
FOREIGN = {
    topic: [
        (name, value)
        for other in topics.ALL
        if other != topic
        for name, value in contract(other).items()
        if name not in contract(topic) and name not in IDENTITY
    ]
    for topic in topics.ALL
}
# far apart, so that a broken byte never makes one number out of another
NUMBERS_OF = {topic: [f"{4 + index}81503926", f"{4 + index}07266841"] for index, topic in enumerate(topics.ALL)}
ORDER_NUMBERS = ["130459772", "195220318", "168937504"]
SEEDED_ORDERS = ["259913046", "284470153"]


@dataclass
class Variation:
    """A request that says something about the document of its topic with its number, and about no other one."""

    topic: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)


def numbered(topic, number, order_number):
    """Return the documented body of a topic with other numbers."""
    body = contract(topic)
    body["purchase_order_increment_id" if topic == topics.PAYMENT_REQUEST else "increment_id"] = number
    if "order_increment_id" in body:
        body["order_increment_id"] = order_number
    return body


def variation(dice):
    """Return one variation."""
    topic = dice.choice(topics.ALL)
    body = numbered(topic, dice.choice(NUMBERS_OF[topic]), dice.choice(ORDER_NUMBERS))
    body["items"] = [copy.deepcopy(body["items"][0]) | {"sku": f"sku-{index}"} for index in range(dice.choice((2, 3)))]
    literals = {}
    for _ in range(dice.choice((0, 1, 1, 2, 3, 8))):
        change(dice, body, literals)
    if dice.random() < 0.3:  # one foreign field never makes another document of it
        name, value = dice.choice(FOREIGN[topic])
        body[name] = value
    text = json.dumps(body, ensure_ascii=dice.random() < 0.5, indent=dice.choice((None, None, 2)))
    for mark, number in literals.items():
        text = text.replace(f'"{mark}"', number)
    if dice.random() < 0.25:
        wrap, headers = WRAPPINGS[dice.choice(sorted(WRAPPINGS))]
        try:
            return Variation(topic, wrap(text), headers)
        except UnicodeError:  # a character that the charset lacks
            pass
    raw = text.encode("utf-8", "surrogatepass")
    return Variation(topic, scramble(dice, raw) if dice.random() < 0.1 else raw)


def change(dice, body, literals):
    """Change one value or name; the numbers of the document stay, but may be written in another way."""
    candidates = [(inside, name) for inside, name in places(body) if inside is not body or name not in IDENTITY]
    if not candidates or dice.random() < 0.05:
        name = dice.choice([name for name in IDENTITY if name in body])
        body[name] = other_spelling(dice, body[name], literals)
        return
    inside, name = dice.choice(candidates)
    value = inside[name]
    way = dice.randrange(8)
    if way == 0 and isinstance(inside, dict):
        del inside[name]
    elif way == 1:
        inside[name] = literal(dice.choice(NUMBERS), literals)
    elif way == 2:
        inside[name] = dice.choice([None, True, [], {}, [[]], [None], {"": None}, 0, 1.5, "", " "])
    elif way == 3:
        inside[name] = dice.choice([[value], {"0": value}, {"value": value}, {"code": value, "label": "x"}, str(value)])
    elif way == 4 and isinstance(inside, dict):
        spelled = dice.choice([name.title().replace("_", ""), f"{name} ", name.upper(), name.replace("_", "-")])
        inside[spelled] = inside.pop(name)
    elif way == 5 and isinstance(inside, dict):
        inside[f"new_{dice.randrange(9)}"] = copy.deepcopy(value)
    elif way == 6 and isinstance(value, list):
        inside[name] = value * dice.choice((2, 3, 20))
    else:
        inside[name] = dice.choice(TEXTS)


def other_spelling(dice, number, literals):
    """Return the same number as another JSON value, or one that cannot be read."""
    if not isinstance(number, str) or not number.isdecimal():
        return number
    return dice.choice(
        [int(number), literal(f"{number}.0", literals), f" {number}\n", {"value": number}, [number], None]
    )


def literal(text, literals):
    """Return a mark that is replaced by a JSON number as it is written."""
    mark = f"literal {len(literals)}"
    literals[mark] = text
    return mark
