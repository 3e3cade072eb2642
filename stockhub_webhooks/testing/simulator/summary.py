"""Summary of the answers in a few lines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from stockhub_webhooks.testing.simulator.sending import DeliveryAnswer

SHOWN = 5
DETAIL_LENGTH = 160
BAR_WIDTH = 30
PERCENTILES = (50, 95, 99)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` of the values do not exceed; 0 if there are no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def lines(answers: Sequence[DeliveryAnswer], seconds: float) -> Iterator[str]:
    """Yield the lines of the summary: answers by status, latencies, and the first unexpected answers."""
    rate = len(answers) / seconds if seconds else 0.0
    yield f"{len(answers)} messages in {seconds:.1f} s, {rate:.0f} a second"
    counts = Counter((answer.status, answer.outcome) for answer in answers)
    for (status, outcome), count in sorted(counts.items()):
        yield f"  {status or 'no answer'} {outcome}".rstrip().ljust(24) + f"{count:>8}"
    latencies = [answer.seconds * 1000 for answer in answers if answer.status]
    percentiles = [f"p{percent} {percentile(latencies, percent):.0f}" for percent in PERCENTILES]
    yield f"  milliseconds: {', '.join(percentiles)}, max {max(latencies, default=0):.0f}"
    unexpected = [answer for answer in answers if not answer.is_as_expected]
    yield f"  as expected: {len(answers) - len(unexpected)} of {len(answers)}"
    for answer in unexpected[:SHOWN]:
        yield f"  {_fault(answer)}"
    if len(unexpected) > SHOWN:
        yield f"  and {len(unexpected) - SHOWN} more"


def _fault(answer: DeliveryAnswer) -> str:
    post = answer.post
    expected = " or ".join(map(str, sorted(post.expected)))
    status = answer.status or "no answer"
    return f"{post.topic} {post.number}: {status} instead of {expected}: {answer.detail[:DETAIL_LENGTH]}".rstrip(": ")


def bar(done: int, total: int) -> str:
    """Return a progress bar of one line."""
    full = BAR_WIDTH * done // total if total else BAR_WIDTH
    return f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] {done}/{total}"
