"""The pages of the documentation, and their blocks of code."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/stockhub-webhooks/django-stockhub-webhooks/blob/main/"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```([\w+]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def file(self):
        """Return the file that the first line names, or ""."""
        first = self.code.partition("\n")[0]
        named = re.match(r"(?:#|;|//|\{#|<!--) (\S+)", first)
        return named.group(1).rstrip(",") if named else ""


def blocks(page):
    """Return the blocks of a page, in their sequence."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        indent, language, code = match.groups()
        code = re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        found.append(Block(page.relative_to(ROOT).as_posix(), text.count("\n", 0, match.start()) + 1, language, code))
    return found


ALL = [block for page in PAGES for block in blocks(page)]
