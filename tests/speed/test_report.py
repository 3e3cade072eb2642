"""What `benchmarks/speed.py` says of what it found, and how it draws it."""

import itertools
import json
import os
from xml.etree import ElementTree

import pytest

from benchmarks import speed
from benchmarks.measure import parts, pictures, processes, rounds
from benchmarks.measure.findings import Findings, errors_of
from benchmarks.measure.goals import GOALS
from benchmarks.measure.payload import PLACE, order, with_number
from benchmarks.measure.plots import LABEL_PIXELS, Chart, draw
from benchmarks.measure.report import BEGIN, END, Report
from benchmarks.measure.sizes import FULL, SMOKE
from stockhub_webhooks import serializers
from tests.samples import contract

pytestmark = pytest.mark.sqlite  # the same on every database
SVG = "{http://www.w3.org/2000/svg}"


def report(*, judged=True, **values):
    found = Report(FULL, judged=judged)
    for part in {goal.part for goal in GOALS}:
        found.add(part, Findings({goal.key: values[goal.key] for goal in GOALS if goal.key in values}))
    return found


def row(found, begins_with):
    return next(row for row in found.rows() if row[0].startswith(begins_with))


# ---------------------------------------------------------------- verdicts


def test_every_part_of_the_table_can_be_asked_for_and_has_goals():
    assert tuple(parts.PARTS) == speed.PARTS
    assert tuple(parts.EXTRAS) == tuple(speed.EXTRAS)
    assert {goal.part for goal in GOALS} == set(parts.PARTS)
    assert len({goal.key for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize(("value", "verdict"), [(1.25, "met"), (1.3, "met"), (1.24, "missed")])
def test_a_lower_bound_is_met_or_missed(value, verdict):
    assert row(report(accept_rate=value), "accept ÷ bare, rate")[1:] == ("≥ 1.25", f"{value:.2f}", verdict)


@pytest.mark.parametrize(("value", "verdict"), [(10, "met"), (11, "missed")])
def test_an_upper_bound_is_met_or_missed(value, verdict):
    found = report(inline_60=value)
    assert row(found, "inline, statements of an order of 60")[1:] == ("≤ 10", str(value), verdict)


def test_what_only_runs_is_not_judged():
    assert row(report(judged=False, accept_rate=0.1), "accept ÷ bare, rate")[3] == "not judged"


def test_what_has_no_bound_is_there_to_compare():
    assert row(report(drf_rate=0.2), "a nested ModelSerializer ÷ bare")[3] == "to compare"


def test_what_was_left_out_says_why():
    found = Report(FULL, judged=True)
    found.add("answers", Findings(left_out={"accept_stripe": "peers are left out here"}))
    assert row(found, "accept ÷ dj-stripe")[2:] == ("–", "left out: peers are left out here")


def test_errors_are_noted():
    assert errors_of({"a": [{"errors": 0}], "b": [{"errors": 1}, {"errors": 2}]}) == [
        "b had 3 errors: its figures do not count"
    ]


# ---------------------------------------------------------------- turns


def test_each_contestant_runs_once_a_round_and_none_is_always_first():
    ran = []
    contestants = {name: lambda name=name: ran.append(name) or {"rate": len(ran)} for name in "abc"}
    runs = rounds.take_turns(contestants, 3)
    assert ran == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [run["rate"] for run in runs["a"]] == [1, 6, 8]
    assert rounds.median(runs["a"], "rate") == 6


def test_a_ratio_is_the_median_of_the_ratios_within_each_round():
    runs = {"ours": [{"rate": 10}, {"rate": 90}, {"rate": 4}], "bare": [{"rate": 10}, {"rate": 30}, {"rate": 2}]}
    assert rounds.ratio(runs, "ours", "bare", "rate") == 2
    assert rounds.ratio({"ours": [{"rate": 1}], "bare": [{"rate": 0}]}, "ours", "bare", "rate") is None


def test_cpu_time_and_memory_are_those_of_living_processes():
    before = processes.cpu_seconds(os.getpid())
    sum(n * n for n in range(10**6))
    assert processes.cpu_seconds(os.getpid()) >= before
    assert processes.memory_bytes(os.getpid()) > 10**6
    assert processes.memory_bytes(2**22 + 1) == 0


# ---------------------------------------------------------------- the message


def test_the_message_is_the_contracts_order_with_three_lines_and_a_number_of_its_own():
    reading = serializers.read(with_number("42"), "order")
    assert reading.increment_id == "42"
    assert not reading.notes
    assert order()["po_number"] == f"PO-{PLACE}"
    assert len(order()["items"]) == 3
    assert order().keys() == contract("order").keys()


# ---------------------------------------------------------------- what is kept


def test_everything_is_kept_as_json(tmp_path):
    found = report(accept_rate=1.3)
    found.write_json(tmp_path / "speed.json")
    kept = json.loads((tmp_path / "speed.json").read_text())
    assert {"what": "accept ÷ bare, rate", "goal": "≥ 1.25", "measured": "1.30", "verdict": "met"} in kept["rows"]
    assert kept["sizes"]["messages"] == 1_000_000
    assert kept["machine"]["cores"] >= 1
    assert kept["parts"]["answers"]["values"] == {"accept_rate": 1.3}


def test_the_table_goes_between_the_marks_and_nothing_else_changes(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"# Before\n{BEGIN}\nold\n{END}\nafter\n")
    found = report(accept_rate=1.3)
    found.findings["answers"].notes.append("a note")
    picture = tmp_path / "plots" / "rate-by-clients.svg"
    for _ in range(2):
        found.write_docs(page, [picture])
        text = page.read_text()
        assert text.startswith(f"# Before\n{BEGIN}\n")
        assert text.endswith(f"- a note\n\n![rate by clients](plots/rate-by-clients.svg)\n\n{END}\nafter\n")
        assert found.table() in text
        assert "\nold\n" not in text


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "other.md"
    page.write_text("# Other\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        report().write_docs(page)
    assert page.read_text() == "# Other\n"


# ---------------------------------------------------------------- pictures

RATES = {
    number: {
        name: [{"rate": base * int(number)}]
        for name, base in (("accept", 90), ("inline", 30), ("bare", 31), ("drf", 9))
    }
    for number in ("1", "8", "64")
}
P99 = {runner: {size: [{"p99": 10.0}] for size in ("0", "100000", "1000000")} for runner in ("worker", "inline")}
WAITING = [[n / 2, n * (100 - n)] for n in range(101)]


def drawn():
    found = {"clients": Findings(runs=RATES), "sizes": Findings(runs=P99), "peak": Findings(runs={"waiting": WAITING})}
    return pictures.of(found)


def test_each_plot_is_well_formed_and_says_in_words_what_it_shows():
    assert set(drawn()) == {"rate-by-clients.svg", "p99-by-table-size.svg", "waiting-at-the-peak.svg"}
    for text in drawn().values():
        root = ElementTree.fromstring(text)
        assert root.find(f"{SVG}title").text
        assert "from" in root.find(f"{SVG}desc").text
        assert "prefers-color-scheme:dark" in root.find(f"{SVG}style").text


def test_nothing_is_drawn_of_what_was_not_measured():
    assert pictures.of({"answers": Findings()}) == {}


def test_every_point_lies_within_the_frame():
    for text in drawn().values():
        for line in ElementTree.fromstring(text).iter(f"{SVG}polyline"):
            for point in line.get("points").split():
                x, y = map(float, point.split(","))
                assert 64 <= x <= 570
                assert 64 <= y <= 344


def test_names_of_lines_that_end_together_do_not_overlap():
    lines = {name: [(0, 1), (1, 5)] for name in ("one", "two", "<three>")}
    root = ElementTree.fromstring(draw(Chart("t", "x", "y", lines)))
    heights = [float(text.get("y")) for text in root.iter(f"{SVG}text") if text.get("class") == "name"]
    assert [round(b - a) for a, b in itertools.pairwise(heights)] == [LABEL_PIXELS] * 2


def test_a_flat_line_at_nothing_can_be_drawn():
    assert ElementTree.fromstring(draw(Chart("t", "x", "y", {"none": [(0, 0), (0, 0)]}))) is not None


# ---------------------------------------------------------------- the command line


def chosen(*arguments):
    options = speed.parser().parse_args(arguments)
    return [name for name, _ in speed.chosen_parts(options)], speed.chosen_sizes(options)


def test_without_arguments_the_whole_table_is_measured():
    assert chosen() == (list(speed.PARTS), FULL)


def test_only_some_parts_can_be_asked_for():
    assert chosen("--only", "worker", "answers")[0] == ["answers", "worker"]
    assert chosen("--simulate-peak")[0] == ["peak"]
    assert chosen("--only", "worker", "--simulate-peak")[0] == ["worker", "peak"]


def test_plots_need_two_more_parts():
    assert chosen("--plots", "x")[0] == [*speed.PARTS, "clients", "sizes"]
    assert chosen("--plots", "x", "--only", "worker")[0] == ["worker"]


def test_sizes_are_as_asked_for():
    sizes = chosen("--smoke", "--rounds", "3", "--seconds", "2")[1]
    assert (sizes.rounds, sizes.seconds, sizes.messages) == (3, 2, SMOKE.messages)
