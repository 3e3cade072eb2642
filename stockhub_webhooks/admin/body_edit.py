"""What a person has changed in the shown text of a body, taken over into the body: the rest keeps its bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.admin.body_text import BodyText

MAX_COMPARISONS = 250_000  # of lines; the time of difflib grows with the square of their number


class Edit(NamedTuple):
    """The characters from `start` to `end` of the former text are replaced by `text`."""

    start: int
    end: int
    text: str


@sensitive_variables()
def corrected(body: BodyText, headers: Mapping[str, str], entered: str) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of a body with the changes of a person, and the headers that still hold for them.

    Args:
        body: the text as it was.
        headers: the stored headers of the message, by their names in lower case.
        entered: `body.shown`, with the changes.
    """
    kept = {"content-type": headers["content-type"]} if "content-type" in headers else {}
    return body.encode(edited_text(body, entered), headers.get("content-type", "")), kept


@sensitive_variables()
def edited_text(body: BodyText, entered: str) -> str:
    """Return the text of a body with the changes that lead from `body.shown` to the entered text."""
    shown, pieces = body.shown, body.pieces
    starts = [0, *accumulate(len(piece.shown) for piece in pieces)]

    def source(start: int, end: int, *, is_last: bool = False) -> Iterator[str]:
        """Yield what shown characters stand for; of a piece that lies only partly inside, the shown characters."""
        for index in range(max(bisect_left(starts, start) - 1, 0), len(pieces)):
            first, last = starts[index], starts[index + 1]
            if first > end:
                break
            if start <= first and last <= end and (first < end or is_last):
                yield pieces[index].source
            elif first < end and start < last:
                yield pieces[index].shown[max(start - first, 0) : end - first]

    result: list[str] = []
    position = 0
    for edit in edits(shown, entered.replace("\r\n", "\n").replace("\r", "\n")):
        result += [*source(position, edit.start), edit.text]
        position = edit.end
    return "".join([*result, *source(position, len(shown), is_last=True)])


def edits(former: str, later: str) -> Iterator[Edit]:
    """Yield the changes from one text to another: of lines, and within a line of what is between its equal ends."""
    old, new = lines(former), lines(later)
    first = common_start(old, new)
    rest = min(len(old), len(new)) - first
    last = min(common_start(old[::-1], new[::-1]), rest)
    starts = [0, *accumulate(map(len, old))]
    for old_lines, new_lines in changed_lines(old, new, range(first, len(old) - last), range(first, len(new) - last)):
        start, end = starts[old_lines.start], starts[old_lines.stop]
        yield changed_characters(former[start:end], "".join(new[new_lines.start : new_lines.stop]), start)


def changed_lines(old: list[str], new: list[str], within: range, becomes: range) -> Iterator[tuple[range, range]]:
    """Yield ranges of lines that differ, one line at a time if as many lines take their place."""
    if len(within) * len(becomes) > MAX_COMPARISONS:
        yield within, becomes
        return
    matcher = SequenceMatcher(None, old[within.start : within.stop], new[becomes.start : becomes.stop], autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "replace" and end - start == new_end - new_start:
            for old_line, new_line in zip(within[start:end], becomes[new_start:new_end], strict=True):
                yield range(old_line, old_line + 1), range(new_line, new_line + 1)
        elif kind != "equal":
            yield within[start:end], becomes[new_start:new_end]


def changed_characters(former: str, later: str, start: int) -> Edit:
    """Return the change between the equal ends of two texts, the former of which begins at `start`."""
    before = common_start(former, later)
    most = min(len(former), len(later)) - before
    after = min(common_start(former[::-1], later[::-1]), most)
    return Edit(start + before, start + len(former) - after, later[before : len(later) - after])


def common_start(former: Sequence[str], later: Sequence[str]) -> int:
    """Return how many characters or lines two texts have in common at their beginning."""
    pairs = enumerate(zip(former, later, strict=False))
    return next((index for index, (old, new) in pairs if old != new), min(len(former), len(later)))


def lines(text: str) -> list[str]:
    """Return the lines of a text, each with its newline."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), parts[-1]]
