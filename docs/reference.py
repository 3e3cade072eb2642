"""Write the pages of docs/reference from the code: `python docs/reference.py`. The tests hold that they are current."""

import ast
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDER = DOCS / "reference"
HEAD = "<!-- written by docs/reference.py: change the code, not this page -->"
# The models of docs/public-interface.md; all others may change with any version.
PUBLIC_MODELS = (
    *("Order", "OrderItem", "Address", "Shipment", "ShipmentItem", "Track", "Invoice", "InvoiceItem"),
    *("RMA", "RMAItem", "CreditMemo", "CreditMemoItem", "PaymentRequest", "PaymentRequestItem"),
    *("Message", "Event", "ReceiverCall"),
)
# A value of each setting, as it may be written.
EXAMPLES: dict[str, Any] = {
    "API_KEYS": {"default": ["the-present-key", "the-next-key"], "test": "a-key-to-try-things-out"},
    "REQUIRE_API_KEY": True,
    "RUNNER": "worker",
    "QUEUE": "stockhub",
    "INLINE_BUDGET_SECONDS": 2.0,
    "MAX_BODY_BYTES": 4 * 1024 * 1024,
    "SPOOL_DIR": "/var/lib/shop/stockhub-spool",
    "DATABASE_TIMEOUT_SECONDS": 10.0,
    "NAIVE_TIMEZONE": "Europe/Amsterdam",
    "MAX_ATTEMPTS": 30,
    "BACKOFF_BASE_SECONDS": 60.0,
    "BACKOFF_MAX_SECONDS": 3600.0,
    "LEASE_SECONDS": 30.0,
    "RECEIVER_ALARM_SECONDS": 120.0,
    "TRUSTED_PROXIES": 1,
    "KEEP_REFUSED": 0,
    "KEEP_REFUSED_BYTES": 16 * 1024 * 1024,
    "ALERT": "shop.alarms.send_to_chat",
    "SILENCE_AFTER_HOURS": 12.0,
    "SITE_URL": "https://shop.example",
    "OPENING_HOURS": ("08:00", "18:00"),
    "OPENING_WEEKDAYS": (0, 1, 2, 3, 4),
    "HOST_ORDER_RESOLVER": "shop.stockhub_receivers.find_order",
    "HOST_LINE_RESOLVER": "shop.stockhub_receivers.find_line",
    "HOST_ORDER_NUMBER": "number",
    "RETENTION_DAYS": {"addresses": 365, "events": None},
    "ERASURE_LOG": "/mnt/backup/stockhub-erasures.jsonl",
    "REST_BASE_URL": "https://magento.example/rest/all",
    "REST_TOKEN": "the-token",
    "REST_AUTH": "shop.magento.headers",
    "RECENT_PO_NUMBERS": "shop.stockhub_receivers.recent_numbers",
    "JOURNAL_COPY_DIR": "/mnt/second/stockhub-journal",
    "DEADLINE_DAYS": {"not_sent": 5, "silent_in_transit": None},
    "METRICS": True,
    "METRICS_TOKEN": "a-token-of-its-own",
}
TYPE_NAMES = {"NoneType": "None", "Mapping": "dict"}
UNITS = ("seconds", "bytes", "hours", "days")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table; a bar within a cell is escaped."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([" ".join(cell.split()).replace("|", r"\|") for cell in r] for r in rows)]
    return ["", *(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines), ""]


def code(text: object) -> str:
    """Return the text as code; "" stays empty."""
    return f"`{text}`" if str(text) else ""


