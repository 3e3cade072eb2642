"""What was measured, held against its goal and printed."""

from dataclasses import dataclass, field

GOAL = 0.9
HEAD = ("scenario", "", "before", "during/after", "ratio", "verdict", "lost", "twice")


@dataclass(frozen=True)
class Result:
    """What became of one contestant in one scenario.

    Attributes:
        before: calls a second without the fault; None if the scenario measures none.
        then: the same while the pressure lasts, or after the fault.
        has_goal: whether the ratio is judged.
        lost: a sentence for each message or job that was accepted and is not there, or each call that was not made.
        twice: a sentence for each that took effect twice.
        failure: why there is no result.
        notes: sentences that are printed below the table.
    """

    scenario: str
    contestant: str
    before: float | None = None
    then: float | None = None
    has_goal: bool = False
    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def ratio(self):
        """Return what is left of the rate; None if there was none."""
        return self.then / self.before if self.before and self.then is not None else None

    @property
    def verdict(self):
        """Return `met`, `missed`, or `to compare` for a scenario without a goal."""
        if self.failure:
            return "failed"
        if not self.has_goal:
            return "to compare"
        return "met" if self.ratio is not None and self.ratio >= GOAL else "missed"

    @property
    def is_well(self):
        """Return True if the goal was met, and nothing was lost or took effect twice."""
        return self.verdict in ("met", "to compare") and not self.lost and not self.twice

    def cells(self):
        """Return the row of the table."""
        numbers = ["–" if number is None else f"{number:.1f}" for number in (self.before, self.then)]
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        return (
            self.scenario,
            self.contestant,
            *numbers,
            ratio,
            self.verdict,
            str(len(self.lost)),
            str(len(self.twice)),
        )


def table(results):
    """Return the results as a table of Markdown."""
    rows = [HEAD, *(result.cells() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def exit_code(results, contestant):
    """Return 1 if a contestant missed a goal, failed, or lost or repeated anything."""
    return int(not all(result.is_well for result in results if result.contestant == contestant))
