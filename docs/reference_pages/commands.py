"""The page of the commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.reference_pages.markdown import HEAD, code, table


def page() -> Iterator[str]:
    """Yield the page of the commands."""
    from django.core.management import load_command_class
    from django.core.management.base import BaseCommand

    from stockhub_webhooks.management import commands as package

    common = {action.dest for action in BaseCommand().create_parser("manage.py", "x")._actions} | {"help"}
    yield from ("# Commands", "", HEAD, "")
    yield from ("Of `python manage.py`. Each has Django's own options as well, such as `--verbosity`.", "")
    for path in sorted(Path(package.__path__[0]).glob("stockhub_*.py")):
        parser = load_command_class("stockhub_webhooks", path.stem).create_parser("manage.py", path.stem)
        yield from (f"## `{path.stem}`", "", str(parser.description), "")
        rows = [[code(spelling(action)), action.help or ""] for action in parser._actions if action.dest not in common]
        if rows:
            yield from table(["option", "meaning"], rows)


def spelling(action: Any) -> str:
    """Return an option as it is written, or the name of an argument."""
    name = str(action.metavar or action.dest.upper())
    value = "" if action.nargs == 0 else "{" + ", ".join(map(str, action.choices)) + "}" if action.choices else name
    if not action.option_strings:
        return f"[{value} …]" if action.nargs in ("*", "?") else f"{value} …" if action.nargs == "+" else value
    spelled = max(action.option_strings, key=lambda each: (each == "--no-input", len(each)))
    return f"{spelled} {value}".strip()
