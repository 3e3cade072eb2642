"""Types as the shop's developer sees them: in mypy with and without Django's plugin, and in basedpyright."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps

from stockhub_webhooks import signals

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "tests" / "typed_shop"
# a cold run reads all of Django's stubs
pytestmark = pytest.mark.timeout(300)
MYPY = """
[mypy]
strict = true
{plugins}
[mypy-stockhub_webhooks.*]
follow_imports = silent
[mypy-environ.*]
ignore_missing_imports = true
[mypy.plugins.django-stubs]
django_settings_module = tests.host.settings
"""


def check(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_with_mypy(path, tmp_path, pytestconfig, plugins=""):
    config = tmp_path / "mypy.ini"
    config.write_text(MYPY.format(plugins=plugins))
    cache = pytestconfig.cache.mkdir("mypy-plugin" if plugins else "mypy")
    return check("mypy", "--config-file", str(config), "--cache-dir", str(cache), str(path))


@pytest.mark.parametrize("plugins", ["plugins = mypy_django_plugin.main", ""], ids=["with the plugin", "without"])
def test_mypy_strict_accepts_the_receivers_and_knows_the_types(plugins, tmp_path, pytestconfig):
    check_with_mypy(SHOP, tmp_path, pytestconfig, plugins)


def attributes(model):
    """Yield the attributes that Django gives a row: fields, foreign keys, reverse relations and labels of choices."""
    for field in model._meta.get_fields():
        if not field.concrete:
            yield field.get_accessor_name()
            continue
        yield from dict.fromkeys([field.name, field.attname])
        if field.choices:
            yield f"get_{field.name}_display()"


def test_the_type_of_each_attribute_of_a_model_is_known_without_the_plugin(tmp_path, pytestconfig):
    models = list(apps.get_app_config("stockhub_webhooks").get_models())
    lines = [f"from {model.__module__} import {model.__name__}" for model in models]
    for model in models:
        lines.append(f"def of_{model.__name__}(row: {model.__name__}) -> None:")
        lines += [f"    reveal_type(row.{name})" for name in attributes(model)]
    file = tmp_path / "revealed.py"
    file.write_text("\n".join(lines))
    types = re.findall(r':(\d+): note: Revealed type is "(.+)"', check_with_mypy(file, tmp_path, pytestconfig))
    assert len(types) == "".join(lines).count("reveal_type") > 500
    unknown = [int(number) for number, revealed in types if "Any" in revealed.split(" | ")]
    assert not [lines[number - 1] for number in unknown]


def test_basedpyright_strict_accepts_the_receivers_and_knows_the_types(tmp_path):
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps({"include": [str(SHOP)], "extraPaths": [str(ROOT)], "typeCheckingMode": "strict"}))
    check("basedpyright", "--project", str(config), "--pythonpath", sys.executable)


def test_wrong_use_is_an_error(tmp_path):
    """The checks above would pass if each attribute were of type Any."""
    file = tmp_path / "wrong.py"
    lines = ["shipment.status.lower()", "shipment.orders", "order.items.get().skus", "order.grand_total.isupper()"]
    file.write_text(
        "from stockhub_webhooks.models import Order, Shipment\n\ndef f(shipment: Shipment, order: Order) -> None:\n    "
        + "\n    ".join(f"print({line})" for line in lines)
    )
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps({"include": [str(file)], "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}))
    with pytest.raises(AssertionError) as failure:
        check("basedpyright", "--project", str(config), "--pythonpath", sys.executable)
    for number in range(4, 4 + len(lines)):
        assert f"wrong.py:{number}:" in str(failure.value)


def test_receivers_can_be_connected():
    import_module("tests.typed_shop.stockhub_receivers")
    connected = {(signal.name, r.identity) for signal in signals.BY_NAME.values() for r in signal.connected()}
    for name, identity in connected:
        assert signals.BY_NAME[name].disconnect(dispatch_uid=identity)
    assert len(connected) == 7


def test_stubs_are_never_imported_at_run_time():
    code = (
        "import django, sys; django.setup(); import stockhub_webhooks.models, stockhub_webhooks.events\n"
        "assert not [name for name in sys.modules if name.startswith(('django_stubs', 'mypy'))]"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.host.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
