"""The whole journey in one picture: from a base model to a verdict, and beyond.

Purpose: the map that the first notebook shows, drawn here so that it needs no network
and can be translated. Ten numbered stops on two ways, which differ in place and name,
so that nothing is told by colour alone. `stops_table` says the same in words, and where
each stop is made. It must never know a provider, a job or a score.

Lengths are in tenths of an inch, from the left and from below.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from helpers.charts import BLUE, GREEN, GREY, INK, ORANGE, Chart, chart_fonts
from helpers.course import NOTEBOOKS, lessons
from helpers.messages import say
from helpers.tables import LinkTable

WIDTH, LOWEST, HIGHEST = 100.0, 5.6, 62.6
# Darker than the lines: for words and numbers, 4.5 to 1 on white or more (WCAG 1.4.3).
DARK = {GREY: "#555555", BLUE: "#005C91", ORANGE: "#A84300", GREEN: "#00694C"}
LIGHT = {GREY: "#F1F1F1", BLUE: "#E6F1F8", ORANGE: "#FBECE2", GREEN: "#E2F3ED"}
ZONES = {
    # name: left, bottom, width, height, colour
    "without": (21.5, 34.2, 51.5, 20.6, BLUE),
    "with": (21.5, 7.4, 51.5, 20.6, ORANGE),
    "judge": (77.0, 7.4, 22.0, 47.4, GREEN),
}


@dataclass(frozen=True)
class Stop:
    """A stop of the journey.

    Attributes:
        name: of its sentences in `helpers.messages`.
        box: left, bottom, width and height of its card.
        colour: of its way.
        notebooks: where it is made, the most thorough first.
    """

    name: str
    box: tuple[float, float, float, float]
    colour: str
    notebooks: tuple[str, ...]


STOPS = (
    Stop(
        "base", (2.6, 24.1, 15.0, 14.0), GREY,
        ("00_start_here", "01_meet_fine_tuning"),
    ),
    Stop(
        "prompt", (23.2, 36.0, 15.0, 14.0), BLUE,
        ("01_meet_fine_tuning", "30_evaluate_honestly"),
    ),
    Stop(
        "few_shot", (39.7, 36.0, 15.0, 14.0), BLUE,
        ("01_meet_fine_tuning", "20_fine_tune_recipe_assistant"),
    ),
    Stop("rag", (56.2, 36.0, 15.0, 14.0), BLUE, ("30_evaluate_honestly",)),
    Stop(
        "data", (23.2, 9.2, 15.0, 14.0), ORANGE,
        ("10_prepare_data", "20_fine_tune_recipe_assistant"),
    ),
    Stop(
        "job", (39.7, 9.2, 15.0, 14.0), ORANGE,
        ("20_fine_tune_recipe_assistant", "03_open_the_box"),
    ),
    Stop(
        "checkpoints", (56.2, 9.2, 15.0, 14.0), ORANGE,
        ("20_fine_tune_recipe_assistant", "31_meet_the_limits"),
    ),
    Stop(
        "evaluation", (79.0, 37.8, 18.0, 12.2), GREEN,
        ("30_evaluate_honestly", "20_fine_tune_recipe_assistant"),
    ),
    Stop(
        "verdict", (79.0, 23.7, 18.0, 12.0), GREEN,
        ("02_decide_when_and_why", "30_evaluate_honestly"),
    ),
    Stop(
        "hosting", (79.0, 9.2, 18.0, 12.0), GREEN,
        ("31_meet_the_limits", "02_decide_when_and_why"),
    ),
)  # fmt: skip


def journey_picture() -> Chart:
    """Draw the journey.

    Returns:
        A picture, 10 inches wide; its sentence describes all that is in it.
    """
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(WIDTH / 10, (HIGHEST - LOWEST) / 10))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(LOWEST, HIGHEST))
        axes.set_axis_off()
        _write(axes, 2.0, 60.3, say("journey.title"), INK, 15, "bold", "left")
        _write(axes, 2.0, 57.3, say("journey.subtitle"), GREY, 10.5, "normal", "left")
        for name in ZONES:
            _zone(axes, name)
        _ways(axes)
        for number, stop in enumerate(STOPS, start=1):
            _card(axes, stop, number)
    return Chart(figure, say("journey.alt"))


def stops_table(folder: Path = NOTEBOOKS) -> LinkTable:
    """Return the stops in words, with links to the notebooks that make them.

    Args:
        folder: where the notebooks are; one that is not there gets no link.
    """
    known = lessons(folder)
    return LinkTable(
        pd.DataFrame(
            [
                {
                    say("journey.column.stop"): f"{number} {_name(stop)}",
                    say("journey.column.what"): say(f"journey.text.{stop.name}"),
                    say("journey.column.where"): [
                        known[name].link() for name in stop.notebooks
                    ],
                }
                for number, stop in enumerate(STOPS, start=1)
            ]
        )
    )


def _name(stop: Stop) -> str:
    return say(f"journey.name.{stop.name}")


# --- zones, cards and ways --------------------------------------------------------


def _write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    colour: str,
    size: float,
    weight: str = "normal",
    side: str = "center",
    **more: object,
) -> None:
    axes.text(
        x, y, text, color=colour, fontsize=size, fontweight=weight, ha=side,
        linespacing=1.25, zorder=6, **{"va": "center", **more},
    )  # fmt: skip


def _rounded(
    axes: Axes,
    box: tuple[float, float, float, float],
    fill: str,
    edge: str,
    z: float,
    radius: float = 1.2,
    width: float = 1.4,
) -> None:
    left, bottom, wide, high = box
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), wide, high, facecolor=fill, edgecolor=edge, linewidth=width,
            boxstyle=f"round,pad=0,rounding_size={radius}", zorder=z,
        )
    )  # fmt: skip


def _zone(axes: Axes, name: str) -> None:
    left, bottom, wide, high, colour = ZONES[name]
    _rounded(axes, (left, bottom, wide, high), LIGHT[colour], "none", 1, radius=1.8)
    _write(
        axes, left + 1.8, bottom + high - 2.3, say(f"journey.zone.{name}"),
        DARK[colour], 11, "bold", "left",
    )  # fmt: skip


def _card(axes: Axes, stop: Stop, number: int) -> None:
    left, bottom, wide, high = stop.box
    middle, top, colour = left + wide / 2, bottom + high, DARK[stop.colour]
    _rounded(axes, stop.box, "white", colour, 4)
    axes.add_patch(Circle((left + 0.4, top - 0.4), 1.55, color=colour, zorder=5))
    _write(axes, left + 0.4, top - 0.47, str(number), "white", 9.5, "bold")
    ICONS[stop.name](axes, middle, top - 3.3, colour)
    _write(axes, middle, top - 7.2, _name(stop), colour, 10.5, "bold", va="baseline")
    lines = textwrap.fill(say(f"journey.text.{stop.name}"), round(wide * 1.2))
    _write(axes, middle, bottom + (high - 8.0) / 2, lines, INK, 9.2)


def _ways(axes: Axes) -> None:
    """Draw the lines between the stops; cards hide what lies behind them."""
    upper, lower = 43.0, 16.2
    _line(axes, [(10.1, 38), (10.1, upper), (77.6, upper)], BLUE)
    _line(axes, [(10.1, 24), (10.1, lower), (75.0, lower), (75.0, 40.6), (77.6, 40.6)],
          ORANGE)  # fmt: skip
    for y, colour in ((upper, BLUE), (40.6, ORANGE)):
        _head(axes, 79.0, y, (1, 0), colour)
    for x in (23.2, 39.7, 56.2):
        _head(axes, x, upper, (1, 0), BLUE)
        _head(axes, x, lower, (1, 0), ORANGE)
    # From one judgement to the next, and on.
    _line(axes, [(88, 37.8), (88, 36.8)], GREEN)
    _head(axes, 88, 35.7, (0, -1), GREEN)
    _line(axes, [(88, 23.7), (88, 22.3)], GREEN)
    _head(axes, 88, 21.2, (0, -1), GREEN)
    _write(axes, 89.8, 22.5, say("journey.on"), DARK[GREEN], 9.2, "bold", "left")
    # And back, when it was not better: dashed, with a gap where it crosses a way.
    back = DARK[GREEN]
    y, x = 31.1, 30.7
    axes.plot(
        [76.2, 73.8], [y, y], color="white", linewidth=9, solid_capstyle="butt",
        zorder=2.5,
    )  # fmt: skip
    axes.plot(
        [79, x, x], [y, y, 29.4], color=back, linewidth=2, linestyle=(0, (4, 2.4)),
        zorder=3,
    )  # fmt: skip
    _head(axes, x, 28.0, (0, -1), back)
    _write(
        axes, 52.0, y, say("journey.back"), back, 9.5, "bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 3},
    )  # fmt: skip


def _line(axes: Axes, points: list[tuple[float, float]], colour: str) -> None:
    axes.plot(
        *zip(*points, strict=True), color=colour, linewidth=4.5,
        solid_capstyle="butt", solid_joinstyle="round", zorder=2,
    )  # fmt: skip


def _head(
    axes: Axes,
    x: float,
    y: float,
    to: tuple[int, int],
    colour: str,
    z: float = 3.5,
    size: float = 1.5,
) -> None:
    """Draw the head of an arrow whose tip is at (x, y) and which points along `to`."""
    (a, b), half = to, 0.63 * size
    left = (x - size * a + half * b, y - size * b + half * a)
    right = (x - size * a - half * b, y - size * b - half * a)
    axes.add_patch(Polygon([(x, y), left, right], color=colour, zorder=z, linewidth=0))


# --- icons: drawn around (x, y), about six units wide and four high ---------------


def _layers(axes: Axes, x: float, y: float, colour: str) -> None:
    for row, share in ((-1.5, 1.0), (0.0, 0.72), (1.5, 0.44)):
        _rounded(
            axes, (x - 3, y + row - 0.5, 6, 1.0), LIGHT[GREY], colour, 5, 0.45, 1.0
        )
        _rounded(axes, (x - 3, y + row - 0.5, 6 * share, 1.0), colour, "none", 5, 0.45)


def _bubble(axes: Axes, x: float, y: float, colour: str) -> None:
    tail = [(x - 1.8, y - 0.8), (x - 0.4, y - 0.8), (x - 2.1, y - 2.3)]
    axes.add_patch(Polygon(tail, color=colour, zorder=5, linewidth=0))
    _rounded(axes, (x - 3, y - 1.1, 6, 3.1), colour, "none", 5, 0.8)
    for height, length in ((1.0, 4.2), (0.0, 2.8)):
        _bar(axes, x - 2.1, y + height - 0.15, length, "white")


def _examples(axes: Axes, x: float, y: float, colour: str) -> None:
    for height in (1.35, -0.05, -1.45):
        last = height < -1
        _bar(axes, x - 3, y + height, 2.5, colour)
        _head(axes, x + 0.9, y + height + 0.25, (1, 0), DARK[GREY], 5, 0.7)
        if last:
            _write(axes, x + 2.2, y + height + 0.3, "?", colour, 9.5, "bold")
        else:
            _bar(axes, x + 1.2, y + height, 2.0, colour)


def _search(axes: Axes, x: float, y: float, colour: str) -> None:
    for height, length in ((1.5, 3.6), (0.3, 2.2), (-0.9, 2.2), (-2.1, 3.6)):
        _bar(axes, x - 3, y + height, length, DARK[GREY], 0.4)
    axes.add_patch(
        Circle((x + 1.1, y + 0.3), 1.55, facecolor="white", edgecolor=colour,
               linewidth=2.4, zorder=6)
    )  # fmt: skip
    axes.plot(
        [x + 2.25, x + 3.4], [y - 0.9, y - 2.1], color=colour, linewidth=3,
        solid_capstyle="round", zorder=6,
    )  # fmt: skip


def _rows(axes: Axes, x: float, y: float, colour: str) -> None:
    # Three parts that never mix: many rows, fewer, fewer.
    for left, count in ((-3.0, 4), (-0.8, 2), (1.4, 2)):
        for row in range(count):
            axes.add_patch(
                Rectangle(
                    (x + left, y + 1.3 - row * 1.05), 1.6, 0.7, zorder=5, linewidth=0,
                    color=colour if left < -1 else DARK[GREY],
                )
            )  # fmt: skip


def _falling(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot(
        [x - 3, x - 3, x + 3.2], [y + 2.1, y - 1.9, y - 1.9], color=DARK[GREY],
        linewidth=1.3, zorder=5,
    )  # fmt: skip
    steps = [i / 40 for i in range(41)]
    axes.plot(
        [x - 2.6 + 5.6 * t for t in steps],
        [y - 1.3 + 3.2 * 2.718 ** (-4 * t) for t in steps],
        color=colour, linewidth=2.4, solid_capstyle="round", zorder=5,
    )  # fmt: skip


def _diamonds(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot([x - 3, x + 3], [y, y], color=DARK[GREY], linewidth=1.3, zorder=5)
    for place in (-2.4, 0.0, 2.4):
        best = place == 0
        axes.plot(
            x + place, y, marker="D", markersize=12 if best else 8, zorder=6,
            markerfacecolor=colour if best else "white", markeredgecolor=colour,
            markeredgewidth=1.6,
        )  # fmt: skip


def _intervals(axes: Axes, x: float, y: float, colour: str) -> None:
    shown = ((1.4, -2.6, -0.6, DARK[GREY]), (0.0, -1.8, 0.4, DARK[GREY]),
             (-1.4, 0.8, 2.8, colour))  # fmt: skip
    for height, low, high, ink in shown:
        axes.plot(
            [x + low, x + high], [y + height] * 2, color=ink, linewidth=5, alpha=0.35,
            solid_capstyle="butt", zorder=5,
        )  # fmt: skip
        axes.plot(
            x + (low + high) / 2, y + height, marker="o", markersize=4.5, color=ink,
            zorder=6,
        )  # fmt: skip


def _signs(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot(x - 2.6, y, marker="^", markersize=12, color=colour, zorder=6)
    axes.plot(x, y, marker="v", markersize=12, color=DARK[ORANGE], zorder=6)
    _write(axes, x + 2.6, y - 0.05, "?", DARK[GREY], 16, "bold")


def _servers(axes: Axes, x: float, y: float, colour: str) -> None:
    for height in (0.2, -1.9):
        _rounded(axes, (x - 3, y + height, 6, 1.7), colour, "none", 5, 0.4)
        for place in (-2.1, -1.1):
            axes.add_patch(
                Circle((x + place, y + height + 0.85), 0.32, color="white", zorder=6)
            )
        _bar(axes, x + 0.6, y + height + 0.65, 1.7, "white", 0.4)


def _bar(
    axes: Axes, x: float, y: float, length: float, colour: str, high: float = 0.5
) -> None:
    axes.add_patch(
        Rectangle((x, y), length, high, color=colour, zorder=5.5, linewidth=0)
    )


ICONS: dict[str, Callable[[Axes, float, float, str], None]] = {
    "base": _layers,
    "prompt": _bubble,
    "few_shot": _examples,
    "rag": _search,
    "data": _rows,
    "job": _falling,
    "checkpoints": _diamonds,
    "evaluation": _intervals,
    "verdict": _signs,
    "hosting": _servers,
}
