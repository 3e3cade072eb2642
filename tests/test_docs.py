"""Test that the README matches the code."""

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from django.utils.module_loading import import_string

from stockhub_webhooks import exceptions, models, runners, signals, testing
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.events import ReceiverEvent
from stockhub_webhooks.management.commands.stockhub_simulate import Command
from stockhub_webhooks.operations import checks
from stockhub_webhooks.operations.checks import keys, tables
from stockhub_webhooks.runners import checks as runner_checks
from stockhub_webhooks.runners.celery import TASK_NAME
from stockhub_webhooks.testing.simulator import scenarios

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs" / "guides" / "test.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def section(title):
    """Return the text under a heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """Return the cells of the first table under a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_it_begins_with_two_commands_of_a_line_each():
    language, code = BLOCKS[0]
    commands = code.strip().splitlines()
    assert language == "sh"
    assert commands == ["python3 run.py demo", "python3 run.py tests"]
    assert all((ROOT / shlex.split(command)[1]).is_file() for command in commands)


def test_the_settings_table_is_the_settings():
    expected = [
        [f"`{name}`", f"`{conf.setting(name).default!r}`", conf.setting(name).sentence] for name in conf.names()
    ]
    assert rows("Settings") == expected


def test_the_signal_table_is_the_signals():
    assert {(row[0].strip("`"), row[1].strip("`")) for row in rows("What your code hears")} == {
        (kind, signal.name) for kind, signal in signals.BY_EVENT_TYPE.items()
    }


def test_every_status_of_the_answer_table_is_tested():
    view_tests = (ROOT / "tests" / "test_views.py").read_text(encoding="utf-8")
    statuses = re.findall(r"\| (\d{3})\b", section("What the sender hears"))
    assert list(dict.fromkeys(statuses)) == ["200", "202", "406", "401", "413", "405", "503"]
    for status in statuses:
        assert f"== {status}" in view_tests


def test_the_tree_names_real_files():
    (tree,) = [code for language, code in BLOCKS if code.startswith("stockhub_webhooks/\n")]
    names = re.findall(r"^(\s*)(\S+)", tree, re.MULTILINE)
    for indent, name in names:
        assert (ROOT / ("stockhub_webhooks" if indent.strip("\n") else "") / name).exists(), name


def test_the_public_names_exist():
    interface = section("Public interface")
    named = re.search(r"`stockhub_webhooks.models`: (.*?);", interface, re.DOTALL).group(1)
    assert all(hasattr(models, name) for name in re.findall(r"`(\w+)`", named))
    heard = section("What your code hears")
    for name in ("RetryLater", "PermanentFailure"):
        assert name in heard
        assert issubclass(getattr(exceptions, name), Exception)
    for name in (
        "message_received",
        "message_processed",
        "message_quarantined",
        "delivery_answered",
        "receiver_called",
        "receiver_failed",
        "receiver_gave_up",
        "silence_detected",
        "backlog_detected",
    ):
        assert f"`{name}`" in heard
        assert hasattr(signals, name)


def test_what_an_event_has_is_what_the_readme_says():
    listed = re.search(r"`event` is of then: (.*?)\.\n", section("What your code hears"), re.DOTALL).group(1)
    for name in re.findall(r"`(\w+)(?:\(\))?`", listed):
        assert name in ReceiverEvent.__dataclass_fields__ or hasattr(ReceiverEvent, name), name


def test_the_mail_has_the_six_addresses():
    (mail,) = [code for language, code in BLOCKS if code.startswith("Dear Winkelstraat")]
    addresses = re.findall(r"https://shop\.example/api/v1/stockhub/(\S+)", mail)
    assert sorted(addresses) == sorted(topics.ALL)


def test_the_code_of_the_installation_compiles():
    (diff,) = [code for language, code in BLOCKS if language == "diff"]
    files = re.split(r"^--- .*\n\+\+\+ b/(\S+)\n@@\n", diff, flags=re.MULTILINE)[1:]
    code = dict(zip(files[::2], files[1::2], strict=True))
    assert set(code) == {"shop/settings.py", "shop/urls.py", "shop/stockhub_receivers.py", "crontab"}
    for name, text in code.items():
        if name.endswith(".py"):
            ast.parse("\n".join(line[1:] for line in text.splitlines() if not line.startswith("-")))
    assert "stockhub_worker --once --max-seconds" in code["crontab"]


