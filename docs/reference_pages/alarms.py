"""The page of the codes of the alarms."""

from collections.abc import Iterator

from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the codes of the alarms."""
    from stockhub_webhooks.admin.labels import ALARMS
    from stockhub_webhooks.operations.health.alarm import LOCAL, MAILED

    yield from ("# Alarm codes", "", HEAD, "")
    yield from (
        "Of `stockhub_status --json`, of the metric `stockhub_webhooks_finding`, and of the list of alarms.",
        "",
    )
    rows = [
        [code(each), str(label), "yes" if each in MAILED else "no", "server" if each in LOCAL else "database"]
        for each, label in ALARMS.items()
    ]
    yield from table(["code", "what it is", "mailed", "about a"], rows)
