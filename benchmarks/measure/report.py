"""What was measured, as a table, as JSON, and between two marks of the documentation."""

import json
import os
import platform
import re
import sys
import time
from importlib import metadata

from benchmarks.measure.goals import GOALS

HEAD = ("what", "goal", "measured", "verdict")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PACKAGES = ("Django", "djangorestframework", "psycopg", "gunicorn", "dj-stripe", "django-anymail")


class Report:
    """Grows part by part."""

    def __init__(self, sizes, *, judged):
        self.sizes, self.judged = sizes, judged
        self.began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        self.findings = {}

    def add(self, part, findings):
        """What a part found."""
        self.findings[part] = findings

    def rows(self):
        """(what, goal, measured, verdict) of each goal of the parts that ran."""
        for goal in GOALS:
            found = self.findings.get(goal.part)
            if found is None:
                continue
            what = goal.what.format_map(vars(self.sizes))
            value = found.values.get(goal.key)
            if value is None:
                yield what, goal.text, "–", f"left out: {found.left_out.get(goal.key, 'nothing was measured')}"
            else:
                yield what, goal.text, goal.shown(value), goal.verdict(value) if self.judged else "not judged"

    def notes(self):
        """Sentences below the table."""
        return [note for found in self.findings.values() for note in found.notes]

    def table(self):
        """In Markdown, its columns aligned."""
        rows = [HEAD, *self.rows()]
        widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
        lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def machine(self):
        """On what it was measured."""
        return {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "system": f"{platform.system()} {platform.release()}",
            "python": sys.version.split()[0],
            **{name: version for name in PACKAGES if (version := _version(name))},
        }

    def write_json(self, path):
        """Everything, the raw runs too."""
        data = {
            "began": self.began,
            "machine": self.machine(),
            "sizes": vars(self.sizes),
            "rows": [dict(zip(HEAD, row, strict=True)) for row in self.rows()],
            "notes": self.notes(),
            "parts": {name: vars(found) for name, found in self.findings.items()},
        }
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    def write_docs(self, path, plots=()):
        """The table, where and when, the notes and the pictures, in place of what stood between the marks.

        Args:
            path: a file in Markdown.
            plots: SVG files in the same folder or below.

        Raises:
            ValueError: the file has no such marks.
        """
        text = path.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text:
            raise ValueError(f"{path} lacks the lines {BEGIN} and {END}")
        machine = ", ".join(
            value if name == "processor" else f"{name} {value}" for name, value in self.machine().items()
        )
        notes = "\n".join(f"- {note}" for note in self.notes())
        pictures = "\n\n".join(
            f"![{plot.stem.replace('-', ' ')}]({plot.relative_to(path.parent).as_posix()})" for plot in plots
        )
        table = self.table() if any(self.rows()) else ""
        parts = [BEGIN, f"{self.began}, {machine}.", table, notes, pictures, END]
        measured = "\n\n".join(part for part in parts if part)
        pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
        path.write_text(pattern.sub(lambda found: measured, text), encoding="utf-8")


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
