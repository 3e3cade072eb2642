"""The picture of what came in each hour: its numbers as places, for the template that draws them.

Places from left to right are shares of the width, so the picture fills any page; heights, and the width of the axis,
are pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.health.hours import RESULTS, Hour

TOP, PLOT, BOTTOM = 14, 180, 40
BASE = TOP + PLOT
AXIS = 48  # pixels, enough for 100.000
FULL = 100.0
SMALLEST = 3.0  # one failure among thousands must be seen
LABEL_EVERY_HOURS = 6
STEPS = (1, 2, 5)
LABELS = dict((*Message.Outcome.choices, *Message.Status.choices))


class BarPart(NamedTuple):
    """A piece of a bar: the messages of one result."""

    result: str
    y: str
    height: str


class Bar(NamedTuple):
    """An hour of the chart: its place, its parts and its tooltip."""

    x: str
    width: str
    parts: list[BarPart]
    title: str


class Mark(NamedTuple):
    """A label beside or below the picture; `y` of a line, `x` of an hour."""

    text: str
    below: str = ""
    x: str = ""
    y: str = ""
    anchor: str = "middle"


class Chart:
    """The data that the template draws and lists."""

    height = BASE + BOTTOM
    base = BASE
    axis = AXIS
    label_x = AXIS - 6

    def __init__(self, hours: Sequence[Hour]) -> None:
        self.hours = hours
        self.names = names_of([hour.begins_at for hour in hours])
        self.slot = FULL / max(len(hours), 1)
        self.ticks = ticks_up_to(max((hour.total for hour in hours), default=0))
        self.scale = PLOT / self.ticks[-1]
        self.totals = sum((Counter(hour.counts) for hour in hours), Counter())
        self.total = sum(self.totals.values())

    @property
    def legend(self) -> list[tuple[str, Any, str]]:
        """Each result with its label and number of messages."""
        return [(result, LABELS[result], grouped(self.totals[result])) for result in RESULTS]

    @property
    def summary(self) -> str:
        """The numbers of the chart in a sentence."""
        counts = ", ".join(f"{label} {count}" for result, label, count in self.legend if self.totals[result])
        return f"{_('Messages in the last 48 hours')}: {grouped(self.total)}" + (f" ({counts})" if counts else "")

    @property
    def lines(self) -> list[Mark]:
        """Horizontal lines with their numbers."""
        return [Mark(grouped(tick), y=pixels(self.y(tick))) for tick in self.ticks]

    @property
    def bars(self) -> Iterator[Bar]:
        """Bars of the hours that have messages."""
        for number, hour in enumerate(self.hours):
            if hour.total:
                x, width = share(self.x(number) + self.slot * 0.12), share(self.slot * 0.76)
                yield Bar(x, width, list(self.parts(hour)), f"{self.names[number]}: {in_words(hour)}")

    def parts(self, hour: Hour) -> Iterator[BarPart]:
        """Yield the parts of an hour's bar, from the bottom up."""
        y = float(BASE)
        for result in RESULTS:
            if count := hour.counts.get(result, 0):
                height = max(count * self.scale, SMALLEST)
                y -= height
                yield BarPart(result, pixels(y), pixels(height))

    @property
    def times(self) -> Iterator[Mark]:
        """Labels of some hours, with the day below midnight."""
        for number, hour in enumerate(self.hours):
            at = hour.begins_at
            if at.hour % LABEL_EVERY_HOURS == 0:
                middle = self.x(number) + self.slot / 2
                if number >= len(self.hours) - 2 and at.hour:  # it would be cut off, or touch the one before on a phone
                    continue
                anchor = "end" if number >= len(self.hours) - 2 else "middle"
                day = formats.date_format(at, "D j") if at.hour == 0 else ""
                yield Mark(formats.date_format(at, "H:i"), day, x=share(middle), anchor=anchor)

    @property
    def heads(self) -> list[Any]:
        """Heads of the table's columns."""
        return [LABELS[result] for result in RESULTS]

    @property
    def rows(self) -> list[tuple[str, list[int], int]]:
        """Rows of the table, newest hour first: the name of the hour, its counts, their sum."""
        rows = [
            (name, [hour.counts.get(result, 0) for result in RESULTS], hour.total)
            for name, hour in zip(self.names, self.hours, strict=True)
        ]
        return rows[::-1]

    @property
    def table(self) -> list[tuple[str, list[str], str]]:
        """The rows with the separators of the language."""
        return [(name, list(map(grouped, counts)), grouped(total)) for name, counts, total in self.rows]

    def x(self, number: int) -> float:
        """Return the left edge of an hour as a share of the width."""
        return number * self.slot

    def y(self, count: float) -> float:
        """Return the distance of a count from the top."""
        return BASE - count * self.scale


def grouped(number: int) -> str:
    """Return a number with the separators of the language."""
    return formats.number_format(number, force_grouping=True)


def in_words(hour: Hour) -> str:
    """Return in words how many messages an hour had."""
    return ", ".join(f"{LABELS[result]} {grouped(count)}" for result in RESULTS if (count := hour.counts.get(result)))


def names_of(moments: Sequence[datetime]) -> list[str]:
    """Return day and time of each; with its zone if the end of summer time makes the same time come twice."""
    by_clock = Counter(at.replace(tzinfo=None, fold=0) for at in moments)
    return [
        formats.date_format(at, pgettext("format of a date", "D j M H:i"))
        + (f" {at.tzname()}" if by_clock[at.replace(tzinfo=None, fold=0)] > 1 else "")
        for at in moments
    ]


def ticks_up_to(most: int) -> list[int]:
    """Return two to six round numbers from 0; the last one is at least `most`."""
    step = next(factor * 10**power for power in range(20) for factor in STEPS if factor * 10**power * 5 >= max(most, 1))
    return list(range(0, step * (-(-max(most, 1) // step)) + 1, step))


def share(number: float) -> str:
    """Return a share of the width for SVG, with a point in any language."""
    return f"{number:.3f}%"


def pixels(number: float) -> str:
    """Return a number of pixels for SVG, with a point in any language."""
    return f"{number:.1f}"
