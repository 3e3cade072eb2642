"""The tables of docs/guides/privacy.md and SECURITY.md are those of the declaration."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("privacy_tables", DOCS / "privacy_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["docs/guides/privacy.md", "SECURITY.md"])
def test_tables_are_up_to_date(page):
    tables = script()
    (path,) = [each for each in tables.PAGES if each == DOCS.parent / page]
    text = path.read_text(encoding="utf-8")
    assert tables.updated(text, tables.PAGES[path]) == text, "run: python docs/privacy_tables.py"
