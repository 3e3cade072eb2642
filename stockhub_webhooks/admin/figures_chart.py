"""The picture of a number in each part of a period, for the template that draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.admin.chart import (
    AXIS,
    BASE,
    BOTTOM,
    FULL,
    PLOT,
    SMALLEST,
    Mark,
    grouped,
    pixels,
    share,
    ticks_up_to,
)
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures.buckets import Buckets

# in Dutch, months are lower case
FORMATS = {"day": pgettext_lazy("format of a date", "D j M"), "month": "F Y", "year": "Y"}
SHORT_MONTH = pgettext_lazy("format of a date", "M")
SHORT_FORMATS = {"day": "j", "month": SHORT_MONTH, "year": "Y"}
BELOW = {"day": SHORT_MONTH, "month": "Y"}
MAX_LABELS = 8


class PartsChart:
    """A bar for each part of the period. Places from left to right are shares of the room beside the axis."""

    height = BASE + BOTTOM
    base = BASE
    axis = AXIS
    label_x = AXIS - 6

    def __init__(self, name: str, label: str, buckets: Buckets, numbers: Sequence[int]) -> None:
        self.name = name
        self.label = label
        self.unit = buckets.unit
        self.parts = buckets.parts
        self.numbers = numbers
        self.names = [name_of(part, buckets.unit) for part in buckets.parts]
        self.slot = FULL / max(len(numbers), 1)
        self.ticks = ticks_up_to(max(numbers, default=0))
        self.scale = PLOT / self.ticks[-1]

    @property
    def summary(self) -> str:
        """The numbers of the chart in a sentence."""
        total = grouped(sum(self.numbers))
        if not any(self.numbers):
            return f"{self.label}: {total}"
        place = max(range(len(self.numbers)), key=self.numbers.__getitem__)
        most = _("the most: %(number)s (%(part)s)") % {
            "number": grouped(self.numbers[place]),
            "part": self.names[place],
        }
        return f"{self.label}: {total}; {most}"

    @property
    def lines(self) -> list[Mark]:
        """Horizontal lines with their numbers."""
        return [Mark(grouped(tick), y=pixels(BASE - tick * self.scale)) for tick in self.ticks]

    @property
    def bars(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Place, top, width, height and tooltip of each bar."""
        for place, number in enumerate(self.numbers):
            if number:
                height = max(number * self.scale, SMALLEST)
                x, width = share((place + 0.12) * self.slot), share(self.slot * 0.76)
                title = f"{self.names[place]}: {grouped(number)}"
                yield x, pixels(BASE - height), width, pixels(height), title

    @property
    def marks(self) -> Iterator[Mark]:
        """Labels of some parts; below the first one, and the first one of a month or a year, what it is a part of."""
        step = -(-len(self.parts) // MAX_LABELS)
        for place in range(0, len(self.parts), step):
            first = self.parts[place].first
            text = formats.date_format(first, str(SHORT_FORMATS[self.unit]))
            is_new = place == 0 or first.replace(day=1) > self.parts[place - step].first
            below = formats.date_format(first, str(BELOW[self.unit])) if self.unit in BELOW and is_new else ""
            yield Mark(text, below, x=share((place + 0.5) * self.slot))


def name_of(part: Period, unit: str) -> str:
    """Return the name of a day, month or year."""
    return formats.date_format(part.first, str(FORMATS[unit]))
