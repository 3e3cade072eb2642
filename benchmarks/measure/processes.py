"""What processes use, by Linux's /proc: CPU time of a process with all that it started, and memory."""

import os
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _stats():
    """(pid, fields after the name) of each process."""
    for place in PROC.glob("[0-9]*"):
        try:
            yield int(place.name), (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue


def cpu_seconds(pid):
    """CPU time so far of a process, of all below it, and of those that it has seen end."""
    children, used = {}, {}
    for found, fields in _stats():
        children.setdefault(int(fields[1]), []).append(found)
        used[found] = sum(map(int, fields[11:15]))
    total, left = 0, [pid]
    while left:
        one = left.pop()
        total += used.get(one, 0)
        left += children.get(one, [])
    return total / TICKS


def memory_bytes(pid):
    """How much of its memory is in RAM (RSS), shared pages counted; 0 where it has ended."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0
