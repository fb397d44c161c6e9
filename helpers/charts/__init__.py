"""What people look at: one style, colours that everybody can tell apart, one sentence.

Purpose: loss curves of a job and scores of systems, drawn the same way everywhere. Each
chart comes with a sentence that says what it shows; it is the image's alternative text
and is printed below it, so nothing is told by colour alone. Colours: Okabe and Ito,
Color Universal Design (2008). Charts know tables only, never a job or a provider.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.messages import say

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
SKY, PURPLE, YELLOW = "#56B4E9", "#CC79A7", "#E69F00"
INK, GREY, GRID = "#222222", "#6B6B6B", "#E4E4E4"
PALETTE = (GREY, BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY)
MARKERS = ("s", "o", "D", "^", "v", "P", "X")
DPI = 150
LINE = 88  # characters of a line below a chart
STYLE: dict[str, Any] = {
    # The Korean fonts come into play where they are installed.
    "font.family": ["DejaVu Sans", "NanumGothic", "Noto Sans CJK KR", "Malgun Gothic"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.edgecolor": "#9A9A9A",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}


@dataclass(frozen=True)
class Picture:
    """A PNG image that a notebook shows at half its size, with alternative text."""

    png: bytes = field(repr=False)
    alt: str
    width: int  # pixels of a page

    @classmethod
    def of_file(cls, path: str | Path, alt: str, width: int) -> Picture:
        """Return a picture of a file, in few colours, so that notebooks stay small.

        Args:
            path: an image.
            alt: what one sees on it.
            width: in pixels, of the picture and of the page.
        """
        with PIL.Image.open(path) as image:
            height = round(image.height * width / image.width)
            small = image.convert("RGB").resize((width, height), PIL.Image.LANCZOS)
        return cls(_few_colours(small, 32), alt, width)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        image = base64.b64encode(self.png).decode("ascii")
        data = {"image/png": image, "text/plain": self.alt}
        return data, {"image/png": {"width": self.width, "alt": self.alt}}


@dataclass(frozen=True)
class Chart:
    """A figure and the sentence that says what it shows."""

    figure: Figure = field(repr=False)
    reading: str

    def png(self) -> bytes:
        """Return the figure as a PNG image."""
        image = io.BytesIO()
        with mpl.rc_context(chart_fonts()):
            self.figure.savefig(image, format="png", dpi=DPI)
        # Lines and letters need few colours; a third of the bytes in saved notebooks.
        return _few_colours(PIL.Image.open(image).convert("RGB"), 64)

    def save(self, path: str | Path) -> Path:
        """Write the figure as a PNG file and return its path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.png())
        return path

    def image(self) -> Picture:
        """Return the figure for a notebook, with its sentence as alternative text."""
        width = round(self.figure.get_figwidth() * 96)
        return Picture(self.png(), self.reading, width)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.image())
        print(self.wrapped())

    def wrapped(self) -> str:
        """Return the sentence in lines; notebooks would break it within words."""
        return textwrap.fill(self.reading, LINE)

    def __str__(self) -> str:
        return self.reading


def _few_colours(image: PIL.Image.Image, n: int) -> bytes:
    """Return an image as a small PNG of n colours."""
    small = io.BytesIO()
    image.quantize(n, dither=PIL.Image.Dither.NONE).save(
        small, format="png", optimize=True
    )
    return small.getvalue()


def chart_fonts() -> dict[str, Any]:
    """Return the style with the fonts that are installed; others would only warn."""
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    families = [name for name in STYLE["font.family"] if name in known]
    return {**STYLE, "font.family": families or ["sans-serif"]}


# --- loss curves ------------------------------------------------------------------

# column, label, colour, marker; a line or points
CURVES = {
    "loss": (
        ("train_loss", "chart.training", BLUE, ""),
        ("valid_loss", "chart.validation", ORANGE, "o"),
        ("full_valid_loss", "chart.full", GREEN, "D"),
    ),
    "accuracy": (
        ("train_mean_token_accuracy", "chart.training", BLUE, ""),
        ("valid_mean_token_accuracy", "chart.validation", ORANGE, "o"),
        ("full_valid_mean_token_accuracy", "chart.full", GREEN, "D"),
    ),
}


