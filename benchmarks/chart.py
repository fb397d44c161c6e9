"""One picture of the results: training, answers, and training as things grow.

Drawn by `python -m benchmarks.tables` from those of the results that are there.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.charts import BLUE, GREEN, GREY, MARKERS, ORANGE, Chart, chart_fonts

OURS, OTHERS = BLUE, GREY
SIDES = {
    "ours": "this repository, 8 clients",
    "ours_alone": "this repository, 1 client",
    "serve": "transformers serve, 8 clients",
    "llama_cpp": "llama.cpp, one by one",
    "generate": "generate, one by one",
}
WIDTH, HEIGHT = 7.2, 2.5  # inches, of one panel


def summary(results: Path) -> Chart | None:
    """Draw what is there; None where there is nothing to draw.

    Args:
        results: the folder with the JSON files.
    """
    panels = []
    for name, draw in PANELS.items():
        path = results / f"{name}.json"
        if path.exists():
            panels.append((draw, json.loads(path.read_text("utf-8"))))
    if not panels:
        return None
    with mpl.rc_context(chart_fonts()):
        figure = Figure(figsize=(WIDTH, HEIGHT * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        readings = [
            draw(axis, result)
            for axis, (draw, result) in zip(axes, panels, strict=True)
        ]
    return Chart(figure, " ".join(readings))


def _bars(axes: Axes, bars: list[tuple[str, float, bool]]) -> None:
    """Draw (name, value, is it ours) as bars with their values beside them."""
    names, values, ours = zip(*bars, strict=True)
    colours = [OURS if mine else OTHERS for mine in ours]
    drawn = axes.barh(names, values, color=colours, height=0.7)
    axes.bar_label(drawn, [f"{value:.1f}" for value in values], padding=4)
    axes.invert_yaxis()
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.set_xlim(0, 1.1 * max(values))


def _training(axes: Axes, result: dict) -> str:
    bars = []
    for case in result["cases"]:
        size = case["batch_size"]
        bars.append(
            (f"this repository, batch {size}", case["ours"]["rows_per_second"], True)
        )
        bars.append(
            (f"TRL SFTTrainer, batch {size}", case["trl"]["rows_per_second"], False)
        )
    _bars(axes, bars)
    axes.set_title("Training: rows a second")
    told = ", ".join(
        f"{case['speedup']:.1f} times TRL's rows at batch {case['batch_size']}"
        for case in result["cases"]
    )
    return f"Training reaches {told}."


def _generation(axes: Axes, result: dict) -> str:
    found = {
        name: result["sides"][side]["requests_per_second"]
        for side, name in SIDES.items()
        if side in result["sides"]
    }
    mine = {SIDES["ours"], SIDES["ours_alone"]}
    _bars(axes, [(name, rate, name in mine) for name, rate in found.items()])
    axes.set_title("Answers: requests a second")
    return "Answers a second: " + ", ".join(
        f"{name} {rate:.1f}" for name, rate in found.items()
    ) + "."  # fmt: skip


def _scaling(axes: Axes, result: dict) -> str:
    """Draw tokens a second over what grows, in multiples of the smallest value."""
    columns = {"length": "length", "batch": "batch_size", "rows": "rows"}
    told = []
    for (grows, column), colour, marker in zip(
        columns.items(), (BLUE, ORANGE, GREEN), MARKERS[1:], strict=False
    ):
        cases = [c for c in result["cases"] if c["grows"] == grows]
        if len(cases) < 2:
            continue
        times = [case[column] / cases[0][column] for case in cases]
        speeds = [case["tokens_per_second"] / 1000 for case in cases]
        axes.plot(times, speeds, color=colour, marker=marker, label=grows)
        told.append(f"{grows} {speeds[0]:.1f} to {speeds[-1]:.1f}")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.margins(x=0.12, y=0.15)
    axes.set_ylim(bottom=0)
    # Beside the lines they would stand on each other: all end at the same height.
    axes.legend(loc="lower right", frameon=False)
    axes.set_title("Training the base model: thousand tokens a second")
    axes.set_xlabel("length, batch or rows, times the smallest")
    return f"Thousand tokens a second as things grow: {', '.join(told)}."


PANELS = {"training": _training, "generation": _generation, "scaling": _scaling}
