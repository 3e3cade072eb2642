"""The pages of docs/reference are what docs/reference.py makes of the code, and say all that they should."""

import re

import pytest

from docs import reference
from docs.reference_pages.checks import every_check
from docs.reference_pages.markdown import FOLDER
from docs.reference_pages.models import PUBLIC_MODELS, own
from docs.reference_pages.settings import EXAMPLES
from stockhub_webhooks import models, signals
from stockhub_webhooks.admin.labels import ALARMS
from stockhub_webhooks.conf import conf
from stockhub_webhooks.management import commands
from stockhub_webhooks.office.groups import GROUPS, NOT_IN_A_GROUP
from stockhub_webhooks.office.worklists.rules import RULES
from stockhub_webhooks.operations.dates import FORMATS
from stockhub_webhooks.operations.health.alarm import MAILED
from tests.test_docs import ROOT

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}


def rows(page, columns):
    """Return the cells of all tables of a page that have so many columns, without code marks."""
    lines = re.findall(r"^\| (.*) \|$", TEXTS[page].replace("| |", "| - |"), re.MULTILINE)
    cells = [[cell.strip("`") for cell in re.split(r"(?<!\\) \| ", line)] for line in lines]
    return [row for row in cells if len(row) == columns and set(row) != {"---"}]


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_is_up_to_date(page):
    assert reference.written(page) == TEXTS[page], "run: python docs/reference.py"


def test_each_page_is_generated():
    assert TEXTS.keys() - {"index"} == reference.PAGES.keys()


def test_the_same_is_written_in_another_language(settings):
    settings.LANGUAGE_CODE = "nl"
    assert reference.written("alarms") == TEXTS["alarms"]


@pytest.mark.parametrize("name", [*conf.names()])
def test_an_example_of_a_setting_is_one_that_it_takes(name, settings):
    example = EXAMPLES[name]
    settings.STOCKHUB_WEBHOOKS = {name: example}
    assert getattr(conf, name) == example
    assert f"## `{name}`" in TEXTS["settings"]


def test_there_is_no_example_without_a_setting():
    assert EXAMPLES.keys() == set(conf.names())


@pytest.mark.parametrize("signal", signals.BY_NAME.values(), ids=lambda signal: signal.name)
def test_each_argument_of_a_signal_has_a_type(signal):
    section = TEXTS["signals"].split(f"## `{signal.name}`\n")[1].split("\n## ")[0]
    types = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", section, re.MULTILINE))
    assert types.keys() == set(signal.arguments) - {"signal", "sender", "event"}
    assert all(types.values())


def test_the_models_are_those_of_the_public_interface():
    page = (ROOT / "docs" / "public-interface.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"`stockhub_webhooks.models`: (.*?);", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(PUBLIC_MODELS)


def test_the_models_that_receivers_get_are_public():
    assert set(PUBLIC_MODELS) <= set(models.__all__)
    named = set(re.findall(r"\b[A-Z]\w+", " ".join(row[1] for row in rows("signals", 3))))
    assert named & set(models.__all__) <= set(PUBLIC_MODELS)


@pytest.mark.parametrize("name", PUBLIC_MODELS)
def test_each_field_of_a_model_has_its_type(name):
    section = TEXTS["models"].split(f"\n## {name}\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \| \S", section, re.MULTILINE))
    assert listed >= {field.name for field in own(getattr(models, name))}


def test_each_permission_is_listed_with_its_groups():
    listed = {row[0]: row[2] for row in rows("permissions", 3)}
    for group, names in GROUPS.items():
        for name in names:
            assert group.removeprefix("Stock Hub: ") in listed[name].split(", ")
    assert not listed.keys() & {name for name in NOT_IN_A_GROUP if name.startswith("view_")}


def test_each_command_has_a_section():
    names = {path.stem for path in (ROOT / "stockhub_webhooks/management/commands").glob("stockhub_*.py")}
    assert commands.__doc__
    assert set(re.findall(r"^## `(\w+)`$", TEXTS["commands"], re.MULTILINE)) == names


def test_each_option_that_takes_a_time_says_how_it_is_written():
    times = [row for row in rows("commands", 2) if row[0].endswith(" DATETIME")]
    assert {row[0].split()[0] for row in times} == {"--since", "--until", "--received-at"}
    assert all(row[1].endswith(FORMATS) for row in times)
    assert not [row for row in rows("commands", 2) if row[0].startswith(("--since", "--until")) and row not in times]


def test_each_check_says_what_to_do():
    listed = rows("checks", 4)[1:]
    assert [row[0] for row in listed] == list(every_check())
    assert all(len(row[2]) > 10 for row in listed)


def test_each_rule_says_when_it_holds_and_since_when():
    assert {row[0].partition("`")[0]: row[1] for row in rows("worklists", 4)[1:]} == {
        rule.code: f"{rule.default_days:g}" for rule in RULES.values()
    }
    assert all(rule.holds and rule.begins for rule in RULES.values())


def test_the_codes_of_the_mails_are_among_the_alarms():
    assert {row[0] for row in rows("alarms", 4)[1:] if row[2] == "yes"} == set(MAILED) <= ALARMS.keys()
