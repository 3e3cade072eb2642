"""docs/guides/metrics.md and the code say the same."""

import re
from pathlib import Path

import pytest
import yaml

from stockhub_webhooks.contrib.metrics import counters
from stockhub_webhooks.contrib.metrics.exposition import PREFIX
from stockhub_webhooks.contrib.metrics.tables import FROM_TABLES, WITHOUT_DATABASE
from tests.contrib.metrics.conftest import ADDRESS

TEXT = (Path(__file__).parents[3] / "docs" / "guides" / "metrics.md").read_text(encoding="utf-8")
CONFIGURATIONS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]
RULES = CONFIGURATIONS[1]["groups"][0]["rules"]


def in_code():
    """(name, type, labels, sentence) of each metric."""
    for gauge in (*WITHOUT_DATABASE, *FROM_TABLES):
        yield f"{PREFIX}{gauge.name}", "gauge", [gauge.label] if gauge.label else [], gauge.help
    for metric in counters.ALL:
        (family,) = metric.describe()
        ending = "_total" if family.type == "counter" else ""
        yield f"{family.name}{ending}", family.type, list(metric._labelnames), family.documentation


def samples():
    """The names that Prometheus knows."""
    for name, kind, _, _ in in_code():
        yield from [f"{name}_{end}" for end in ("bucket", "sum", "count")] if kind == "histogram" else [name]


@pytest.mark.parametrize(("name", "kind", "labels", "sentence"), [*in_code()])
def test_a_name_tells_its_unit_and_so_does_its_sentence(name, kind, labels, sentence):
    assert re.fullmatch(rf"{PREFIX}[a-z]+(_[a-z]+)*", name)
    assert name.endswith("_total") == (kind == "counter")
    if name.endswith("_timestamp_seconds"):
        assert sentence.startswith("Unix time")
    elif name.endswith("_seconds"):
        assert sentence.startswith("Seconds")


def test_the_scrape_asks_at_the_address_of_the_documentation():
    (job,) = CONFIGURATIONS[0]["scrape_configs"]
    assert job["metrics_path"] == ADDRESS
    assert job["authorization"] == {"credentials_file": "/etc/prometheus/stockhub-token"}
    assert f'path("{ADDRESS[1:].removesuffix("metrics")}", include("stockhub_webhooks.contrib.metrics.urls"))' in TEXT


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is(rule):
    asked = set(re.findall(rf"{PREFIX}\w+", rule["expr"]))
    assert asked
    assert asked <= set(samples())
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    codes = set(re.findall(r'stockhub_webhooks_finding\{code="(\w+)"\}', rule["expr"]))
    assert codes <= {"no_worker", "refusals"}  # which tests/contrib/metrics/test_tables.py brings about
