"""Build the site: `python -m sphinx -W --keep-going -n docs .run/site`.

The build needs no network, no Django and no settings, and its pages load nothing from another host.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/stockhub-webhooks/django-stockhub-webhooks"

project = "stockhub-webhooks"
author = project_copyright = "the authors of stockhub-webhooks"
version = release = re.findall(r'__version__ = "(.+)"', (ROOT / "stockhub_webhooks/__init__.py").read_text())[0]

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
# "cron" and "django" of the fences, as Pygments calls them
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"stockhub-webhooks {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
    "top_of_page_buttons": ["view"],
}


def state_tables(app: Sphinx, document: nodes.document) -> None:
    """Show each state diagram as a table: GitHub draws Mermaid, and the site loads no script for it."""
    for block in list(document.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            block.replace_self(table(re.findall(r"^ +(\S+) --> (\w+)(?:: (.+))?$", block.astext(), re.MULTILINE)))


def table(arrows: list[tuple[str, str, str]]) -> nodes.table:
    """Return a table with a row for each change of state."""
    group = nodes.tgroup(cols=3)
    group += [nodes.colspec(colwidth=width) for width in (20, 20, 60)]
    head = nodes.thead()
    head += row("from", "to", "by")
    body = nodes.tbody()
    for old, new, functions in arrows:
        body += row(old.replace("[*]", "(new)"), new, functions)
    group += [head, body]
    return nodes.table("", group)


def row(*texts: str) -> nodes.row:
    """Return a row of a table."""
    entries = [nodes.entry("", nodes.paragraph(text=text)) for text in texts]
    return nodes.row("", *entries)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what this site does differently."""
    app.connect("doctree-read", state_tables)
    app.add_lexer("cron", __import__("pygments.lexers.shell", fromlist=["BashLexer"]).BashLexer)
    app.add_lexer("mermaid", __import__("pygments.lexers.special", fromlist=["TextLexer"]).TextLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
