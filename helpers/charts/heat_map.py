"""A table of shares as coloured squares, each with its number.

Purpose: one picture for "where is it large?". The number stands in every square, and a
sentence names the largest and the smallest, so that nothing is told by colour alone.
The colour goes from light to dark of one hue, which everybody can tell apart.
It knows tables only, never what was measured.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.charts import INK, Chart
from helpers.charts import chart_fonts as chart_style
from helpers.messages import say

COLOURS = "Blues"
DARK = 0.6  # from this share of the largest value on, letters are white


def heat_map(
    table: pd.DataFrame, title: str = "", rows: str = "", columns: str = ""
) -> Chart:
    """Draw a table of shares.

    Args:
        table: shares of 1, such as 0.021 for 2.1 %; gaps are left white.
        title: above the picture.
        rows: what a row is, such as "layer"; it stands before each name of a row.
        columns: what the columns are; below the picture.

    Returns:
        The chart; its sentence names the largest and the smallest square.

    Raises:
        ValueError: the table has no number.
    """
    values = table.to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(values).any():
        raise ValueError(say("heat.empty"))
    most = float(np.nanmax(values))
    names = [f"{rows} {name}".strip() for name in table.index]
    with mpl.rc_context(chart_style()):
        height = 1.5 + 0.42 * len(names)
        figure = Figure(figsize=(7.6, height), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(values, cmap=COLOURS, vmin=0, vmax=most or 1, aspect="auto")
        axes.grid(visible=False)
        axes.set_xticks(range(len(table.columns)), map(str, table.columns))
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "white" if value > DARK * most else INK
                axes.text(
                    j, i, f"{value:.1%}", ha="center", va="center", color=colour,
                    fontsize=9,
                )  # fmt: skip
        axes.set_xlabel(columns)
        axes.set_title(title)
    return Chart(figure, _reading(table, values, names))


def _reading(table: pd.DataFrame, values: np.ndarray, names: list[str]) -> str:
    """Name the largest and the smallest square."""

    def place(flat: int) -> str:
        i, j = np.unravel_index(flat, values.shape)
        return f"{names[i]}, {table.columns[j]}"

    return say(
        "reading.heat",
        most_where=place(int(np.nanargmax(values))),
        most=float(np.nanmax(values)),
        least_where=place(int(np.nanargmin(values))),
        least=float(np.nanmin(values)),
        n=int(np.isfinite(values).sum()),
    )
