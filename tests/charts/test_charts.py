"""Charts: drawn without a front end, readable without colour, told in a sentence."""

import base64
import io

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from helpers.charts import (
    PALETTE,
    cost_chart,
    error_chart,
    loss_curves,
    power_chart,
    score_chart,
)


def metrics(n=60, full=(0.5, 0.4, 0.3)):
    steps = np.arange(1, n + 1)
    places = np.linspace(n / len(full), n, len(full)).astype(int)
    ends = dict(zip(places, full, strict=True))
    return pd.DataFrame(
        {
            "step": steps,
            "train_loss": 2.0 * np.exp(-steps / 15) + 0.1,
            "train_mean_token_accuracy": 1 - np.exp(-steps / 15),
            "valid_loss": [0.6 if s % 10 == 0 else None for s in steps],
            "full_valid_loss": [ends.get(s) for s in steps],
            "full_valid_mean_token_accuracy": [ends.get(s) for s in steps],
        }
    )


def table():
    rows = {
        "a rule": (0.74, 0.72, 0.76, 0.15, 0.11, 0.19),
        "base model": (0.12, 0.10, 0.14, 0.0, 0.0, 0.0),
        "fine-tuned": (0.93, 0.92, 0.94, 0.61, 0.55, 0.66),
    }
    columns = ["f1", "f1_low", "f1_high", "exact", "exact_low", "exact_high"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns).assign(n=300)


def texts(chart):
    """All texts that are drawn in a figure."""
    found = []
    for axes in chart.figure.axes:
        found += [t.get_text() for t in axes.texts]
        found += [axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()]
        found += [t.get_text() for t in axes.get_yticklabels()]
    return [t for t in found if t]


def test_a_chart_is_a_small_picture_without_any_front_end():
    picture = PIL.Image.open(io.BytesIO(loss_curves(metrics()).png()))
    assert picture.size == (1140, 540)
    assert len(loss_curves(metrics()).png()) < 60_000


def test_every_curve_carries_its_name_and_last_value():
    found = texts(loss_curves(metrics()))
    assert "validation (all)  0.30" in found
    # The last of many different batches says nothing, so it has no number.
    assert "validation (a batch)" in found
    assert any(t.startswith("training  0.1") for t in found)


def test_names_of_curves_do_not_overlap():
    close = metrics().assign(train_loss=0.5, valid_loss=0.5, full_valid_loss=0.5)
    chart = loss_curves(close)
    heights = sorted(t.xy[1] for t in chart.figure.axes[0].texts)
    assert len(heights) == 3
    assert min(np.diff(heights)) >= 0.08


def test_falling_validation_loss_is_read_as_no_sign_of_overfitting():
    reading = loss_curves(metrics()).reading
    assert "from 1.97 to 0.1" in reading
    assert "no sign of overfitting" in reading


def test_rising_validation_loss_is_read_as_learning_by_heart():
    reading = loss_curves(metrics(full=(0.5, 0.3, 0.45))).reading
    assert "best at step 40 (0.30)" in reading
    assert "ended at 0.45" in reading
    assert "by heart" in reading


def test_falling_validation_accuracy_is_read_as_learning_by_heart():
    chart = loss_curves(metrics(full=(0.5, 0.7, 0.6)), what="accuracy")
    assert "by heart" in chart.reading
    rising = loss_curves(metrics(full=(0.5, 0.7, 0.8)), what="accuracy")
    assert "no sign of overfitting" in rising.reading


def test_a_job_without_validation_is_read_by_its_training_loss_alone():
    reading = loss_curves(metrics()[["step", "train_loss"]]).reading
    assert reading.startswith("Training loss went from 1.97")
    assert "validation" not in reading


def test_one_validation_is_told_without_a_trend():
    reading = loss_curves(metrics(full=(0.4,))).reading
    assert "it is 0.40" in reading
    assert "overfitting" not in reading


@pytest.mark.parametrize("rows", [0, 1, 2, 19, 20])
def test_a_job_that_has_just_begun_can_be_drawn(rows):
    chart = loss_curves(metrics().head(rows), total_steps=300)
    assert chart.figure.axes[0].get_xlim() == (0, 300)
    assert chart.png().startswith(b"\x89PNG")
    if not rows:
        assert chart.reading == "No metrics yet."


def test_the_line_of_single_batches_ends_where_its_name_says():
    jumpy = metrics(300).assign(train_loss=[1.0] * 299 + [5.0])
    (label,) = [t for t in texts(loss_curves(jumpy)) if t.startswith("training")]
    assert float(label.split()[-1]) < 2.5


