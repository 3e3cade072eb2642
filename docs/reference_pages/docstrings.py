"""What docstrings say of the classes and names of the public interface."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from docs.reference_pages.markdown import code, table


def parts(docstring: str | None, title: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Split a docstring into its text and the (name, type, meaning) of a section such as `Attributes`."""
    text, _, section = inspect.cleandoc(docstring or "").partition(f"\n{title}:\n")
    entries = re.split(r"^ {4}(\w+)(?: \((.+?)\))?: ", re.split(r"\n(?=\S)", section)[0], flags=re.MULTILINE)[1:]
    return text.strip(), [
        (name, kind or "", " ".join(meaning.split()))
        for name, kind, meaning in zip(entries[::3], entries[1::3], entries[2::3], strict=True)
    ]


def documented_names(module: Any) -> Iterator[tuple[str, str]]:
    """Yield each name of a module that is followed by a docstring, with this."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, after in pairwise(body):
        if isinstance(statement, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield statement.targets[0].id, str(after.value.value)  # type: ignore[attr-defined]


def class_tables(described: type) -> Iterator[str]:
    """Yield the attributes and the methods of a dataclass."""
    meanings = {name: meaning for name, _, meaning in parts(described.__doc__, "Attributes")[1]}
    annotations = {name: str(kind) for name, kind in described.__annotations__.items() if name in meanings}
    rows = [[code(name), code(kind.split("=")[0].strip()), meanings[name]] for name, kind in annotations.items()]
    rows += [[code(name), code(returns), meaning] for name, returns, meaning in properties(described)]
    yield from table(["attribute", "type", "meaning"], rows)
    for name, method in vars(described).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            text, arguments = parts(method.__doc__, "Args")
            text = text.partition("\nRaises:")[0].strip()
            names = ", ".join(each for each in inspect.signature(method).parameters if each != "self")
            raised = [f"- raises `{each}`: {meaning}" for each, _, meaning in parts(method.__doc__, "Raises")[1]]
            listed = [f"- `{each}`: {meaning}" for each, _, meaning in arguments]
            yield from (f"`{name}({names})`", "", text, "", *listed, *raised, "")


def properties(described: type) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and first sentence of each public property, those of base classes of ours first."""
    found: dict[str, tuple[str, str]] = {}
    for base in reversed(described.__mro__):
        for name, value in vars(base).items() if base.__module__.startswith("stockhub_webhooks") else ():
            function = getattr(value, "fget", None) or getattr(value, "func", None)
            if function is not None and not name.startswith("_"):
                text = inspect.cleandoc(function.__doc__ or "").split("\n\n")[0]
                found[name] = (str(function.__annotations__.get("return", "")), text)
    return ((name, kind, text) for name, (kind, text) in found.items())