@pytest.fixture
def place(monkeypatch, settings):
    """Place an order in the shop of the installation, with the receivers and the resolver that the README shows."""
    (diff,) = [code for language, code in BLOCKS if language == "diff"]
    orders = {}

    class ShopOrder(SimpleNamespace):
        objects = SimpleNamespace(filter=lambda number: SimpleNamespace(first=lambda: orders.get(number)))

        def save(self):
            orders[self.number] = self

    module = ModuleType("shop.stockhub_receivers")
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.models", SimpleNamespace(ShopOrder=ShopOrder))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    source = diff.split("+++ b/shop/stockhub_receivers.py\n@@\n")[1].split("--- a/")[0]
    exec("\n".join(line[1:] for line in source.splitlines()), module.__dict__)
    resolver = re.search(r'"HOST_ORDER_RESOLVER": "(.+)"', diff).group(1)
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": resolver}

    def place_order(number):
        order = ShopOrder(number=number, state="placed")
        order.save()
        return order

    yield place_order
    signals.shipment_delivered.disconnect(dispatch_uid="shop.mark_delivered")


def test_the_installation_really_receives(stockhub, place):
    order = place("SHOP-1")
    assert stockhub.deliver("shipment", po_number=order.number, status="DELIVERED").status == 200
    stockhub.run_pending()
    assert order.state == "delivered"


def test_the_installation_waits_for_an_order_that_is_not_there_yet(stockhub, place):
    stockhub.deliver("shipment", po_number="SHOP-1", status="DELIVERED")
    (call,) = stockhub.run_pending()
    assert (call.receiver, call.status, call.attempts) == ("shop.mark_delivered", "pending", 0)
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
    commands = re.findall(r"stockhub_simulate (https?://.*)", TESTING + README)
    assert len(commands) == 3
    for command in commands:
        parser.parse_args(shlex.split(command.partition("`")[0]))


def test_the_code_that_tests_receivers_runs(tmp_path):
    """Run the code in a separate project, whose shop has the example's receivers."""
    blocks = re.findall(r"```python\n(.*?)```", TESTING + section("Try it, and test it"), re.DOTALL)
    assert len(blocks) == 5
    for number, code in enumerate(blocks):
        (tmp_path / f"test_{number}.py").write_text(code)
    (tmp_path / "conftest.py").write_text(f"{PLUGIN}\nimport pytest\nfrom shop import stockhub_receivers\n{SHOP_ORDER}")
    assert 8 <= len(blocks[0].strip().splitlines()) <= 10
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "example_project", ROOT))),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        "STOCKHUB_API_KEY": "the-key-of-the-documentation-0123456789",
        "VAR_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "pytest", "--ds=project.settings", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


# what pytest finds by itself where the package is installed
PLUGIN = "from stockhub_webhooks.pytest_plugin import pytest_itemcollected, stockhub"
# the shorter examples speak of orders that the shop knows
SHOP_ORDER = """
@pytest.fixture(autouse=True)
def placed_orders(db, request):
    from shop.models import ShopOrder
    from stockhub_webhooks.testing import life
    if "delivered_order" not in request.node.name:
        for number in ("SHOP-1", life("parcels").po_number):
            ShopOrder.objects.create(number=number, customer_email="klant@example.com", total="10.00")
"""


def test_every_check_has_an_id_of_its_own():
    everyone = (*checks.every_check(), *runner_checks.CHECKS, *tables.CHECKS, *keys.ONLY_IF_DEPLOYED)
    code = {check: check.__doc__.partition(":")[0] for check in everyone}
    assert len(set(code.values())) == len(everyone)
    for check in everyone:
        assert set(re.findall(r'id="stockhub_webhooks\.(\w+)"', inspect.getsource(check))) == {code[check]}


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
    ],
)
def test_links_lead_somewhere(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (ROOT / path).parent.joinpath(target).exists(), target


def test_the_runners_are_compared_and_their_configuration_is_real():
    text = (ROOT / "docs" / "guides" / "runners.md").read_text(encoding="utf-8")
    assert re.findall(r'^\| `"(\w+)"` \|', text, re.MULTILINE) == list(runners.BY_NAME)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    known = {}
    for code in blocks[:-1]:  # the last is of a package that is not ours
        names = {"INSTALLED_APPS": []}
        exec(code, names)
        assert names["STOCKHUB_WEBHOOKS"]["RUNNER"] in runners.BY_NAME
        known |= names
    ast.parse(blocks[-1])
    assert {entry["task"] for entry in known["CELERY_BEAT_SCHEDULE"].values()} == {TASK_NAME}
    assert import_string(known["TASKS"]["default"]["BACKEND"])
    for name in re.findall(r"`(stockhub_webhooks\.runners\.[\w.]+)`", text):
        assert import_string(name)
