"""What one part of the measurement found."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Findings:
    """The values of its rows, why others are left out, and everything that was measured on the way.

    Attributes:
        values: by the key of the goal.
        left_out: reasons, by the key of the goal.
        runs: the raw figures.
        notes: sentences that are printed below the table.
    """

    values: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def errors_of(runs):
    """A note where a contestant had errors, for then its figures do not count."""
    found = {name: sum(run["errors"] for run in of_one) for name, of_one in runs.items()}
    return [f"{name} had {number} errors: its figures do not count" for name, number in found.items() if number]
