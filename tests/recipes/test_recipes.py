"""The recipes of docs/guides/recipes.md: each is a module that runs, and the page shows its code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from stockhub_webhooks import testing

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PAGE = (ROOT / "docs" / "guides" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MODULES = {
    path.stem: f"# shop/recipes/{path.name}\n" + path.read_text(encoding="utf-8")
    for path in (HERE / "project" / "shop" / "recipes").glob("[!_]*.py")
}
PROMISES = (HERE / "shop" / "test_promises.py").read_text(encoding="utf-8")
SETTINGS = [code for code in BLOCKS if code.startswith("# shop/settings.py\n")]
TESTS = [code.partition("\n")[2] for code in BLOCKS if code.startswith("# shop/test_stockhub.py\n")]


def test_every_recipe_is_on_the_page_and_every_block_is_tested():
    shown = [code for code in BLOCKS if code.startswith("# shop/recipes/")]
    assert len(shown) + len(SETTINGS) + len(TESTS) == len(BLOCKS)
    assert sorted(shown) == sorted(MODULES.values())
    assert len(TESTS) == 2
    for code in TESTS:
        assert f"\n\n\n{code[code.index('def test_') :]}\n\n" in PROMISES


@pytest.mark.sqlite  # the shop's own database, whatever the other tests use
def test_every_recipe_passes_its_tests():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (HERE / "project", ROOT)))
    command = [sys.executable, "-m", "pytest", str(HERE / "shop"), "--ds=shop.settings", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("code", SETTINGS)
def test_settings_of_the_page_are_valid(code, monkeypatch):
    monkeypatch.syspath_prepend(HERE / "project")
    for name in re.findall(r'os\.environ\["(\w+)"\]', code):
        monkeypatch.setenv(name, f"a key of its own for {name}")
    named = {"os": os, "STOCKHUB_WEBHOOKS": {"API_KEYS": "the-key-of-the-recipes-0123456789"}}
    exec(code, named)
    resolver = named["STOCKHUB_WEBHOOKS"].pop("HOST_ORDER_RESOLVER", "shop.recipes.orders.find_order")
    assert resolver.rpartition(".")[0].removeprefix("shop.recipes.") in MODULES
    with override_settings(STOCKHUB_WEBHOOKS=named["STOCKHUB_WEBHOOKS"] | {"SPOOL_DIR": HERE}):
        assert [found for found in run_checks() if found.id.startswith("stockhub_webhooks.E")] == []


def test_recipes_use_only_the_public_testing_kit():
    imported = set(re.findall(r"^from (stockhub_webhooks[\w.]*) import", PROMISES, re.MULTILINE))
    assert imported == {"stockhub_webhooks.exceptions", "stockhub_webhooks.models"}
    used = set(re.findall(r"stockhub\.(\w+)\(", PROMISES))
    assert all(hasattr(testing.Kit, name) for name in used)
    assert "replay" in used
