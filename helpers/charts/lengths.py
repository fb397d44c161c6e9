"""How long the examples of a file are, in tokens, in one chart and one sentence.

Purpose: above, the tokens of whole examples, which are read and billed, with the limit
of the model; below, the tokens of the answers, which are what is learned. Lengths
differ by factors, so each mark of the axis is twice the one before.
It knows numbers only, never an example, a file or a provider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers import charts
from helpers.charts import BLUE, GREEN, GREY, INK, ORANGE, Chart
from helpers.messages import say

BARS_PER_DOUBLING = 6


def length_chart(
    lengths: Sequence[int],
    answers: Sequence[int] | None = None,
    limit: int | None = None,
    title: str = "",
) -> Chart:
    """Draw how many examples have how many tokens.

    Args:
        lengths: tokens of each example.
        answers: of these, tokens of the answer; without them one panel is drawn.
        limit: most tokens that the model reads; longer examples are drawn in another
            colour, with their number.
        title: above the chart.

    Returns:
        The chart; its sentence tells median, the middle 90 %, the longest, the share of
        the answers and how many examples are too long.

    Raises:
        ValueError: there are not as many answers as lengths.
    """
    whole = np.asarray(list(lengths), dtype=int)
    parts = [("whole", whole, BLUE)]
    if answers is not None:
        learned = np.asarray(list(answers), dtype=int)
        if len(learned) != len(whole):
            raise ValueError(
                f"{len(learned)} answers and {len(whole)} lengths; give one each."
            )
        parts.append(("answer", learned, GREEN))
    with mpl.rc_context(charts.chart_fonts()):
        figure = Figure(figsize=(7.6, 1.4 + 1.6 * len(parts)), layout="constrained")
        panels = figure.subplots(len(parts), 1, sharex=True, squeeze=False)[:, 0]
        shown = np.concatenate([values for _, values, _ in parts])
        edges = _edges(shown, limit)
        for axes, (name, values, colour) in zip(panels, parts, strict=True):
            _draw(axes, values, edges, colour, limit if name == "whole" else None)
            label = say(f"chart.lengths.{name}")
            axes.set_title(label, fontsize=10, fontweight="normal", color=INK)
            axes.set_ylabel(say("chart.lengths.examples"))
        _name_marks(panels[-1], edges)
        panels[-1].set_xlabel(say("chart.lengths.tokens"))
        figure.suptitle(
            title or say("chart.lengths.title"),
            x=0.01, ha="left", fontsize=11.5, fontweight="bold",
        )  # fmt: skip
    return Chart(figure, _reading(whole, parts, limit))


def _edges(values: np.ndarray, limit: int | None) -> np.ndarray:
    """Return the edges of the bars; the limit, if there is one, is one of them."""
    low, high = max(1, values.min(initial=64)), max(2, values.max(initial=128))
    if limit:
        high = max(high, limit)
    anchor = math.log2(limit + 1 if limit else 1)
    step = 1 / BARS_PER_DOUBLING
    first = math.floor((math.log2(low) - anchor) / step)
    last = math.ceil((math.log2(high + 1) - anchor) / step)
    return 2.0 ** (anchor + step * np.arange(first, last + 1))


def _draw(
    axes: Axes, values: np.ndarray, edges: np.ndarray, colour: str, limit: int | None
) -> None:
    counts, _ = np.histogram(values, edges)
    over = edges[:-1] > limit if limit else np.zeros(len(counts), dtype=bool)
    axes.bar(
        edges[:-1], counts, width=np.diff(edges), align="edge",
        color=[ORANGE if late else colour for late in over],
        edgecolor="white", linewidth=0.6,
    )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xlim(edges[0] / 1.05, edges[-1] * 1.05)
    top = max(1, counts.max(initial=1))
    axes.set_ylim(0, top * 1.3)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="x", visible=False)
    if len(values):
        # The two outer names lean outwards, so that the three stay apart.
        for share, side in ((0.05, "right"), (0.5, "center"), (0.95, "left")):
            at = _share(values, share)
            axes.plot([at, at], [0, top * 1.06], color=INK, linewidth=1, zorder=3)
            name = f"{100 * share:.0f} %\n{at:,}"
            axes.annotate(
                name, xy=(at, top * 1.08), ha=side, va="bottom", fontsize=8, color=INK
            )
    if limit:
        late = values[values > limit]
        # A single example is a bar too low to be seen.
        axes.plot(
            late, np.full(len(late), 0.06 * top), color=ORANGE, marker="v",
            markersize=6, linestyle="", zorder=3,
        )  # fmt: skip
        axes.axvline(limit, color=GREY, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.annotate(
            say("chart.lengths.limit", limit=f"{limit:,}"), xy=(limit, top * 1.08),
            xytext=(-4, 0), textcoords="offset points", ha="right", va="bottom",
            fontsize=9, color=GREY,
        )  # fmt: skip
        if len(late):
            axes.annotate(
                say("chart.lengths.over", count=len(late)), xy=(limit, top * 1.08),
                xytext=(4, 0), textcoords="offset points", ha="left", va="bottom",
                fontsize=9, color=ORANGE, fontweight="bold",
            )  # fmt: skip


def _name_marks(axes: Axes, edges: np.ndarray) -> None:
    first, last = math.ceil(math.log2(edges[0])), math.floor(math.log2(edges[-1]))
    marks = [2**power for power in range(first, last + 1)]
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks])
    axes.minorticks_off()


def _share(values: np.ndarray, share: float) -> int:
    """Return the length that this share of the examples do not exceed."""
    return int(np.quantile(values, share, method="inverted_cdf"))


def _reading(
    whole: np.ndarray, parts: list[tuple[str, np.ndarray, str]], limit: int | None
) -> str:
    if not len(whole):
        return say("reading.lengths.nothing")
    text = [
        say(
            "reading.lengths.whole", n=f"{len(whole):,}",
            median=f"{_share(whole, 0.5):,}", p5=f"{_share(whole, 0.05):,}",
            p95=f"{_share(whole, 0.95):,}", longest=f"{whole.max():,}",
        )
    ]  # fmt: skip
    if len(parts) > 1:
        share = 100 * parts[1][1].sum() / max(1, whole.sum())
        text.append(say("reading.lengths.answer", share=share))
    if limit:
        over = int((whole > limit).sum())
        key = "reading.lengths.over" if over else "reading.lengths.fits"
        text.append(say(key, count=over, limit=f"{limit:,}"))
    return " ".join(text)
