"""Line charts as SVG, readable on light and on dark ground, with a title and a description for who cannot see them."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 64, 56
LABEL_PIXELS = 17  # between the names at the ends of lines
# Okabe and Ito's colours, told apart by most eyes; each line also has a mark of its own
COLOURS = (("#0072b2", "#56b4e9"), ("#b34700", "#ff9e5e"), ("#00795a", "#2fcf9f"), ("#8f4a78", "#e0a3c8"))
MARKS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True)
class Chart:
    """One picture. Where `names` are given, the values of x stand at equal distances under these names."""

    title: str
    x_label: str
    y_label: str
    lines: dict[str, list[tuple[float, float]]]
    names: list[str] = field(default_factory=list)

    def description(self):
        """The same in words: where each line begins and where it ends."""
        return " ".join(
            f"{name}: from {points[0][1]:,.6g} to {points[-1][1]:,.6g}." for name, points in self.lines.items()
        )


def draw(chart):
    """The chart as the text of an SVG file."""
    scale = _Scale(chart)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(chart.title)}</title>',
        f'<desc id="d">{escape(f"{chart.y_label} by {chart.x_label}. {chart.description()}")}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="title" x="{LEFT - 40}" y="30">{escape(chart.title)}</text>',
        f'<text class="axis" x="{LEFT - 40}" y="50">{escape(chart.y_label)}</text>',
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">'
        f"{escape(chart.x_label)}</text>",
        *_grid(scale),
        *_lines(chart, scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """From values to pixels."""

    def __init__(self, chart):
        self.names = chart.names
        points = [point for line in chart.lines.values() for point in line]
        self.step = _round_step(max(y for _, y in points) / 4 or 1)
        self.top = self.step * max(1, math.ceil(max(y for _, y in points) / self.step))
        self.last = len(self.names) - 1 if self.names else max(x for x, _ in points) or 1

    def x(self, value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / max(self.last, 1)

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top

    def x_ticks(self):
        if self.names:
            return list(enumerate(self.names))
        step = _round_step(self.last / 6)
        return [(n * step, f"{n * step:,.4g}") for n in range(int(self.last / step) + 1)]

    def y_ticks(self):
        return [n * self.step for n in range(round(self.top / self.step) + 1)]


def _round_step(least):
    """1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


def _grid(scale):
    for value in scale.y_ticks():
        y = f"{scale.y(value):.1f}"
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{value:,.6g}</text>'
    y = HEIGHT - BOTTOM + 20
    for value, name in scale.x_ticks():
        yield f'<text class="tick" x="{scale.x(value):.1f}" y="{y}" text-anchor="middle">{name}</text>'


def _lines(chart, scale):
    heights = _apart({name: scale.y(points[-1][1]) for name, points in chart.lines.items()})
    for number, (name, points) in enumerate(chart.lines.items()):
        way = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in points)
        yield f'<polyline class="line c{number}" points="{way}"/>'
        if len(points) <= 20:
            for x, y in points:
                yield _mark(MARKS[number % len(MARKS)], f"mark c{number}", scale.x(x), scale.y(y))
        x, y = WIDTH - RIGHT + 16, heights[name]
        yield _mark(MARKS[number % len(MARKS)], f"mark c{number}", x, y)
        yield f'<text class="name" x="{x + 12}" y="{y:.1f}" dy="4">{escape(name)}</text>'


def _apart(heights):
    """The heights of names, moved so that none lies on another."""
    placed, last = {}, -math.inf
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        last = max(height, last + LABEL_PIXELS)
        placed[name] = last
    return placed


def _mark(kind, name, x, y):
    size = 4.5
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "triangle": ((0, -1.2), (1.2, 1), (-1.2, 1)),
    }
    if kind == "circle":
        return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>'
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners[kind])
    return f'<polygon class="{name}" points="{points}"/>'


def _style():
    light = "".join(f".c{n}{{stroke:{colour};--c:{colour}}}" for n, (colour, _) in enumerate(COLOURS))
    dark = "".join(f".c{n}{{stroke:{colour};--c:{colour}}}" for n, (_, colour) in enumerate(COLOURS))
    return (
        "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:16px;font-weight:600}"
        ".axis,.tick{fill:#57606a;font-size:12px}.ground{fill:#fff}.grid{stroke:#d0d7de}"
        f".line{{fill:none;stroke-width:2.5;stroke-linejoin:round}}{light}.mark{{stroke:none;fill:var(--c)}}"
        "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.axis,.tick{fill:#9198a1}.ground{fill:#0d1117}"
        f".grid{{stroke:#30363d}}{dark}.mark{{stroke:none}}}}"
    )
