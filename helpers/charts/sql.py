"""The chart of the notebook about Hugging Face: how many queries match, and how surely.

Purpose: exact match and execution match beside each other, with intervals, in the style
of `charts`. It knows tables only, never a model.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.charts import BLUE, GREY, ORANGE, Chart, chart_fonts
from helpers.messages import say

PANELS = ("exact", "execution")


def match_chart(table: pd.DataFrame, title: str = "", highlight: str = "") -> Chart:
    """Draw exact and execution match of systems as points with their intervals.

    Args:
        table: what `sql_scores.match_table` returns.
        title: above the chart.
        highlight: word in the names of the systems to draw in the other colour.

    Returns:
        The chart; its sentence tells every value.
    """
    names = [str(name) for name in table.index]
    heights = np.arange(len(names))[::-1]
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 1.5 + 0.45 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, metric in zip(panels, PANELS, strict=True):
            for height, name in zip(heights, names, strict=True):
                chosen = bool(highlight) and highlight in name
                _draw(axes, table.loc[name], metric, height, chosen)
            axes.set_title(say(f"metric.{metric}_sql"), fontweight="normal")
            axes.set_xlim(-0.02, 1.16)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
            axes.set_xticklabels(["0", "0.25", "0.5", "0.75", "1"])
            axes.set_ylim(-0.6, len(names) - 0.4)
            axes.set_yticks(heights, names)
            axes.tick_params(length=0)
            axes.grid(axis="y", visible=False)
            axes.spines["left"].set_visible(False)
        figure.supxlabel(
            say("chart.bands"), x=0.01, ha="left", fontsize=8.5, color=GREY
        )
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return Chart(figure, _reading(table))


def _draw(axes: Axes, row: pd.Series, metric: str, height: float, chosen: bool) -> None:
    value, low, high = (float(row[metric + end]) for end in ("", "_low", "_high"))
    colour = ORANGE if chosen else BLUE
    axes.plot(
        [low, high], [height, height], color=colour, linewidth=10, alpha=0.3,
        solid_capstyle="butt",
    )  # fmt: skip
    axes.plot(
        value, height, marker="D" if chosen else "o", markersize=5.5, color=colour,
        clip_on=False,
    )  # fmt: skip
    axes.annotate(
        f"{value:.2f}", xy=(max(high, value), height), xytext=(9, 0),
        textcoords="offset points", va="center", color=colour, fontweight="bold",
    )  # fmt: skip


def _reading(table: pd.DataFrame) -> str:
    parts = [
        say(
            "reading.match", name=name, execution=row["execution"],
            low=row["execution_low"], high=row["execution_high"], exact=row["exact"],
        )
        for name, row in table.iterrows()
    ]  # fmt: skip
    return say("reading.matches", parts="; ".join(parts))
