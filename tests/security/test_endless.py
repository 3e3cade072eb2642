"""No page without an end: the work for each page, answer and command grows no faster than its data.

Work is counted, not timed: calls of Python functions, lines that run in this package, and statements.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import get_commands
from django.db import connection, transaction

import stockhub_webhooks
from stockhub_webhooks.db.throttle import Throttle
from tests.security import large
from tests.security.doors import ELSEWHERE, addresses, commands, doors, patterns
from tests.security.pages import APP

PACKAGE = str(Path(stockhub_webhooks.__file__).parent)
SIZES = (10, 110, 310)
# Calls and lines for each row. The steps with many rows may be these times those with few, and some for what only
# begins with many: links to other parts, a search with several results.
SLACK, FREE = 1.5, 150
MOST_FOR_A_ROW = 2000  # a story of 10,000 lines then takes two seconds
STATEMENTS = 6  # more with many rows: those that count the rows of a part
ROWS_FOR_A_STATEMENT = 20  # of a command or a file, which read in batches
MOST_CHARACTERS = 300_000
# Each row that a worklist opens is locked and recorded with its event in a transaction of its own.
OPENS_ROWS, STATEMENTS_FOR_AN_OPENED_ROW, STEPS_FOR_AN_OPENED_ROW = "stockhub_worker", 12, 20_000
READS_BODIES = "admin:stockhub_webhooks_order_erase"  # of messages that no column attributes to an order, in batches
SHOWN_TO_PEOPLE = ("admin:", "box", "tag")
OF_DJANGO = ("_add", "_delete", "_history")


class Work(NamedTuple):
    """What one door costs."""

    steps: int
    statements: int
    characters: int


class Counter:
    """Counts calls, the lines that run in this package, and statements, while it is entered."""

    def __init__(self):
        self.steps = 0
        self.statements = 0

    def __enter__(self):
        self.former = sys.gettrace()
        sys.settrace(self.called)
        return self

    def __exit__(self, *_):
        sys.settrace(self.former)

    def executed(self, execute, *arguments):
        self.statements += 1
        return execute(*arguments)

    def called(self, frame, event, argument):
        self.steps += 1
        frame.f_trace_lines = frame.f_code.co_filename.startswith(PACKAGE)
        return self.ran if frame.f_trace_lines else None

    def ran(self, frame, event, argument):
        self.steps += event == "line"
        return self.ran


class _Undone(Exception):
    """Takes back what was inserted for one size."""


def fill_caches(http):
    """Open each door once, so that what is read and compiled at the first time is not counted."""
    with suppress(_Undone), transaction.atomic():
        large.fill(SIZES[0])
        for _name, door in doors(http):
            door()
        raise _Undone


def measured(http, count):
    """Return the work of each door with `count` rows of each kind; nothing is kept."""
    found = {}
    with suppress(_Undone), transaction.atomic():
        large.fill(count)
        for name, door in doors(http):
            counter = Counter()
            for throttle in Throttle.instances:
                throttle.reset()  # each call does all of its work, however soon after the last one
            with connection.execute_wrapper(counter.executed), counter:
                shown = door()
            found[name] = Work(counter.steps, counter.statements, len(shown))
        raise _Undone
    return found


@pytest.fixture
def host(settings):
    """Allow the forms of the admin, and show metrics; left-over work is the worker's, which is measured by itself."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"METRICS": True, "RUNNER": "worker"}


def faults(name, few, some, many):
    """Yield what is wrong with the growth of one door's work."""
    more, rows = SIZES[1] - SIZES[0], SIZES[2] - SIZES[1]
    first, then = (some.steps - few.steps) / more, (many.steps - some.steps) / rows
    if then > SLACK * max(first, 0) + FREE:
        yield f"{name}: {first:.0f} steps a row with few rows, {then:.0f} with many"
    if then > (STEPS_FOR_AN_OPENED_ROW if name == OPENS_ROWS else MOST_FOR_A_ROW):
        yield f"{name}: {then:.0f} steps a row"
    reads_in_batches = ":" not in name or name.startswith(READS_BODIES)
    allowed = rows / ROWS_FOR_A_STATEMENT if reads_in_batches else 0
    if name == OPENS_ROWS:
        allowed = rows * STATEMENTS_FOR_AN_OPENED_ROW
    if many.statements > some.statements + STATEMENTS + allowed:
        yield f"{name}: {some.statements} statements with few rows, {many.statements} with many"
    if name.startswith(SHOWN_TO_PEOPLE) and many.characters > MOST_CHARACTERS:
        yield f"{name}: {many.characters} characters"


@pytest.mark.timeout(1500)
@pytest.mark.django_db(databases="__all__")
def test_work_grows_no_faster_than_the_data(staff, host):
    fill_caches(staff)
    works = [measured(staff, count) for count in SIZES]
    common = set.intersection(*map(set, works))
    assert len(common) > 0.95 * len(works[-1])
    assert not [fault for name in sorted(common) for fault in faults(name, *(work[name] for work in works))]


@pytest.mark.django_db(databases="__all__")
def test_every_page_and_command_is_measured(host):
    large.fill(SIZES[0])
    opened = {name.partition(" ")[0].partition("?")[0] for name, _address in addresses()}
    names = {name for name, _view in patterns() if APP in name}
    assert len(names) > 50
    assert not {name for name in names - opened if not name.endswith((*OF_DJANGO, "nearby", "stop"))}
    ours = {name for name, app in get_commands().items() if app == APP}
    assert ours - ELSEWHERE == set(commands())


@pytest.mark.parametrize(
    "code", ["[1 for _ in rows if rows]", "any(each < 0 for each in rows)", "\nfor _ in rows:\n    1"]
)
def test_each_turn_of_a_loop_is_counted(code):
    few, many = 0, 0
    compiled = compile(code, f"{PACKAGE}/example.py", "exec")
    for count in (10, 1000):
        with Counter() as counter:
            exec(compiled, {"rows": range(count)})
        few, many = many, counter.steps
    assert many - few >= 990
