"""Style sheets: another theme of the admin may lack Django's colours."""

import re
from pathlib import Path

import pytest

import stockhub_webhooks

STATIC = Path(stockhub_webhooks.__file__).parent / "static"
SHEETS = sorted(STATIC.rglob("*.css"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_each_variable_of_django_has_a_fallback(sheet):
    own = set(re.findall(r"(--[\w-]+):", sheet.read_text()))
    used = re.findall(r"var\((--[\w-]+)(\s*,[^)])?", sheet.read_text())
    assert [name for name, fallback in used if not fallback and name not in own] == []


def test_there_are_style_sheets():
    assert len(SHEETS) > 5