def test_scores_are_drawn_with_names_and_values():
    found = texts(score_chart(table()))
    for text in ("a rule", "base model", "fine-tuned", "0.74", "0.12", "0.93", "0.61"):
        assert text in found


def test_the_reading_names_every_system_with_its_interval():
    reading = score_chart(table()).reading
    assert "On 300 recipes" in reading
    assert "fine-tuned: F1 0.93 (95 % interval 0.92 to 0.94), 61 % of lists" in reading


def test_the_reading_says_when_systems_answered_different_numbers_of_recipes():
    mixed = table().assign(n=[100, 50, 100])
    reading = score_chart(mixed).reading
    assert "first 50 to 100 recipes of one test set" in reading


def rates():
    kinds = ["missed", "invented", "cut", "spelling", "unreadable"]
    rows = {"rule": [8, 4, 12, 1, 0], "base": [0, 0, 0, 0, 100], "best": [0] * 5}
    return pd.DataFrame.from_dict(rows, "index", columns=kinds)


def test_errors_are_drawn_with_names_and_totals_and_told_by_kind():
    chart = error_chart(rates())
    found = texts(chart)
    for text in ("rule", "base", "best", "25", "100", "0"):
        assert text in found
    assert "rule: 25, most often cut wrongly (12)" in chart.reading
    assert "base: 100, most often unreadable answer (100)" in chart.reading
    assert "best: none" in chart.reading
    assert chart.png().startswith(b"\x89PNG")


def test_kinds_of_errors_are_named_and_told_apart_without_colour():
    figure = error_chart(rates()).figure
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()][:2] == ["missed", "invented"]
    hatches = {bars[0].get_hatch() for bars in figure.axes[0].containers}
    assert len(hatches) == 5


def test_the_size_of_a_test_is_read_from_the_curve():
    chances = pd.DataFrame(
        {0.02: [0.1, 0.2, 0.4], 0.1: [0.5, 0.85, 1.0]},
        index=pd.Index([50, 100, 1600], name="n"),
    )
    chart = power_chart(chances)
    assert "for a gain of 0.1 from 100 recipes on" in chart.reading
    assert "for a gain of 0.02 not even with 1,600 recipes" in chart.reading
    assert "gain 0.02" in texts(chart)
    assert chart.png().startswith(b"\x89PNG")


def test_a_chart_is_saved_where_it_is_told(tmp_path):
    path = score_chart(table(), "Scores").save(tmp_path / "new" / "scores.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_notebook_gets_the_picture_with_its_sentence_as_alternative_text():
    chart = score_chart(table())
    data, metadata = chart.image()._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == chart.png()
    assert data["text/plain"] == metadata["image/png"]["alt"] == chart.reading
    assert metadata["image/png"]["width"] == 730


def cost_lines(start=(0.0, 100.0), slope=(1.2, 0.4)):
    names = ["long prompt", "fine-tuned"]
    return pd.DataFrame({"start": start, "slope": slope}, index=names)


def test_a_cost_chart_names_both_lines_the_readers_calls_and_the_crossing():
    chart = cost_chart(cost_lines(), 200, "It pays.", crossing=125, title="Cost")
    found = texts(chart)
    for text in ("long prompt", "fine-tuned", "your calls", "break-even", "Cost"):
        assert text in found
    assert chart.reading == "It pays."
    assert chart.png().startswith(b"\x89PNG")


def test_both_lines_meet_at_the_crossing():
    axes = cost_chart(cost_lines(), 200, "", crossing=125).figure.axes[0]
    (cross,) = [line for line in axes.lines if line.get_marker() == "X"]
    for line in axes.lines[:2]:
        height = np.interp(125, line.get_xdata(), line.get_ydata())
        assert height == pytest.approx(float(np.ravel(cross.get_ydata())[0]))


@pytest.mark.parametrize("crossing", [None, 1e9])
def test_a_crossing_that_is_far_off_or_nowhere_is_not_drawn(crossing):
    chart = cost_chart(cost_lines(), 200, "", crossing=crossing)
    assert "break-even" not in texts(chart)
    assert chart.figure.axes[0].get_xlim()[1] == pytest.approx(360)


@pytest.mark.parametrize("calls", [0, 1, 1e7])
def test_costs_can_be_drawn_for_any_number_of_calls(calls):
    chart = cost_chart(cost_lines((0, 0), (0, 0)), calls, "")
    assert chart.png().startswith(b"\x89PNG")


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_used_for_text_can_be_read_on_white():
    # WCAG 2.2, success criterion 1.4.3 for large text: 3 to 1.
    for colour in PALETTE[:4]:
        assert 1.05 / (luminance(colour) + 0.05) >= 3
