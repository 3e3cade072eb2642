"""Test that the README and the guides match the code; `tests/docs` runs their blocks."""

import ast
import inspect
import re
import shlex
import sys
from importlib import import_module
from types import ModuleType, SimpleNamespace

import polib
import pytest
from django.utils.module_loading import import_string

from stockhub_webhooks import exceptions, models, runners, signals, testing
from stockhub_webhooks.contract import topics
from stockhub_webhooks.events import ReceiverEvent
from stockhub_webhooks.management.commands.stockhub_simulate import Command
from stockhub_webhooks.operations import checks
from stockhub_webhooks.operations.checks import keys, tables
from stockhub_webhooks.runners import checks as runner_checks
from stockhub_webhooks.runners.celery import TASK_NAME
from stockhub_webhooks.testing.simulator import scenarios
from tests.docs.pages import PAGES, REPOSITORY, ROOT, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs" / "guides" / "test.md").read_text(encoding="utf-8")
RECEIVERS = (ROOT / "docs" / "guides" / "receivers.md").read_text(encoding="utf-8")
PUBLIC = (ROOT / "docs" / "public-interface.md").read_text(encoding="utf-8")
STOCK_HUB = (ROOT / "docs" / "stock-hub.md").read_text(encoding="utf-8")
BLOCKS = blocks(ROOT / "README.md")


