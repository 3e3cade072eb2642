"""Write the pages of docs/reference from the code: `python docs/reference.py`. The tests hold that they are current."""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.reference_pages import (
    alarms,
    checks,
    commands,
    markdown,
    metrics,
    models,
    permissions,
    settings,
    signals,
    worklists,
)

MODULES = (signals, models, settings, commands, permissions, checks, metrics, worklists, alarms)
PAGES = {module.__name__.rpartition(".")[2]: module.page for module in MODULES}


def written(name: str) -> str:
    """Return the text of a page, in English, without empty lines in a row."""
    from django.utils import translation

    with translation.override("en"):
        text = "\n".join(PAGES[name]())
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
    django.setup()
    for name in PAGES:
        (markdown.FOLDER / f"{name}.md").write_text(written(name), encoding="utf-8")
