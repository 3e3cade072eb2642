"""The page of the signals."""

from collections.abc import Iterator

from docs.reference_pages.docstrings import class_tables, documented_names, parts
from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the signals."""
    from stockhub_webhooks import signals as module
    from stockhub_webhooks.events import ReceiverEvent

    text, _ = parts(module.__doc__, "Arguments")
    yield from ("# Signals", "", HEAD, "", text, "")
    event_types = {signal.name: kind for kind, signal in module.BY_EVENT_TYPE.items()}
    yield from table(
        ["event type", "signal"], ([code(kind), f"[`{name}`](#{name})"] for name, kind in event_types.items())
    )
    sections: dict[type, list[str]] = {module.EventSignal: [], module.OperationalSignal: []}
    for name, docstring in documented_names(module):
        if (kind := type(getattr(module, name))) in sections:
            text, arguments = parts(docstring, "Arguments")
            event_type = f" Event type: `{event_types[name]}`." if name in event_types else ""
            rows = ([code(each), code(type_), meaning] for each, type_, meaning in arguments)
            part = ["", f"## `{name}`", "", f"{text}{event_type}"]
            sections[kind] += [*part, *table(["argument", "type", "meaning"], rows)]
    yield from sections[module.EventSignal]
    yield from ("## The event", "", "`event` is a `stockhub_webhooks.events.ReceiverEvent`:")
    yield from class_tables(ReceiverEvent)
    yield from ("## Operational signals", "")
    yield "They are sent in the process where the fact occurs, and no receiver can make the work fail. Some are sent"
    yield "while Stock Hub waits for its answer: keep their receivers quick."
    yield from sections[module.OperationalSignal]
