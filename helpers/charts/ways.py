"""The charts of the notebook that compares the ways: whose machine, and which ends.

Purpose: what the charts of `charts` do not show, in their style: every tile and every
point has its word, so that nothing is told by colour alone. Charts know tables only.
"""

from __future__ import annotations

import datetime
import textwrap

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.charts import BLUE, GREY, GRID, INK, ORANGE, Chart, chart_fonts
from helpers.messages import say

# Light enough for dark words on it: contrast above 4.5 (WCAG 2.2, 1.4.3).
TILES = {"you": "#BFE3F5", "service": "#F6CFA8", "nobody": "#FFFFFF"}
NAME = 12  # characters of a line above a column
EVENT = 62  # characters of a line beside a point


def where_chart(who: pd.DataFrame, title: str = "") -> Chart:
    """Draw on whose machine each step of each way runs: a tile for each.

    Args:
        who: index step, a column for each way, cells "you", "service" or "nobody".
        title: above the chart.

    Returns:
        The chart; its sentence counts the steps on one's own machine.
    """
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(8.6, 0.36 * len(who) + 1.3), layout="constrained")
        axes = figure.subplots()
        for y, (_, row) in enumerate(who.iterrows()):
            for x, place in enumerate(row):
                _tile(axes, x, y, place)
        axes.set_xlim(-0.5, len(who.columns) - 0.5)
        axes.set_ylim(len(who) - 0.5, -0.5)
        axes.set_xticks(
            range(len(who.columns)),
            [textwrap.fill(name, NAME) for name in who.columns],
        )
        axes.set_yticks(range(len(who)), who.index)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.grid(False)
        axes.set_title(title)
    return Chart(figure, _reading(who))


def _tile(axes: Axes, x: int, y: int, place: str) -> None:
    axes.add_patch(
        mpl.patches.Rectangle(
            (x - 0.47, y - 0.45), 0.94, 0.9, facecolor=TILES[place],
            edgecolor=GRID if place == "nobody" else TILES[place],
            hatch="///" if place == "nobody" else None,
        )
    )  # fmt: skip
    axes.text(
        x, y, say(f"chart.where.{place}"), ha="center", va="center", size=9, color=INK,
        bbox={"facecolor": TILES[place], "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _reading(who: pd.DataFrame) -> str:
    counts = [
        say(
            "chart.where.count", way=way, n=int((who[way] == "you").sum()), all=len(who)
        )
        for way in who
    ]
    missing = [
        say(
            "chart.where.missing", step=step, ways=", ".join(row.index[row == "nobody"])
        )
        for step, row in who.iterrows()
        if (row == "nobody").any()
    ]
    return say("chart.where", counts=", ".join(counts), missing="; ".join(missing))


def ends_chart(ends: pd.DataFrame, day: datetime.date, title: str = "") -> Chart:
    """Draw when services end: a point for each end, and the day by which one judges.

    Args:
        ends: with service, what and date.
        day: a line is drawn there.
        title: above the chart.

    Returns:
        The chart; its sentence counts the ends and names the next one.
    """
    rows = ends.sort_values("date").reset_index(drop=True)
    with mpl.rc_context(chart_fonts()):
        labels = [
            textwrap.fill(f"{row.service}: {row.what}", EVENT)
            for row in rows.itertuples()
        ]
        n_lines = sum(label.count("\n") + 1 for label in labels)
        figure = Figure(figsize=(8.6, 0.21 * n_lines + 1.2), layout="constrained")
        axes = figure.subplots()
        y = 0.0
        places = []
        for row, label in zip(rows.itertuples(), labels, strict=True):
            height = label.count("\n") + 1
            places.append(y + height / 2)
            _end(axes, row.date, places[-1], row.date <= day)
            y += height + 0.35
        axes.axvline(day, color=INK, linewidth=1, linestyle="--")
        axes.text(
            day, -0.2, say("chart.ends.day", day=day), ha="center", va="bottom", size=9
        )
        axes.set_yticks(places, labels, size=8.5)
        axes.set_ylim(y, -0.4)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=8)
        axes.margins(x=0.3)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(mpl.dates.MonthLocator(bymonth=(1, 7)))
        axes.xaxis.set_major_formatter(mpl.dates.DateFormatter("%Y-%m"))
        axes.set_title(title, pad=22)
    return Chart(figure, _ends_reading(rows, day))


def _end(axes: Axes, date: datetime.date, y: float, past: bool) -> None:
    colour = ORANGE if past else BLUE
    axes.plot([date], [y], marker="X" if past else "o", color=colour, markersize=7)
    # On the side of the line where it cannot cross it.
    axes.annotate(
        date.isoformat(), (mpl.dates.date2num(date), y), xytext=(-7 if past else 7, 0),
        textcoords="offset points", ha="right" if past else "left", va="center",
        size=8, color=GREY,
    )  # fmt: skip


def _ends_reading(rows: pd.DataFrame, day: datetime.date) -> str:
    ahead = rows[rows["date"] > day]
    if not len(ahead):
        return say("chart.ends.none", day=day, all=len(rows))
    first = ahead.iloc[0]
    return say(
        "chart.ends", day=day, past=len(rows) - len(ahead), ahead=len(ahead),
        all=len(rows), next=f"{first['service']}: {first['what']}, {first['date']}",
    )  # fmt: skip
