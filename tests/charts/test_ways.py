"""The charts of the ways: every tile and point has its word, every chart a sentence."""

import datetime

import pandas as pd

from helpers.charts.ways import ends_chart, where_chart
from helpers.ways import closing_dates, where_steps_happen

DAY = datetime.date(2026, 11, 23)


def words(chart: object) -> list[str]:
    return [text.get_text() for text in chart.figure.axes[0].texts]


def test_every_tile_has_its_word() -> None:
    who = where_steps_happen()
    chart = where_chart(who, "Whose machine")
    assert words(chart) == list(who.to_numpy().ravel())
    mine = int((who["here"] == "you").sum())
    assert f"here {mine} of {len(who)}" in chart.reading
    assert "take the model along (OpenAI, Azure OpenAI)" in chart.reading
    assert chart.png().startswith(b"\x89PNG")


def test_every_end_has_its_date_and_the_sentence_counts_them() -> None:
    ends = closing_dates()
    chart = ends_chart(ends, DAY)
    shown = words(chart)
    assert {day.isoformat() for day in ends["date"]} <= set(shown)
    past = int((ends["date"] <= DAY).sum())
    assert f"{past} of {len(ends)} ends lay behind" in chart.reading
    assert "2026-11-30" in chart.reading
    assert chart.png().startswith(b"\x89PNG")


def test_when_all_has_ended_no_next_one_is_named() -> None:
    ends = pd.DataFrame(
        {"service": ["a"], "what": ["stops"], "date": [datetime.date(2026, 1, 1)]}
    )
    assert ends_chart(ends, DAY).reading.endswith("all 1 ends lay behind.")
