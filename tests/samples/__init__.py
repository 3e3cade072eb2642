"""Bodies like the sender's."""

import json
from pathlib import Path

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples import changed

FOLDER = Path(__file__).parent / "contract"


def contract(topic):
    """The documented example of a topic, as an object of one's own."""
    return json.loads((FOLDER / f"{topic}.json").read_text())


def sample(topic, **changes):
    """The documented example of a topic, changed."""
    return changed(contract(topic), **changes)


ALPHABETICAL = sorted(topics.ALL)
