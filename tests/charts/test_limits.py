"""The charts about limits: every value is told in words, and nothing overlaps."""

import io

import pandas as pd
import PIL.Image
import pytest

from helpers.charts.limits import group_chart, rows_chart

RUNS = pd.DataFrame(
    {
        "rows": [10, 10, 100, 100, 1000, 1000],
        "seed": [0, 1] * 3,
        "f1": [0.5, 0.7, 0.85, 0.89, 0.95, 0.95],
    }
)
SHARES = pd.DataFrame(
    {"base": [1.0, 0.9], "tuned": [0.0, 0.45]}, index=["facts", "repeat"]
)


def texts(chart):
    """All texts that are drawn in a figure."""
    (axes,) = chart.figure.axes
    found = [t.get_text() for t in axes.texts]
    found += [t.get_text() for t in axes.get_yticklabels()]
    return found + [t.get_text() for t in axes.get_xticklabels()]


def test_the_chart_of_rows_shows_mean_seeds_rival_and_the_live_job():
    chart = rows_chart(RUNS, rivals={"rule": 0.76}, live=(100, 0.88))
    assert {"0.60", "0.87", "0.95", "rule  0.76", "just now  0.88"} <= set(texts(chart))
    assert {"10", "100", "1,000"} <= set(texts(chart))
    assert "10 rows 0.60 (0.50 to 0.70)" in chart.reading
    assert "rule, 0.76" in chart.reading
    assert "100 rows, 0.88" in chart.reading


def test_rival_and_live_job_may_be_missing():
    assert "rule" not in rows_chart(RUNS).reading


def test_no_runs_cannot_be_drawn():
    with pytest.raises(ValueError, match="no run"):
        rows_chart(RUNS.head(0))


def test_groups_are_named_once_and_every_bar_by_its_system():
    chart = group_chart(SHARES, "Skills", "share")
    found = texts(chart)
    assert found.count("facts") == found.count("repeat") == 1
    assert found.count("base") == found.count("tuned") == 2
    assert {"1.00", "0.00", "0.90", "0.45"} <= set(found)
    assert chart.reading == (
        "Skills. facts: base 1.00, tuned 0.00; repeat: base 0.90, tuned 0.45."
    )


@pytest.mark.parametrize("chart", [rows_chart(RUNS), group_chart(SHARES, "Skills")])
def test_a_chart_is_a_small_picture(chart):
    picture = PIL.Image.open(io.BytesIO(chart.png()))
    assert picture.size[0] == 1140
    assert len(chart.png()) < 60_000
