"""Test how `benchmarks/chaos.py` judges what it measured."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.resilience.drills import DRILLS, keys
from benchmarks.resilience.scenarios import SCENARIOS
from benchmarks.resilience.table import HEAD, Result, exit_code, table

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "guides" / "performance.md"


def result(contestant="ours", *, has_goal=True, **values):
    return Result("idle_in_tx", contestant, has_goal=has_goal, **{"before": 100.0, "then": 95.0} | values)


@pytest.mark.parametrize(
    ("then", "verdict", "code"), [(90.0, "met", 0), (200.0, "met", 0), (89.9, "missed", 1), (0.0, "missed", 1)]
)
def test_goal_is_nine_tenths_of_the_rate_before(then, verdict, code):
    one = result(then=then)
    assert (one.verdict, exit_code([one], "ours")) == (verdict, code)


def test_contestant_that_did_no_work_before_misses_the_goal():
    one = result(before=0.0, then=100.0)
    assert (one.ratio, one.verdict, exit_code([one], "ours")) == (None, "missed", 1)


@pytest.mark.parametrize("has_goal", [True, False])
@pytest.mark.parametrize("fault", [{"lost": ["one"]}, {"twice": ["one"]}, {"failure": "an error"}])
def test_anything_lost_repeated_or_failed_fails_the_run(fault, has_goal):
    assert exit_code([result(), result(has_goal=has_goal, **fault)], "ours") == 1


def test_drill_without_a_goal_is_only_printed():
    one = result(has_goal=False, then=1.0)
    assert (one.verdict, exit_code([one], "ours")) == ("to compare", 0)


def test_peer_that_misses_a_goal_does_not_fail_the_run():
    assert exit_code([result(), result("peer", then=0.0, lost=["one"])], "ours") == 0


def test_table_has_a_row_for_each_result_and_its_counts():
    lines = table([result(lost=["one", "two"], twice=["three"]), result("peer", before=None, then=None)]).splitlines()
    head, _, ours, peer = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert tuple(head) == HEAD
    assert ours == ["idle_in_tx", "ours", "100.0", "95.0", "0.95", "met", "2", "1"]
    assert peer == ["idle_in_tx", "peer", "–", "–", "–", "missed", "0", "0"]


def test_key_of_two_events_is_reused_and_event_with_two_keys_is_counted(tmp_path):
    heard = [
        ["key", "message", "order.created", "{}"],
        ["key", "message", "order.created", "{}"],  # another attempt
        ["key", "message", "order.created", "{'status': 1}"],  # applied again to an older database
        ["another", "other message", "order.created", "{}"],
    ]
    file = tmp_path / "keys"
    file.write_text("".join(json.dumps(line) + "\n" for line in heard))
    assert keys(file) == ([], 0)
    with file.open("a") as more:
        more.write(json.dumps(["another", "third message", "order.created", "{}"]) + "\n")
        more.write(json.dumps(["new", "message", "order.created", "{}"]) + "\n")
    reused, doubled = keys(file)
    assert (len(reused), doubled) == (1, 1)


def test_each_scenario_says_what_it_does():
    assert all(scenario.what for scenario in (SCENARIOS | DRILLS).values())
    assert not SCENARIOS.keys() & DRILLS.keys()


def test_documentation_lists_all_scenarios_in_their_order():
    text = DOCUMENTATION.read_text(encoding="utf-8").partition("## Disturb it yourself")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", text, re.MULTILINE) == [*SCENARIOS, *DRILLS]
