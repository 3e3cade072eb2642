"""The page of the system checks, whose hints are read from their source."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from docs.reference_pages.markdown import HEAD, table


def page() -> Iterator[str]:
    """Yield the page of the system checks."""
    yield from ("# System checks", "", HEAD, "")
    yield from (
        "`python manage.py check` runs them, and `stockhub_doctor` with everything else. An error (E) means that",
        "messages are lost or nothing works, a warning (W) that it works and could be better.",
        '`SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.W019"]` silences one.',
        "",
        "Those *with a database* ask it, so they run with `check --database default`, `migrate` and `stockhub_doctor`",
        "alone; no other one connects to anything. … stands for what the check finds.",
        "",
    )
    rows = [
        [name, re.sub(r"^\w+: ", "", inspect.cleandoc(check.__doc__).split("\n\n")[0]), hints(check), when]
        for name, (check, when) in every_check().items()
    ]
    yield from table(["id", "what is wrong", "what to do", "runs"], rows)
    yield from (
        "A receiver that is async, takes no `**kwargs` or has no lasting identity, and two of one identity on the same",
        "signal, are refused when they are connected (`ReceiverRefused`), so that no process starts without them.",
        "",
        "The findings are in English whatever the language, as those of Django are: they are looked up by their words.",
    )


def every_check() -> dict[str, tuple[Any, str]]:
    """Return the function of each system check and when it runs, by id."""
    from stockhub_webhooks.operations import checks as module
    from stockhub_webhooks.operations.checks import keys, tables
    from stockhub_webhooks.runners import checks as of_runners

    groups = (
        ([*module.every_check(), *of_runners.CHECKS], "always"),
        (tables.CHECKS, "with a database"),
        (keys.ONLY_IF_DEPLOYED, "`--deploy`"),
    )
    found = {check.__doc__.partition(":")[0]: (check, when) for group, when in groups for check in group}
    return dict(sorted(found.items()))


def hints(check: Callable[..., Any]) -> str:
    """Return the hints of a check, as its source has them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(check))))
    names = {**check.__globals__, "local": {}}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names["local"].setdefault(node.targets[0].id, node.value)
    found = [
        text_of(keyword.value, names)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "hint"
    ]
    said = [code_free(hint.removeprefix("… ")) for hint in dict.fromkeys(found) if re.search(r"\w", hint)]
    return " Or: ".join(said) or "the check says what"


def code_free(hint: str) -> str:
    """Return a hint whose characters Markdown leaves alone."""
    return re.sub(r"[<*]", r"\\\g<0>", re.sub(r"__\w+__\.py", r"`\g<0>`", hint))


def text_of(node: ast.expr, names: dict[str, Any]) -> str:
    """Return the text of an expression, with … for what is only known when it runs."""
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(text_of(part, names) for part in node.values)
        case ast.FormattedValue():
            return text_of(node.value, names)
        case ast.IfExp():
            return " Or: ".join(filter(None, (text_of(node.body, names), text_of(node.orelse, names))))
        case ast.Name() if isinstance(value := names.get(node.id), (str, int)):
            return str(value)
        case ast.Name() if node.id in names["local"]:
            return text_of(names["local"].pop(node.id), names)
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List(elts=elements)]):
            return " ".join(text_of(element, names) for element in elements)
    return "…"
