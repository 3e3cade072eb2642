"""Write the tables of personal data into guides/privacy.md and SECURITY.md, from `models/personal.py`."""

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = {
    ROOT / "docs" / "guides" / "privacy.md": ("terms", "tables"),
    ROOT / "SECURITY.md": ("tables",),
}


def updated(text: str, parts: tuple[str, ...]) -> str:
    """Return the page with the present tables between their markers."""
    for part in parts:
        begin, end = f"<!-- {part}: begin (docs/privacy_tables.py) -->", f"<!-- {part}: end -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = "\n".join([f"{before}{begin}", *PARTS[part](), f"{end}{after}"])
    return text


def terms() -> list[str]:
    """Return the table of the kinds of retention."""
    from stockhub_webhooks.models.personal import DEFAULT_DAYS, UNTIL_SET

    rows = ["| kind | days | removed before `RETENTION_DAYS` is set |", "| --- | --- | --- |"]
    for kind, days in DEFAULT_DAYS.items():
        rows.append(f"| `{kind}` | {'kept' if days is None else days} | {'yes' if kind in UNTIL_SET else 'no'} |")
    return rows


def tables() -> list[str]:
    """Return the table of our tables that hold personal data."""
    from stockhub_webhooks.models.personal import DEFAULT_DAYS, KEPT, RETENTION

    rows = ["| table | what it holds | personal columns | kind | days |", "| --- | --- | --- | --- | --- |"]
    for name, rule in RETENTION.items():
        if not (rule.personal or rule.holds):
            continue
        columns = ", ".join(f"`{column}`" for column in sorted(rule.personal)) or "-"
        days: Any = DEFAULT_DAYS.get(rule.kind)
        kind = rule.kind if rule.kind == KEPT else f"`{rule.kind}`"
        rows.append(f"| `{name}` | {rule.holds or '-'} | {columns} | {kind} | {'kept' if days is None else days} |")
    return rows


PARTS = {"terms": terms, "tables": tables}

if __name__ == "__main__":
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
    django.setup()
    for page, parts in PAGES.items():
        page.write_text(updated(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
