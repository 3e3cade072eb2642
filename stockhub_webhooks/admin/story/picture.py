"""The life of an order as a row of steps; the template draws the signs, CSS places and colours them."""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

from stockhub_webhooks.admin.story import phrases
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import StepState


class PictureStep(NamedTuple):
    """A step of the picture.

    Attributes:
        leads_on: this step and the next one are done, so the line between them is solid.
    """

    state: str
    has_problem: bool
    title: str
    pieces: str
    remarks: list[str]
    leads_on: bool


def picture(steps: list[story.StoryStep]) -> list[PictureStep]:
    """Return the steps with their texts."""
    return [
        PictureStep(
            step.state.value,
            step.has_problem,
            phrases.step_title(step),
            phrases.step_count(step),
            phrases.step_remarks(step),
            following is not None and step.state is following.state is StepState.DONE,
        )
        for step, following in zip_longest(steps, steps[1:])
    ]
