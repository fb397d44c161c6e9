"""The chart of exact and execution match: an image, and a sentence with every value."""

import pandas as pd

from helpers.charts.sql import match_chart
from helpers.evaluation import Result
from helpers.sql_scores import match_table


def result(right: int, n: int = 40) -> Result:
    ones = [1.0] * right + [0.0] * (n - right)
    rows = pd.DataFrame(dict.fromkeys(("raw", "exact", "execution", "valid"), ones))
    return Result([], rows)


def test_the_sentence_tells_every_system_with_its_interval() -> None:
    table = match_table({"base": result(2), "tuned": result(30)})
    chart = match_chart(table, "Seen schemas", highlight="tuned")
    assert "base: same rows 0.05 (0.00 to 0.1" in chart.reading
    assert "tuned: same rows 0.75 (0.6" in chart.reading
    assert chart.png().startswith(b"\x89PNG")


def test_a_table_has_a_row_per_system_with_intervals() -> None:
    table = match_table({"base": result(0)})
    assert table.loc["base", "n"] == 40
    assert table.loc["base", ["execution_low", "execution_high"]].tolist() == [0, 0]
