"""Contestants that take turns, so that whatever else the machine does falls on all of them alike."""

import statistics
import sys


def take_turns(contestants, rounds, label=""):
    """Let each contestant run once in every round, in an order that moves on with each round.

    Args:
        contestants: functions by name; each gives the figures of one run.
        rounds: how many.
        label: what is shown of it meanwhile.

    Returns:
        The figures of all rounds, by the contestant's name.
    """
    names = list(contestants)
    runs = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            progress(f"{label}, round {number + 1} of {rounds}: {name}")
            runs[name].append(contestants[name]())
    progress("")
    return runs


def ratio(runs, over, under, figure):
    """The median of the ratios within each round; None where there is none."""
    pairs = zip(runs[over], runs[under], strict=True)
    ratios = [one[figure] / other[figure] for one, other in pairs if other[figure]]
    return statistics.median(ratios) if ratios else None


def median(runs, figure):
    """The median over the rounds."""
    return statistics.median(run[figure] for run in runs)


def progress(text):
    """One line that is written over, on a terminal; elsewhere nothing."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
