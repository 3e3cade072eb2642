"""Test the architecture: imports point down, one module reads the settings, each table by topic has all topics."""

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import stockhub_webhooks
from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery.subjects import BY_NAME
from stockhub_webhooks.models.message import Topic

PACKAGE = "stockhub_webhooks"
FOLDER = Path(stockhub_webhooks.__file__).parent

# From the ground up. A module imports from lower layers only, and from its own package.
# A new name at the root is refused until it has its place here.
LAYERS = (
    "visible",
    "conf exceptions logs contract",
    "db signals serializers",
    "models",
    "purchases receiving",
    "delivery",
    "processing",
    "office",
    "events operations testing",
    "runners",
    "views admin",
    "contrib urls templatetags standby",
    "management apps pytest_plugin",
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names.split()}


def module_name(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# migrations are history, written by Django: they rest on nothing of ours and nothing rests on them
MODULES = {module_name(path): path for path in sorted(FOLDER.rglob("*.py")) if "migrations" not in path.parts}
HOW_IT_WORKS = FOLDER.parent / "docs" / "how-it-works.md"
MIGRATIONS = sorted((FOLDER / "migrations").glob("[0-9]*.py"))


def nodes_at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            yield from nodes_at_run_time(node)


def names_imported(path: Path, module: str = PACKAGE, *, walk=ast.walk) -> Iterator[str]:
    """Every dotted name that a file imports, wherever in it: `from x import y` is x.y."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """Return the module of this package that defines a dotted name, or None."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def imported(module: str, *, walk=ast.walk) -> set[str]:
    """The modules of ours that a module imports, itself left out."""
    return {found for name in names_imported(MODULES[module], module, walk=walk) if (found := module_of(name))} - {
        module
    }


def part(module: str) -> str:
    """Return the first name below the package, which LAYERS assigns to a layer."""
    return module.split(".")[1] if "." in module else ""


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of an import cycle in their order, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_imports_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "order.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "import json.decoder\n"
        "if TYPE_CHECKING:\n    from stockhub_webhooks import apps\n"
        "def inner():\n    from stockhub_webhooks.conf import conf\n"
        "    from ..ledger import owe\n    from . import text\n"
    )
    found = set(names_imported(file, f"{PACKAGE}.models.order"))
    ours = {f"{PACKAGE}.{name}" for name in ("apps", "conf.conf", "ledger.owe", "models.text")}
    assert found == {"typing.TYPE_CHECKING", "json.decoder", *ours}
    assert found - set(names_imported(file, f"{PACKAGE}.models.order", walk=nodes_at_run_time)) == {f"{PACKAGE}.apps"}
    assert module_of(f"{PACKAGE}.conf.conf") == f"{PACKAGE}.conf"
    assert module_of("json.decoder") is None


def test_a_circle_is_found():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


def test_every_module_has_its_place():
    homeless = [module for module in MODULES if part(module) not in {"", *LAYER}]
    assert not homeless, f"say in LAYERS where {homeless} belong"


def test_each_name_in_the_layers_is_a_module_in_one_place():
    assert len(LAYER) == len(" ".join(LAYERS).split())
    assert set(LAYER) <= {part(module) for module in MODULES}


def test_the_documentation_shows_these_layers():
    text = HOW_IT_WORKS.read_text(encoding="utf-8")
    assert " → ".join(f"`{names}`" for names in LAYERS) in " ".join(text.split())


def test_the_documentation_names_files_that_are_there():
    files = set(re.findall(r"`([a-z_/]+\.py)`", HOW_IT_WORKS.read_text(encoding="utf-8")))
    assert len(files) > 20
    assert not {file for file in files if not (FOLDER / file).is_file() and not (FOLDER.parent / file).is_file()}


def imported_from_above(module: str) -> set[str]:
    """Return the modules that a module imports and that are not below it, or in its own package."""
    own = part(module)
    lower = {other for other in LAYER if own and LAYER[other] < LAYER[own]}
    return {other for other in imported(module) if part(other) not in lower | {"", own}}


def test_imports_point_down():
    wrong = {module: imported_from_above(module) for module in MODULES}
    assert not {module: others for module, others in wrong.items() if others}


@pytest.mark.parametrize("package", [module for module, path in MODULES.items() if path.name == "__init__.py"])
def test_no_circles_inside_a_package(package):
    inside = {module for module in MODULES if module == package or module.startswith(f"{package}.")}
    # related models name one another in their types, and only there
    graph = {module: imported(module, walk=nodes_at_run_time) & inside for module in inside}
    assert not circle(graph), "they import one another"