def loss_curves(
    metrics: pd.DataFrame,
    title: str = "",
    what: str = "loss",
    total_steps: int | None = None,
) -> Chart:
    """Draw how loss or token accuracy went during a job.

    Args:
        metrics: one row per step: step, train_loss, train_mean_token_accuracy and, in
            some rows, valid_loss, valid_mean_token_accuracy (of one batch) and
            full_valid_loss, full_valid_mean_token_accuracy (of the whole file).
        title: above the chart.
        what: "loss" or "accuracy".
        total_steps: where the job will end, while it still runs.

    Returns:
        The chart; its sentence tells start, end and the best validation.
    """
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        labels = []
        for column, label, colour, marker in CURVES[what]:
            points = _points(metrics, column)
            if not len(points):
                continue
            x, y = points["step"].to_numpy(), points[column].to_numpy(float)
            end, name = y[-1], say(label)
            if not marker:
                _draw_training(axes, x, y, colour)
                end = _smooth(y)[-1]
                name = f"{name}  {end:.2f}"
            elif marker == "D":
                axes.plot(
                    x, y, color=colour, marker=marker, markersize=7, linewidth=1.6,
                    markeredgecolor="white", markeredgewidth=0.8, zorder=3,
                    clip_on=False,
                )  # fmt: skip
                name = f"{name}  {end:.2f}"
            else:
                # Each point is another batch, so neither a line nor the last of them
                # would mean anything.
                axes.plot(
                    x, y, color=colour, marker=marker, markersize=4, linestyle="",
                    alpha=0.55, zorder=1,
                )  # fmt: skip
                end = float(y[-5:].mean())
            labels.append((end, name, colour))
        axes.set_title(title or say(f"chart.{what}.title"))
        axes.set_xlabel(say("chart.step"))
        axes.set_ylabel(say(f"chart.{what}.axis"))
        axes.grid(axis="x", visible=False)
        last = int(metrics["step"].max()) if len(metrics) else 1
        axes.set_xlim(0, max(total_steps or 0, last, 1))
        axes.xaxis.get_major_locator().set_params(integer=True)
        _scale(axes, metrics, what)
        _label_ends(axes, labels)
    return Chart(figure, _loss_reading(metrics, what))


def _points(metrics: pd.DataFrame, column: str) -> pd.DataFrame:
    if column not in metrics.columns:
        return metrics.iloc[0:0]
    return metrics[["step", column]].dropna()


