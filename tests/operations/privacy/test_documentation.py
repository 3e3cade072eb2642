"""The tables of docs/guides/privacy.md and SECURITY.md are those of the declaration."""

import pytest

from docs import privacy_tables


@pytest.mark.parametrize("page", ["docs/guides/privacy.md", "SECURITY.md"])
def test_tables_are_up_to_date(page):
    path = privacy_tables.ROOT / page
    text = path.read_text(encoding="utf-8")
    assert privacy_tables.updated(text, privacy_tables.PAGES[path]) == text, "run: python docs/privacy_tables.py"
