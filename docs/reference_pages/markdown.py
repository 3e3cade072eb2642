"""Markdown of the pages: the note at the top, tables, code and links."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FOLDER = DOCS / "reference"
HEAD = "<!-- written by docs/reference.py: change the code, not this page -->"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table; a bar within a cell is escaped."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([" ".join(cell.split()).replace("|", r"\|") for cell in r] for r in rows)]
    return ["", *(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines), ""]


def code(text: object) -> str:
    """Return the text as code; "" stays empty."""
    return f"`{text}`" if str(text) else ""


def linked(sentence: str) -> str:
    """Return a sentence whose links to pages of docs start at the reference instead of the root."""

    def link(match: re.Match[str]) -> str:
        (page,) = (each for each in DOCS.rglob(match[1]) if each.parent != FOLDER)
        title = page.read_text(encoding="utf-8").partition("\n")[0].strip("# ")
        return f"[{title}]({Path(os.path.relpath(page, FOLDER)).as_posix()})"

    return re.sub(r"\[docs/[\w/-]+\.md\]\(docs/(?:[\w-]+/)*([\w-]+\.md)\)", link, sentence)


def value(setting: object) -> str:
    """Return the value of a setting as it is written in the settings."""
    return code(repr(setting).replace("'", '"'))