def rows(text):
    """Return the cells of the first table of a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_readme_is_short_and_its_links_work_on_the_page_of_the_registry():
    assert len(README.splitlines()) <= 200
    assert not [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("https://")]


def test_its_two_commands_exist():
    (commands,) = [block.code.split("\n")[:-1] for block in BLOCKS if "run.py" in block.code]
    assert commands == ["python3 run.py demo", "python3 run.py tests"]
    assert all((ROOT / shlex.split(command)[1]).is_file() for command in commands)


def test_the_signal_table_is_the_signals():
    assert {(row[0].strip("`"), row[1].strip("`")) for row in rows(RECEIVERS)} == {
        (kind, signal.name) for kind, signal in signals.BY_EVENT_TYPE.items()
    }


def test_every_status_of_the_answer_table_is_tested():
    view_tests = (ROOT / "tests" / "test_views.py").read_text(encoding="utf-8")
    statuses = re.findall(r"\| (\d{3})\b", STOCK_HUB.split("\n## What it hears from us\n")[1].split("\n## ")[0])
    assert list(dict.fromkeys(statuses)) == ["200", "202", "406", "401", "413", "405", "503"]
    for status in statuses:
        assert f"== {status}" in view_tests


def test_the_packages_of_the_page_are_those_of_the_app():
    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    tree = text.split("\n## The packages\n")[1].split("```")[1]
    named = set(re.findall(r"^(\w+)/ ", tree, re.MULTILINE))
    there = {path.parent.name for path in (ROOT / "stockhub_webhooks").glob("*/__init__.py")}
    assert named == there - {"conf", "exceptions", "management", "migrations", "signals", "templatetags"}


def test_the_public_names_exist():
    named = re.search(r"`stockhub_webhooks.models`: (.*?);", PUBLIC, re.DOTALL).group(1)
    assert all(hasattr(models, name) for name in re.findall(r"`(\w+)`", named))
    for name in ("RetryLater", "PermanentFailure"):
        assert name in RECEIVERS
        assert issubclass(getattr(exceptions, name), Exception)
    operational = re.search(r"\n## Operational signals\n(.*?)\n## ", RECEIVERS, re.DOTALL).group(1)
    assert all(hasattr(signals, name) for name in re.findall(r"`(\w+)`", operational))
    for path in re.findall(r"`(stockhub_webhooks\.[\w.]+)`", PUBLIC):
        if not path.endswith((".wake", ".html", ".urls", "contrib")):
            assert module_or_name(path)


def module_or_name(path):
    """Import a module, or a name of a module."""
    try:
        return import_module(path)
    except ModuleNotFoundError:
        return import_string(path)


def test_what_an_event_has_is_what_the_page_says():
    listed = re.search(r"`event` says what happened \*then\*: (.*?)\. A status", RECEIVERS, re.DOTALL).group(1)
    for name in re.findall(r"`(\w+)(?:\(\))?`", listed):
        assert name in ReceiverEvent.__dataclass_fields__ or hasattr(ReceiverEvent, name), name


def test_the_mail_has_the_six_addresses():
    page = (ROOT / "docs" / "guides" / "install.md").read_text(encoding="utf-8")
    addresses = re.findall(r"  https://shop\.example/api/v1/stockhub/(\S+)", page)
    assert sorted(addresses) == sorted(topics.ALL)


@pytest.fixture
def place(monkeypatch, settings):
    """Place an order in the shop of the README, with the receivers and the resolver that it shows."""
    files = {block.file: block.code for block in BLOCKS if block.language == "python"}
    orders = {}

    class ShopOrder(SimpleNamespace):
        objects = SimpleNamespace(filter=lambda number: SimpleNamespace(first=lambda: orders.get(number)))

        def save(self):
            orders[self.number] = self

    module = ModuleType("orders.stockhub_receivers")
    monkeypatch.setitem(sys.modules, "orders", ModuleType("orders"))
    monkeypatch.setitem(sys.modules, "orders.models", SimpleNamespace(ShopOrder=ShopOrder))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(files["orders/stockhub_receivers.py"], module.__dict__)
    resolver = re.search(r'"HOST_ORDER_RESOLVER": "(.+)"', files["shop/settings.py"]).group(1)
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": resolver}

    def place_order(number):
        order = ShopOrder(number=number, state="placed")
        order.save()
        return order

    yield place_order
    signals.shipment_delivered.disconnect(dispatch_uid="orders.mark_delivered")


def test_the_installation_really_receives(stockhub, place):
    order = place("SHOP-1")
    assert stockhub.deliver("shipment", po_number=order.number, status="DELIVERED").status == 200
    stockhub.run_pending()
    assert order.state == "delivered"


def test_the_installation_waits_for_an_order_that_is_not_there_yet(stockhub, place):
    stockhub.deliver("shipment", po_number="SHOP-1", status="DELIVERED")
    (call,) = stockhub.run_pending()
    assert (call.receiver, call.status, call.attempts) == ("orders.mark_delivered", "pending", 0)
    order = place("SHOP-1")
    stockhub.run_pending()
    assert order.state == "delivered"


def test_the_scenarios_of_the_documentation_are_those_of_the_simulator():
    told = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", TESTING.split("\n## Simulate")[1], re.MULTILINE)
    assert told == [(name, scenario.sentence) for name, scenario in scenarios.BY_NAME.items()]


def test_the_names_of_the_kit_are_those_of_the_documentation():
    rows_ = [line.split(" | ")[0] for line in TESTING.split("\n## Simulate")[0].splitlines() if line.startswith("| `")]
    named = {name for row in rows_ for name in re.findall(r"`(\w+)", row)}
    assert named <= set(testing.__all__)
    for name in named - {"heard", "isolated_receivers"}:
        assert hasattr(testing.Kit, name)
    assert all(f"`{name}`" in TESTING for name in testing.LIVES)


def test_the_simulation_of_the_documentation_is_understood():
    parser = Command().create_parser("manage.py", "stockhub_simulate")
    commands = re.findall(r"stockhub_simulate (https?://.*)", TESTING)
    assert len(commands) == 2
    for command in commands:
        parser.parse_args(shlex.split(command.partition("`")[0]))


def test_the_words_of_the_glossary_are_those_of_the_back_office():
    entries = polib.pofile(ROOT / "stockhub_webhooks" / "locale" / "nl" / "LC_MESSAGES" / "django.po")
    texts = {(entry.msgid, entry.msgstr) for entry in entries}
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = {(row[2], row[3]) for row in rows(page) if len(row) == 4}  # the others have no word there
    assert len(named) > 20
    assert named - texts == set()


def test_every_check_has_an_id_of_its_own():
    everyone = (*checks.every_check(), *runner_checks.CHECKS, *tables.CHECKS, *keys.ONLY_IF_DEPLOYED)
    code = {check: check.__doc__.partition(":")[0] for check in everyone}
    assert len(set(code.values())) == len(everyone)
    for check in everyone:
        assert set(re.findall(r'id="stockhub_webhooks\.(\w+)"', inspect.getsource(check))) == {code[check]}


@pytest.mark.parametrize(
    "page",
    [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_lead_somewhere(page):
    raw = REPOSITORY.replace("https://github.com", "https://raw.githubusercontent.com").replace("/blob/", "/")
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if target.startswith((REPOSITORY, raw)):
            assert (ROOT / target.removeprefix(REPOSITORY).removeprefix(raw)).exists(), target
        else:
            assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_runners_are_compared_and_their_configuration_is_real():
    text = (ROOT / "docs" / "guides" / "runners.md").read_text(encoding="utf-8")
    assert re.findall(r'^\| `"(\w+)"` \|', text, re.MULTILINE) == list(runners.BY_NAME)
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    known = {}
    for code in examples[:-1]:  # the last is of a package that is not ours
        names = {"INSTALLED_APPS": [], "STOCKHUB_WEBHOOKS": {}}
        exec(code, names)
        assert names["STOCKHUB_WEBHOOKS"]["RUNNER"] in runners.BY_NAME
        known |= names
    ast.parse(examples[-1])
    assert {entry["task"] for entry in known["CELERY_BEAT_SCHEDULE"].values()} == {TASK_NAME}
    assert import_string(known["TASKS"]["default"]["BACKEND"])
    for name in re.findall(r"`(stockhub_webhooks\.runners\.[\w.]+)`", text):
        assert import_string(name)
