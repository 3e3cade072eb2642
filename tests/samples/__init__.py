"""Bodies like the sender's."""

import copy
import json
from pathlib import Path

from stockhub_webhooks import topics

FOLDER = Path(__file__).parent / "contract"


def contract(topic):
    """The documented example of a topic, as an object of one's own."""
    return json.loads((FOLDER / f"{topic}.json").read_text())


def changed(body, **changes):
    """The body with other values; `items__qty=3` changes the first item."""
    body = copy.deepcopy(body)
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if not field:
            body[part] = value
        elif part == "items":
            body["items"][0][field] = value
        else:
            body[part][field] = value
    return body


def sample(topic, **changes):
    """The documented example of a topic, changed."""
    return changed(contract(topic), **changes)


ALPHABETICAL = sorted(topics.ALL)