def parts(docstring: str | None, title: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Split a docstring into its text and the (name, type, meaning) of a section such as `Attributes`."""
    text, _, section = inspect.cleandoc(docstring or "").partition(f"\n{title}:\n")
    entries = re.split(r"^ {4}(\w+)(?: \((.+?)\))?: ", re.split(r"\n(?=\S)", section)[0], flags=re.MULTILINE)[1:]
    return text.strip(), [
        (name, kind or "", " ".join(meaning.split()))
        for name, kind, meaning in zip(entries[::3], entries[1::3], entries[2::3], strict=True)
    ]


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


def signals() -> Iterator[str]:
    """Yield the page of the signals."""
    from stockhub_webhooks import signals as module
    from stockhub_webhooks.events import ReceiverEvent

    text, _ = parts(module.__doc__, "Arguments")
    yield from ("# Signals", "", HEAD, "", text, "")
    event_types = {signal.name: kind for kind, signal in module.BY_EVENT_TYPE.items()}
    yield from table(
        ["event type", "signal"], ([code(kind), f"[`{name}`](#{name})"] for name, kind in event_types.items())
    )
    sections: dict[type, list[str]] = {module.EventSignal: [], module.OperationalSignal: []}
    for name, docstring in documented_names(module):
        if (kind := type(getattr(module, name))) in sections:
            text, arguments = parts(docstring, "Arguments")
            event_type = f" Event type: `{event_types[name]}`." if name in event_types else ""
            rows = ([code(each), code(type_), meaning] for each, type_, meaning in arguments)
            part = ["", f"## `{name}`", "", f"{text}{event_type}"]
            sections[kind] += [*part, *table(["argument", "type", "meaning"], rows)]
    yield from sections[module.EventSignal]
    yield from ("## The event", "", "`event` is a `stockhub_webhooks.events.ReceiverEvent`:")
    yield from class_tables(ReceiverEvent)
    yield from ("## Operational signals", "")
    yield "They are sent in the process where the fact occurs, and no receiver can make the work fail. Some are sent"
    yield "while Stock Hub waits for its answer: keep their receivers quick."
    yield from sections[module.OperationalSignal]


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


def models() -> Iterator[str]:
    """Yield the page of the models."""
    from stockhub_webhooks import models as module
    from stockhub_webhooks.models import documents

    yield from ("# Models", "", HEAD, "", "From `stockhub_webhooks.models`; their rows are read-only for a shop.")
    yield from (inspect.cleandoc(documents.__doc__ or "").partition("\n\n")[2], "")
    for name in PUBLIC_MODELS:
        model: Any = getattr(module, name)
        yield from (f"## {name}", "", parts(model.__doc__, "Attributes")[0], "")
        meanings = {
            each: meaning
            for base in reversed(model.__mro__)
            if base.__module__.startswith("stockhub_webhooks")
            for each, _, meaning in parts(base.__doc__, "Attributes")[1]
        }
        rows = [[code(each.name), field_type(each), meanings.get(each.name) or meaning_of(each)] for each in own(model)]
        rows += [[code(each), code(kind), text] for each, kind, text in properties(model)]
        yield from table(["field", "type", "meaning"], rows)
        relations = [each for each in model._meta.related_objects if each.related_model.__name__ in PUBLIC_MODELS]
        rows = [
            [
                code(each.get_accessor_name()),
                ("one " if each.one_to_one else "") + reference(each.related_model),
                meanings.get(each.get_accessor_name(), ""),
            ]
            for each in relations
            if each.get_accessor_name()
        ]
        if rows:
            yield from ("Relations from other models:", *table(["name", "model", "meaning"], sorted(rows)))


def own(model: Any) -> Iterator[Any]:
    """Yield the fields that a shop may read."""
    hidden = {"claim", "reading_digest", "search", "keys_due"}
    return (each for each in model._meta.concrete_fields if each.name not in hidden and not each.name.endswith("_key"))


def reference(model: Any) -> str:
    """Return a link to a model of the page, or its name."""
    name = model.__name__
    return f"[`{name}`](#{name.lower()})" if name in PUBLIC_MODELS else f"`{name}`"


def field_type(field: Any) -> str:
    """Return the Python type of a field, with None if it may be that."""
    from django.db import models as django

    types = {
        django.CharField: "str",
        django.TextField: "str",
        django.DecimalField: "Decimal",
        django.BooleanField: "bool",
        django.FloatField: "float",
        django.DurationField: "timedelta",
        django.DateTimeField: "datetime",
        django.DateField: "date",
        django.IntegerField: "int",
        django.UUIDField: "UUID",
        django.BinaryField: "bytes",
        django.JSONField: "dict" if field.default is dict or type(field).__name__ == "ExtraField" else "list",
    }
    if field.remote_field is not None:
        return reference(field.related_model) + (" or None" if field.null else "")
    kind = next((types[base] for base in type(field).__mro__ if base in types), type(field).__name__)
    return code(f"{kind} | None" if field.null and kind != "dict" else kind)


def meaning_of(field: Any) -> str:
    """Return what is known of a field that no docstring explains."""
    from django.db import models as django

    if isinstance(field, django.DecimalField):
        return "amount in `currency`, VAT included"
    choices = ", ".join(f"`{value}`" for value, _ in field.flatchoices if value)
    return f"one of {choices}" if choices else str(field.help_text)


def settings() -> Iterator[str]:
    """Yield the page of the settings."""
    from stockhub_webhooks.conf import conf

    yield from ("# Settings", "", HEAD, "", "Keys of the dict `STOCKHUB_WEBHOOKS`. A misspelt key is an error of the")
    yield from ("system check; a value of another type is one, too, and counts as not set.", "")
    rows = ([f"[`{name}`](#{name.lower()})", value(conf.setting(name).default)] for name in conf.names())
    yield from table(["setting", "default"], rows)
    for name in conf.names():
        setting = conf.setting(name)
        names = dict.fromkeys(TYPE_NAMES.get(each.__name__, each.__name__) for each in setting.types)
        kinds = " or ".join(map(code, names))
        unit = next((f" in {unit}" for unit in UNITS if name.lower().rpartition("_")[2] == unit), "")
        unit = " by kind, in days" if name in ("RETENTION_DAYS", "DEADLINE_DAYS") else unit
        yield from (f"## `{name}`", "", linked(setting.sentence), "")
        yield from (f"- type: {kinds}{unit}", f"- default: {value(setting.default)}")
        yield from (f"- example: {value({name: EXAMPLES[name]})[2:-2].join('``')}", "")


def commands() -> Iterator[str]:
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
    value = "" if action.nargs == 0 else "{" + ",".join(map(str, action.choices)) + "}" if action.choices else name
    if not action.option_strings:
        return f"[{value} …]" if action.nargs in ("*", "?") else f"{value} …" if action.nargs == "+" else value
    longest = max(action.option_strings, key=lambda each: each in ("--no-input", "--dry-run") or len(each))
    return f"{longest} {value}".strip()


def permissions() -> Iterator[str]:
    """Yield the page of the permissions."""
    from django.apps import apps

    from stockhub_webhooks.office.groups import NOT_IN_A_GROUP

    yield from ("# Permissions", "", HEAD, "")
    yield from (
        "Each is `stockhub_webhooks.` and its code name. The groups are those of `stockhub_groups`; a permission",
        "of no group is given by name. Superusers have all of them.",
        "",
    )
    rows, views = [], []
    for model in sorted(apps.get_app_config("stockhub_webhooks").get_models(), key=lambda each: each.__name__):
        for codename, label in model._meta.permissions:
            rows.append([code(codename), str(label), members(codename)])
        view = f"view_{model._meta.model_name}"
        if "view" in model._meta.default_permissions and view not in NOT_IN_A_GROUP:
            views.append([code(view), f"Can view {model._meta.verbose_name_plural}", members(view)])
    yield from table(["code name", "allows", "groups"], sorted(rows, key=lambda row: row[0].strip("`")))
    yield from ("## To view", "", "Without `view_personal_data`, no page shows who the customers are.")
    yield from table(["code name", "allows", "groups"], views)


def members(codename: str) -> str:
    """Return the ready groups that have a permission."""
    from stockhub_webhooks.office.groups import GROUPS

    return ", ".join(name.removeprefix("Stock Hub: ") for name, names in GROUPS.items() if codename in names) or "-"


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


def checks() -> Iterator[str]:
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


def metrics() -> Iterator[str]:
    """Yield the page of the metrics."""
    from stockhub_webhooks.contrib.metrics import counters
    from stockhub_webhooks.contrib.metrics.tables import FROM_TABLES, WITHOUT_DATABASE

    yield from ("# Metrics", "", HEAD, "", linked("How to set them up: [docs/metrics.md](docs/metrics.md)."), "")
    rows = [
        [f"`stockhub_webhooks_{gauge.name}`", "gauge", code(gauge.label), gauge.help]
        for gauge in (*WITHOUT_DATABASE, *FROM_TABLES)
    ]
    for metric in counters.ALL:
        (family,) = metric.describe()
        ending = "_total" if family.type == "counter" else ""
        labels = " ".join(map(code, metric._labelnames))  # type: ignore[attr-defined]
        rows.append([code(f"{family.name}{ending}"), family.type, labels, family.documentation])
    yield from table(["metric", "type", "labels", "what it is"], rows)


def worklists() -> Iterator[str]:
    """Yield the page of the rules of the worklists."""
    from stockhub_webhooks.office.worklists.rules import RULES

    yield from ("# Rules of the worklists", "", HEAD, "")
    yield from ("Keys of `DEADLINE_DAYS`. Days are calendar days since the condition began to hold.", "")
    rows = [
        [code(rule.code), str(rule.label), f"{rule.default_days:g}", rule.holds, rule.begins, code(rule.replaces)]
        for rule in RULES.values()
    ]
    yield from table(["rule", "label", "days", "what holds", "since", "replaces"], rows)


def alarms() -> Iterator[str]:
    """Yield the page of the codes of the alarms."""
    from stockhub_webhooks.admin.labels import ALARMS
    from stockhub_webhooks.operations.health.alarm import LOCAL, MAILED

    yield from ("# Alarm codes", "", HEAD, "")
    yield from (
        "Of `stockhub_status --json`, of the metric `stockhub_webhooks_finding`, and of the list of alarms.",
        "",
    )
    rows = [
        [code(each), str(label), "yes" if each in MAILED else "no", "server" if each in LOCAL else "database"]
        for each, label in ALARMS.items()
    ]
    yield from table(["code", "what it is", "mailed", "about a"], rows)


PAGES = (signals, models, settings, commands, permissions, checks, metrics, worklists, alarms)


def written(page: Callable[[], Iterator[str]]) -> str:
    """Return the text of a page, in English, without empty lines in a row."""
    from django.utils import translation

    with translation.override("en"):
        text = "\n".join(page())
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.host.settings")
    django.setup()
    for page in PAGES:
        (FOLDER / f"{page.__name__}.md").write_text(written(page), encoding="utf-8")
