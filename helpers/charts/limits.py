"""The charts of the notebook about limits: score by number of rows, shares in groups.

Purpose: what the charts of `charts` do not show, in their style: an image that needs no
front end, names instead of a legend, a sentence that says what it shows. Charts know
tables only, never a job or a provider.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from helpers.charts import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    PALETTE,
    Chart,
    chart_fonts,
)
from helpers.messages import say

BAR = 0.72  # height of a bar; 1 is the distance of two lines
GAP = 0.5  # between two groups


def rows_chart(
    runs: pd.DataFrame,
    title: str = "",
    *,
    rivals: Mapping[str, float] | None = None,
    live: tuple[int, float] | None = None,
) -> Chart:
    """Draw F1 by the number of training rows: every seed, and the mean.

    Args:
        runs: one row per job, with rows, seed and f1 (0 to 1).
        title: above the chart.
        rivals: F1 of systems that do not train, by name, drawn as level lines.
        live: rows and F1 of a job of this very run.

    Returns:
        The chart; its sentence tells mean and spread of every number of rows.

    Raises:
        ValueError: there are no runs.
    """
    if not len(runs):
        raise ValueError(say("chart.rows.empty"))
    rivals = rivals or {}
    by_rows = runs.groupby("rows")["f1"].agg(["mean", "min", "max"])
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(
            runs["rows"], runs["f1"], color=BLUE, marker="o", markersize=5,
            linestyle="", alpha=0.45, markeredgewidth=0,
        )  # fmt: skip
        axes.plot(by_rows.index, by_rows["mean"], color=BLUE, linewidth=2.0)
        for n, row in by_rows.iterrows():
            _note(axes, f"{row['mean']:.2f}", (n, row["max"]), (0, 9), BLUE)
        for name, value in rivals.items():
            _level(axes, name, value)
        if live is not None:
            axes.plot(*live, color=ORANGE, marker="D", markersize=8, linestyle="")
            text = say("chart.rows.live", value=live[1])
            _note(axes, text, live, (8, -26), ORANGE, ha="left")
        _rows_axes(axes, [int(n) for n in by_rows.index])
        # Near 1 the steps would vanish in a chart from 0 to 1.
        shown = [*runs["f1"], *rivals.values(), *(live or ())[1:]]
        axes.set_ylim(max(0.0, math.floor(10 * min(shown) - 0.3) / 10), 1.01)
        axes.set_title(title or say("chart.rows.title"))
    return Chart(figure, _rows_reading(by_rows, rivals, live))


def _note(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    shift: tuple[int, int],
    colour: str,
    ha: str = "center",
) -> None:
    axes.annotate(
        text, xy=place, xytext=shift, textcoords="offset points", color=colour,
        ha=ha, fontsize=9.5, fontweight="bold", zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip


def _level(axes: Axes, name: str, value: float) -> None:
    axes.axhline(value, color=GREY, linewidth=1.4, linestyle=(0, (5, 3)), zorder=1)
    axes.annotate(
        f"{name}  {value:.2f}", xy=(1.02, value), xycoords=("axes fraction", "data"),
        color=GREY, va="center", fontsize=9.5, fontweight="bold",
    )  # fmt: skip


def _rows_axes(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(sizes[0] / 1.35, sizes[-1] * 1.35)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(say("chart.rows.x"))
    axes.set_ylabel(say("chart.f1"))


def _rows_reading(
    by_rows: pd.DataFrame,
    rivals: Mapping[str, float],
    live: tuple[int, float] | None,
) -> str:
    parts = [
        say(
            "reading.rows.one",
            rows=f"{n:,}", mean=row["mean"], low=row["min"], high=row["max"],
        )
        for n, row in by_rows.iterrows()
    ]  # fmt: skip
    text = say("reading.rows", parts="; ".join(parts))
    for name, value in rivals.items():
        text += " " + say("reading.rows.rival", name=name, value=value)
    if live is not None:
        text += " " + say("reading.rows.live", rows=live[0], value=live[1])
    return text


def group_chart(table: pd.DataFrame, title: str = "", axis: str = "") -> Chart:
    """Draw shares as bars in groups: one group per row, one bar per column.

    Args:
        table: values from 0 to 1; the index names the groups, the columns the bars.
        title: above the chart.
        axis: what the values are.

    Returns:
        The chart; its sentence tells every value.
    """
    bars = len(table.columns)
    step = bars + 1 + GAP
    with mpl.rc_context(chart_fonts()):
        height = 1.1 + 0.27 * step * len(table)
        figure = Figure(figsize=(7.6, height), layout="constrained")
        axes = figure.add_subplot()
        heights: list[float] = []
        names: list[str] = []
        for g, (group, values) in enumerate(table.iterrows()):
            top = -g * step
            heights.append(top)
            names.append(str(group))
            for b, (name, value) in enumerate(values.items()):
                place = top - 1 - b
                _bar(axes, place, float(value), b)
                heights.append(place)
                names.append(str(name))
        axes.set_yticks(heights, names)
        heads = range(0, len(names), bars + 1)
        for i, label in enumerate(axes.get_yticklabels()):
            label.set_fontweight("bold" if i in heads else "normal")
        axes.set_ylim(min(heights) - 0.7, 0.6)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis)
        axes.set_title(title)
    return Chart(figure, _group_reading(table, title))


def _bar(axes: Axes, place: float, value: float, number: int) -> None:
    colour = PALETTE[number % len(PALETTE)]
    axes.barh(place, value, height=BAR, color=colour)
    if value < 0.01:  # a bar without length; the mark says that it is there
        axes.plot(
            value, place, color=colour, marker=MARKERS[number % len(MARKERS)],
            markersize=5, clip_on=False,
        )  # fmt: skip
    shown = "–" if np.isnan(value) else f"{value:.2f}"
    axes.annotate(
        shown, xy=(0 if np.isnan(value) else value, place), xytext=(8, 0),
        textcoords="offset points", va="center", fontsize=9.5, color=colour,
        fontweight="bold",
    )  # fmt: skip


def _group_reading(table: pd.DataFrame, title: str) -> str:
    groups = []
    for group, values in table.iterrows():
        parts = ", ".join(f"{name} {value:.2f}" for name, value in values.items())
        groups.append(f"{group}: {parts}")
    text = "; ".join(groups) + "."
    return f"{title}. {text}" if title else text
