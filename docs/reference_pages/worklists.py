"""The page of the rules of the worklists."""

from collections.abc import Iterator

from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the rules of the worklists."""
    from stockhub_webhooks.office.worklists.rules import RULES

    yield from ("# Rules of the worklists", "", HEAD, "")
    yield from ("Keys of `DEADLINE_DAYS`. Days are calendar days since the condition began to hold.", "")
    rows = []
    for rule in RULES.values():
        replaces = f"; replaces {code(rule.replaces)}" if rule.replaces else ""
        rows.append([f"{code(rule.code)} {rule.label}", f"{rule.default_days:g}", rule.holds + replaces, rule.begins])
    yield from table(["rule", "days", "what holds", "since"], rows)
