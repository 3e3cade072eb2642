"""Draw the states of messages and receiver calls into how-it-works.md, from the models' `TRANSITIONS`."""

import os
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("how-it-works.md")
BEGIN, END = "<!-- state diagrams: begin (docs/state_diagram.py) -->", "<!-- state diagrams: end -->"


def updated(text: str) -> str:
    """Return the page with the present diagrams between its two markers."""
    from stockhub_webhooks.models import Message, ReceiverCall

    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    diagrams = ["**Message**", diagram(Message), "**Receiver call**", diagram(ReceiverCall)]
    return before + "\n\n".join([BEGIN, *diagrams, END]) + after


def diagram(model: Any) -> str:
    """Return a Mermaid state diagram: an arrow for each change of status, labelled with the functions that make it."""
    arrows = [f"    [*] --> {model._meta.get_field('status').default}"]
    arrows += [f"    {old} --> {new}: {', '.join(names)}" for (old, new), names in model.TRANSITIONS.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


if __name__ == "__main__":
    import django

    sys.path.insert(0, str(PAGE.parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
    django.setup()
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
