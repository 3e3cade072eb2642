"""The life of the order as SVG: where each part of the drawing stands. The template draws it, CSS colours it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from stockhub_webhooks.admin.story import phrases
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import State

RADIUS = 18
WIDE_STEP, WIDE_TOP = 180, 30
TALL_WIDTH, TALL_STEP, TALL_LEFT = 300, 92, 30


class Mark(NamedTuple):
    """One step as it is drawn: a circle at (x, y), and its lines of text with where each begins."""

    state: str
    x: int
    y: int
    texts: list[dict[str, Any]]
    has_problem: bool


class Picture(NamedTuple):
    """One drawing. `name` tells two on one page apart."""

    name: str
    width: int
    height: int
    title: str
    description: str
    marks: list[Mark]
    paths: list[dict[str, Any]]
    radius: int = RADIUS


def pictures(steps: list[story.Step]) -> list[Picture]:
    """The same drawing twice: wide, and tall for a phone. CSS shows one of them."""
    return [wide(steps), tall(steps)]


def wide(steps: list[story.Step]) -> Picture:
    """From left to right."""
    places = [(WIDE_STEP * number + WIDE_STEP // 2, WIDE_TOP) for number in range(len(steps))]
    marks = []
    for step, (x, y) in zip(steps, places, strict=True):
        marks.append(_mark(step, x, y, x, y + RADIUS + 22))
    height = max(text["y"] for mark in marks for text in mark.texts) + 14
    return _picture("wide", WIDE_STEP * len(steps), height, steps, marks)


def tall(steps: list[story.Step]) -> Picture:
    """From top to bottom."""
    places = [(TALL_LEFT, TALL_STEP * number + TALL_STEP // 2) for number in range(len(steps))]
    marks = [_mark(step, x, y, x + RADIUS + 16, y - 14) for step, (x, y) in zip(steps, places, strict=True)]
    return _picture("tall", TALL_WIDTH, TALL_STEP * len(steps), steps, marks)


def _picture(name: str, width: int, height: int, steps: list[story.Step], marks: list[Mark]) -> Picture:
    title = _("The life of the order")
    description = ". ".join(map(phrases.step, steps)) + "."
    return Picture(name, width, height, title, description, marks, _paths(steps, marks))


def _mark(step: story.Step, x: int, y: int, text_x: int, text_y: int) -> Mark:
    lines = [
        ("title", phrases.step_title(step)),
        ("count", phrases.step_count(step)),
        *(("remark", remark) for remark in phrases.step_remarks(step)),
    ]
    texts = [
        {"kind": kind, "x": text_x, "y": text_y + 20 * number, "text": text}
        for number, (kind, text) in enumerate(lines)
    ]
    return Mark(step.state.value, x, y, texts, step.has_problem)


def _paths(steps: list[story.Step], marks: list[Mark]) -> list[dict[str, Any]]:
    """The way from each step to the next; only walked where the next one is done."""
    paths = []
    for number, (former, mark) in enumerate(pairwise(marks)):
        across = mark.y == former.y
        gap = RADIUS + 4
        paths.append(
            {
                "x1": former.x + (gap if across else 0),
                "y1": former.y + (0 if across else gap),
                "x2": mark.x - (gap if across else 0),
                "y2": mark.y - (0 if across else gap),
                "walked": steps[number].state is steps[number + 1].state is State.DONE,
            }
        )
    return paths
