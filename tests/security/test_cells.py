"""Cells of an export: no text from outside is computed by the program that opens the file."""

import csv
import io

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.office.export import sheet
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.visible import visible
from tests.samples import contract

SIGNS = "=+-@＝＋－＠"
BLANKS = [
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\x00",
    "\x0b",
    "\x0c",
    "\u00a0",
    "\u2007",
    "\u202f",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u200e",
    "\u202e",
    "\x1f",
]
FORMULAS = ["cmd|'/C calc'!A0", '1+1;"x"', 'HYPERLINK("https://evil.example")', "SUM(A1:A9)"]


def is_formula(text):
    """Return True if a program might compute the text: a sign, after characters that cannot be seen."""
    visible = "".join(char for char in text if char.isprintable() and not char.isspace())
    return text[:1] in ("\t", "\r", "\n") or visible[:1] in tuple(SIGNS)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("blank", BLANKS)
def test_formula_becomes_text_whatever_precedes_it(sign, blank):
    for formula in FORMULAS:
        assert sheet.cell(f"{blank}{sign}{formula}").startswith("'")
        assert sheet.cell(f"{blank}{blank}{sign}{formula}").startswith("'")


@given(st.text(alphabet=st.sampled_from([*SIGNS, *"".join(BLANKS), "1", "A", "(", ";", '"', "'", "|"]), max_size=8))
def test_no_text_becomes_a_formula_and_text_is_only_marked(text):
    made = sheet.cell(text)
    assert not is_formula(made)
    readable = visible(text.replace("\r\n", "\n").replace("\r", "\n"))
    assert made.replace("'", "") == readable.replace("'", "")


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_text_breaks_out_of_its_cell(texts):
    (line,) = sheet.lines([texts])
    (row,) = csv.reader(io.StringIO(line.removeprefix(sheet.BYTE_ORDER_MARK), newline=""), delimiter=";")
    assert row == [sheet.cell(text) for text in texts]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("topic", TABLES)
def test_formula_in_a_message_is_text_in_the_file(post, staff, topic):
    def infect(value):
        if isinstance(value, dict):
            return {name: infect(part) for name, part in value.items()}
        if isinstance(value, list):
            return [infect(part) for part in value]
        return f"=cmd|{value}" if isinstance(value, str) and not value[:4].isdigit() else value

    body = infect(contract(topic))
    assert post(topic, body).status_code == 200
    days = {"topic": topic, "first": "2000-01-01", "last": "2100-01-01"}
    answer = staff.post(reverse("admin:stockhub_webhooks_export"), days)
    text = b"".join(answer).decode("utf-8-sig") if answer.streaming else answer.content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert not [cell for cell in cells if is_formula(cell) and not cell.lstrip("-").replace(",", "").isdigit()]
    assert any(cell.startswith("'=cmd") for cell in cells), cells