def test_the_package_itself_imports_nothing():
    assert {name.partition(".")[0] for name in names_imported(FOLDER / "__init__.py")} <= {"__future__"}


def test_migrations_import_only_models_and_their_indexes():
    # a migration names a model's default or validator where it needs one
    found = {module_of(name) for path in MIGRATIONS for name in names_imported(path)} - {None}
    assert {part(module) for module in found} <= {"db", "models"}


def test_importing_the_package_needs_no_settings():
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    code = f"import sys, {PACKAGE}; assert 'django' not in sys.modules; print({PACKAGE}.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=FOLDER.parent, env=environment, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", stockhub_webhooks.__version__)


def only_names_the_user_model(path: Path) -> bool:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    used = [node for node in nodes if isinstance(node, ast.Name) and node.id == "settings"]
    harmless = [
        node
        for node in nodes
        if isinstance(node, ast.Attribute) and node.attr == "AUTH_USER_MODEL" and node.value in used
    ]
    return len(used) == len(harmless)


def may_read_the_settings(module: str) -> bool:
    """Return True if a module may import django.conf."""
    return part(module) == "conf" or (part(module) == "models" and only_names_the_user_model(MODULES[module]))


def test_only_conf_reads_the_settings():
    readers = [
        module
        for module, path in MODULES.items()
        if any(f"{name}.".startswith("django.conf.") for name in names_imported(path, module))
    ]
    wrong = [module for module in readers if not may_read_the_settings(module)]
    assert not wrong, f"{wrong} read django.conf.settings; let them ask {PACKAGE}.conf"


def test_no_module_is_a_drawer_for_anything():
    root = FOLDER.parent
    files = [path for name in (PACKAGE, "tests", "example_project") for path in (root / name).rglob("*.py")]
    assert not [path for path in files if path.stem in {"utils", "util", "helpers", "helper", "common", "misc"}]


def test_the_text_of_each_package_names_its_modules():
    """The docstring of a package is the map by which a newcomer finds a module."""
    unnamed, others = {}, {f"{PACKAGE}.management.commands", f"{PACKAGE}.signals"}  # the latter's is for the shop
    for package, path in MODULES.items():
        if path.name == "__init__.py" and package not in others:
            words = set(re.findall(r"\w+", ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))))
            modules = (module.rpartition(".") for module in MODULES)
            unnamed[package] = {name for parent, _, name in modules if parent == package and name not in words}
    assert not {package: names for package, names in unnamed.items() if names}


def test_no_class_has_the_name_of_another():
    places = defaultdict(list)
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name != "Command":  # which Django wants
                places[node.name].append(module)
    assert not {name: modules for name, modules in places.items() if len(modules) > 1}


def tables_by_topic() -> list[str]:
    """Yield each module-level BY_TOPIC as "module:name", found in the source so that a new table is tested, too."""
    found = []
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            found += [f"{module}:{name}" for name in names if name.endswith("BY_TOPIC")]
    return found


def test_the_tables_by_topic_are_found():
    assert {"serializers", "processing"} <= {part(table.partition(":")[0]) for table in tables_by_topic()}


@pytest.mark.parametrize("table", tables_by_topic())
def test_every_table_knows_every_topic(table):
    module, _, name = table.partition(":")
    assert set(getattr(import_module(module), name)) == set(topics.ALL)


def test_every_topic_has_a_word_for_the_office():
    assert set(Topic.values) == set(topics.ALL)


@pytest.mark.parametrize("event_type", signals.BY_EVENT_TYPE)
def test_every_event_has_a_subject(event_type):
    assert event_type.partition(".")[0] in BY_NAME


def test_every_event_has_its_own_signal():
    assert len(set(map(id, signals.BY_EVENT_TYPE.values()))) == len(signals.BY_EVENT_TYPE)
    assert {id(signal) for signal in signals.BY_EVENT_TYPE.values()} | {id(signals.event_recorded)} == {
        id(signal) for signal in signals.BY_NAME.values()
    }


def test_no_lock_of_ours_blocks_rows_with_a_foreign_key():
    """`FOR UPDATE` makes the transaction of a receiver that inserts such a row wait, and waits for it."""
    calls = [
        (module, node.lineno, {keyword.arg for keyword in node.keywords})
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "select_for_update"
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "self")
    ]
    assert calls
    assert [call for call in calls if "no_key" not in call[2]] == []