def _smooth(y: np.ndarray) -> np.ndarray:
    """Return a running mean over a fifteenth of the steps around each point."""
    half = len(y) // 30
    sums = np.cumsum(np.insert(y, 0, 0.0))
    at = np.arange(len(y))
    # Near both ends the window shrinks on both sides, so that the mean does not lag.
    reach = np.minimum(half, np.minimum(at, len(y) - 1 - at))
    reach = np.where(at > len(y) - 1 - half, half // 2, reach)
    starts, ends = np.maximum(0, at - reach), np.minimum(len(y), at + reach + 1)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _draw_training(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    if len(y) >= 20:
        # Loss of single batches jumps about: faint, with the mean on top.
        axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.35)
        y = _smooth(y)
    axes.plot(x, y, color=colour, linewidth=2.0, zorder=2)


def _scale(axes: Axes, metrics: pd.DataFrame, what: str) -> None:
    """Start at zero; leave room above, but not for one batch that jumped."""
    if what == "accuracy":
        axes.set_ylim(0, 1.02)
        return
    tops = [
        np.quantile(points[column].to_numpy(float), 0.99)
        for column, *_ in CURVES[what]
        if len(points := _points(metrics, column))
    ]
    axes.set_ylim(0, max(tops, default=1.0) * 1.12 or 1.0)


def _label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Name each line at its right end, moved apart where names would overlap."""
    low, high = axes.get_ylim()
    place = -math.inf
    for y, text, colour in sorted(labels):
        place = max(min((y - low) / (high - low), 1.0), place + 0.085)
        axes.annotate(
            text,
            xy=(1.02, place),
            xycoords=axes.transAxes,
            color=colour,
            va="center",
            fontsize=9.5,
            fontweight="bold",
        )


def _loss_reading(metrics: pd.DataFrame, what: str) -> str:
    """Say in a sentence or two what the curves show."""
    train_column, _, full_column = (column for column, *_ in CURVES[what])
    train = _points(metrics, train_column)
    if not len(train):
        return say("reading.nothing")
    smooth = _smooth(train[train_column].to_numpy(float))
    text = say(
        f"reading.{what}.training",
        first=float(train[train_column].iloc[0]),
        last=float(smooth[-1]),
        steps=int(train["step"].iloc[-1]),
    )
    full = _points(metrics, full_column)
    if not len(full):
        return text
    values = full[full_column].to_numpy(float)
    best = int(values.argmin() if what == "loss" else values.argmax())
    if len(values) == 1:
        return text + " " + say("reading.full.once", last=values[-1])
    step = int(full["step"].iloc[best])
    # A twentieth is more than a validation set of a hundred rows jumps by chance.
    worse = (
        values[-1] > values[best] * 1.05
        if what == "loss"
        else values[-1] < values[best] - 0.01
    )
    key = "reading.full.rose" if worse else "reading.full.fine"
    return (
        text
        + " "
        + say(
            key,
            last=values[-1],
            best=values[best],
            step=step,
            what=say(f"reading.{what}"),
        )
    )


# --- scores -----------------------------------------------------------------------

SCORES = (("f1", "chart.f1"), ("exact", "chart.exact"))


def score_chart(
    table: pd.DataFrame, title: str = "", highlight: str | None = None
) -> Chart:
    """Draw the scores of systems as points with their 95 % intervals.

    Args:
        table: what `evaluation.score_table` returns.
        title: above the chart.
        highlight: system to draw in colour; the last one without it.

    Returns:
        The chart; its sentence names every system with its score.
    """
    names = [str(name) for name in table.index]
    chosen = highlight or names[-1]
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 1.5 + 0.45 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(SCORES), sharey=True)
        heights = np.arange(len(names))[::-1]
        for axes, (metric, label) in zip(panels, SCORES, strict=True):
            for height, name in zip(heights, names, strict=True):
                row = table.loc[name]
                _draw_score(axes, row, metric, height, name == chosen)
            axes.set_title(say(label), fontweight="normal")
            axes.set_xlim(-0.02, 1.16)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
            axes.set_xticklabels(["0", "0.25", "0.5", "0.75", "1"])
            axes.set_ylim(-0.6, len(names) - 0.4)
            axes.set_yticks(heights, names)
            axes.tick_params(length=0)
            axes.grid(axis="y", visible=False)
            axes.spines["left"].set_visible(False)
        for text, name in zip(panels[0].get_yticklabels(), names, strict=True):
            text.set_fontweight("bold" if name == chosen else "normal")
        figure.supxlabel(
            say("chart.bands"), x=0.01, ha="left", fontsize=8.5, color=GREY
        )
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return Chart(figure, _score_reading(table))


def _draw_score(
    axes: Axes, row: pd.Series, metric: str, height: float, chosen: bool
) -> None:
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
        f"{value:.2f}",
        xy=(max(high, value), height),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontweight="bold",
        fontsize=10,
    )


def _score_reading(table: pd.DataFrame) -> str:
    parts = [
        say(
            "reading.score", name=name, value=row["f1"], low=row["f1_low"],
            high=row["f1_high"], exact=100 * row["exact"],
        )
        for name, row in table.iterrows()
    ]  # fmt: skip
    scores, n = "; ".join(parts), table["n"].astype(int)
    if n.min() < n.max():
        return say("reading.scores_mixed", least=n.min(), most=n.max(), scores=scores)
    return say("reading.scores", n=n.iloc[0], scores=scores)


# --- errors -----------------------------------------------------------------------

# Told apart without colour as well.
HATCHES = ("", "//", "..", "xx", "\\\\")


def error_chart(rates: pd.DataFrame, title: str = "") -> Chart:
    """Draw which kinds of errors systems make, as bars put end to end.

    Args:
        rates: what `answer_errors.error_rates` returns: one row per system, one column
            per kind, errors per 100 right names.
        title: above the chart.

    Returns:
        The chart; its sentence names each system's errors and the most frequent kind.
    """
    names = [str(name) for name in rates.index]
    heights = np.arange(len(names))[::-1]
    left = np.zeros(len(names))
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 1.8 + 0.42 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        for number, kind in enumerate(rates.columns):
            values = rates[kind].to_numpy(float)
            axes.barh(
                heights, values, left=left, height=0.62, label=say(f"error.{kind}"),
                color=PALETTE[(number + 1) % len(PALETTE)],
                hatch=HATCHES[number % len(HATCHES)], edgecolor="white", linewidth=0.6,
            )  # fmt: skip
            left = left + values
        for height, total in zip(heights, left, strict=True):
            axes.annotate(
                f"{total:.0f}", xy=(total, height), xytext=(6, 0),
                textcoords="offset points", va="center", fontweight="bold",
            )  # fmt: skip
        axes.set_yticks(heights, names)
        axes.set_xlim(0, max(float(left.max(initial=0)), 1.0) * 1.1)
        axes.set_xlabel(say("chart.errors.axis"))
        axes.set_title(title or say("chart.errors.title"))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        figure.legend(
            loc="outside lower left", ncols=len(rates.columns), frameon=False,
            fontsize=9, handlelength=1.6, columnspacing=1.2,
        )  # fmt: skip
    return Chart(figure, _error_reading(rates))


def _error_reading(rates: pd.DataFrame) -> str:
    parts = []
    for name, row in rates.iterrows():
        if row.sum() == 0:
            parts.append(say("reading.no_errors", name=name))
            continue
        kind = say(f"error.{row.astype(float).idxmax()}")
        parts.append(
            say("reading.error", name=name, total=row.sum(), kind=kind, n=row.max())
        )
    return say("reading.errors", systems="; ".join(parts))


# --- the size of a test -----------------------------------------------------------


def power_chart(table: pd.DataFrame, target: float = 0.8, title: str = "") -> Chart:
    """Draw the chance to notice a gain against the number of test items.

    Args:
        table: what `power.power_table` returns: index n, one column per gain, 0 to 1.
        target: the chance that is asked for, drawn as a line.
        title: above the chart.

    Returns:
        The chart; its sentence says from which number on each gain is noticed.
    """
    sizes = table.index.to_numpy(float)
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for number, gain in enumerate(table.columns):
            chances = table[gain].to_numpy(float)
            colour = PALETTE[(number + 1) % len(PALETTE)]
            axes.plot(
                sizes, chances, color=colour, linewidth=2.0, markersize=5.5,
                marker=MARKERS[number % len(MARKERS)], clip_on=False,
            )  # fmt: skip
            # All lines end at 1; on their way up there is room to name them.
            place = int(np.abs(chances - 0.6).argmin())
            axes.annotate(
                say("chart.power.gain", gain=gain), xy=(sizes[place], chances[place]),
                xytext=(9, -5), textcoords="offset points", va="top", color=colour,
                fontsize=9.5, fontweight="bold",
            )  # fmt: skip
        axes.axhline(target, color=GREY, linestyle="--", linewidth=1.2)
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axes.minorticks_off()
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(say("chart.power.axis"))
        axes.set_ylabel(say("chart.power.chance"))
        axes.set_title(title or say("chart.power.title"))
        axes.grid(axis="x", visible=False)
    return Chart(figure, _power_reading(table, target))


def _power_reading(table: pd.DataFrame, target: float) -> str:
    parts = []
    for gain in table.columns:
        enough = table.index[(table[gain] >= target).to_numpy()]
        n = f"{min(enough, default=table.index[-1]):,}"
        key = "reading.power.from" if len(enough) else "reading.power.never"
        parts.append(say(key, gain=gain, n=n))
    return say("reading.power", target=100 * target, gains="; ".join(parts))


# --- costs ------------------------------------------------------------------------

COST_MARKERS = ("o", "D")
FAR = 20  # a crossing further off than this many times the reader's calls is not drawn


def cost_chart(
    lines: pd.DataFrame,
    calls: float,
    reading: str,
    crossing: float | None = None,
    title: str = "",
) -> Chart:
    """Draw what two ways cost against how often they are asked per month.

    Args:
        lines: two rows, indexed by the way's name: start (money without a single call)
            and slope (money for one more call per month).
        calls: the reader's own calls per month, marked by a line.
        reading: the sentence that says what the chart shows.
        crossing: calls per month at which both cost the same; None if they never do.
        title: above the chart.

    Returns:
        The chart.
    """
    near = crossing is not None and crossing <= FAR * max(calls, 1.0)
    right = 1.8 * max(calls, crossing if near else 0.0, 1.0)
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        axes = figure.add_subplot()
        labels = []
        for (name, row), colour, marker in zip(
            lines.iterrows(), (BLUE, ORANGE), COST_MARKERS, strict=True
        ):
            x = np.linspace(0.0, right, 7)
            y = row["start"] + row["slope"] * x
            axes.plot(
                x, y, color=colour, marker=marker, markersize=5, linewidth=2.0,
                clip_on=False,
            )  # fmt: skip
            labels.append((float(y[-1]), str(name), colour))
        highest = max(height for height, *_ in labels)
        highest = max(highest, float(lines["start"].max())) or 1.0
        axes.set_ylim(0, 1.1 * highest)
        axes.set_xlim(0, right)
        axes.axvline(calls, color=GREY, linewidth=1.0, linestyle="--", zorder=1)
        _note(axes, say("chart.cost.yours"), calls, 1.07 * highest, right)
        if near:
            height = float(lines["start"].iloc[0] + lines["slope"].iloc[0] * crossing)
            axes.plot(
                crossing, height, marker="X", markersize=11, color=INK,
                markeredgecolor="white", zorder=4,
            )  # fmt: skip
            _note(axes, say("chart.cost.even"), crossing, height, right)
        axes.set_title(title)
        axes.set_xlabel(say("chart.cost.calls"))
        axes.set_ylabel(say("chart.cost.money"))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}" if highest >= 10 else "{x:,.2f}")
        axes.xaxis.get_major_locator().set_params(nbins=6)
        _label_ends(axes, labels)
    return Chart(figure, reading)


def _note(axes: Axes, text: str, x: float, y: float, right: float) -> None:
    """Write a word beside a point, on the side where there is room."""
    left = x > 0.6 * right
    axes.annotate(
        text, xy=(x, y), xytext=(-9 if left else 9, -4),
        textcoords="offset points", ha="right" if left else "left", va="top",
        color=INK, fontsize=9,
    )  # fmt: skip
