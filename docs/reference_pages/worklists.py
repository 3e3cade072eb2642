"""The page of the rules of the worklists."""

from collections.abc import Iterator

from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the rules of the worklists."""
    from stockhub_webhooks.office.worklists.rules import RULES

    yield from ("# Rules of the worklists", "", HEAD, "")
    yield from ("Keys of `DEADLINE_DAYS`. Days are calendar days since the condition began to hold.", "")
    rows = [
        [code(rule.code), str(rule.label), f"{rule.default_days:g}", rule.holds, rule.begins, code(rule.replaces)]
        for rule in RULES.values()
    ]
    yield from table(["rule", "label", "days", "what holds", "since", "replaces"], rows)
