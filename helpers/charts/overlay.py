"""Several curves over the same steps, laid over each other.

Purpose: to see whether two trainings went alike. Curves differ in colour and in the
pattern of their lines, and a sentence tells where each begins and ends.
It knows numbers only, never what was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from helpers.charts import BLUE, GREEN, ORANGE, PURPLE, Chart
from helpers.charts import chart_fonts as chart_style
from helpers.messages import say

LOOKS = (
    {"color": BLUE, "linestyle": "-", "linewidth": 2.6, "alpha": 0.6},
    {"color": ORANGE, "linestyle": "--", "linewidth": 1.4},
    {"color": GREEN, "linestyle": ":", "linewidth": 2.0},
    {"color": PURPLE, "linestyle": "-.", "linewidth": 1.4},
)


def overlay(curves: Mapping[str, Sequence[float]], title: str = "") -> Chart:
    """Draw the losses of several trainings over their steps.

    Args:
        curves: name -> loss of each step, from step 1.
        title: above the chart.

    Returns:
        The chart; its sentence tells the mean of the first and the last tenth of each.

    Raises:
        ValueError: there is no curve, one is empty, or there are more than looks.
    """
    lines = {name: np.asarray(list(c), dtype=float) for name, c in curves.items()}
    if not 1 <= len(lines) <= len(LOOKS) or not all(len(y) for y in lines.values()):
        raise ValueError(say("overlay.curves", most=len(LOOKS)))
    with mpl.rc_context(chart_style()):
        figure = Figure(figsize=(7.6, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for (name, y), look in zip(lines.items(), LOOKS, strict=False):
            axes.plot(np.arange(1, len(y) + 1), y, label=name, **look)
        axes.set_title(title)
        axes.set_xlabel(say("chart.step"))
        axes.set_ylabel(say("chart.loss.axis"))
        axes.set_ylim(bottom=0)
        axes.set_xlim(1, max(max(len(y) for y in lines.values()), 2))
        axes.grid(axis="x", visible=False)
        axes.legend(frameon=False, loc="upper right")
    return Chart(figure, _reading(lines))


def _reading(lines: Mapping[str, np.ndarray]) -> str:
    parts = []
    for name, y in lines.items():
        tenth = max(1, len(y) // 10)
        first, last = float(y[:tenth].mean()), float(y[-tenth:].mean())
        parts.append(say("reading.overlay.curve", name=name, first=first, last=last))
    return say("reading.overlay", curves="; ".join(parts))
