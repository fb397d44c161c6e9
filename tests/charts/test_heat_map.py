"""Heat maps: every square has its number, and a sentence tells the extremes."""

import io

import pandas as pd
import PIL.Image
import pytest

from helpers.charts.heat_map import heat_map

TABLE = pd.DataFrame({"q": [0.01, 0.021], "down": [0.05, None]}, index=[1, 2])


def texts(chart) -> list[str]:
    (axes,) = chart.figure.axes
    return [text.get_text() for text in axes.texts]


def test_every_square_has_its_number_and_a_gap_has_none() -> None:
    assert sorted(texts(heat_map(TABLE))) == ["1.0%", "2.1%", "5.0%"]


def test_the_sentence_names_the_largest_and_the_smallest() -> None:
    reading = heat_map(TABLE, rows="layer").reading
    assert "layer 1, down (5.0%)" in reading
    assert "layer 1, q (1.0%)" in reading
    assert "3 squares" in reading


def test_rows_columns_and_title_are_written_at_the_picture() -> None:
    chart = heat_map(TABLE, title="Moved", rows="layer", columns="matrix")
    (axes,) = chart.figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "layer 1",
        "layer 2",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["q", "down"]
    assert axes.get_xlabel() == "matrix"
    assert axes.get_title(loc="left") == "Moved"


def test_letters_on_dark_squares_are_white() -> None:
    (axes,) = heat_map(TABLE).figure.axes
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert colours["5.0%"] == "white"
    assert colours["1.0%"] != "white"


def test_it_becomes_a_picture() -> None:
    image = PIL.Image.open(io.BytesIO(heat_map(TABLE).png()))
    assert image.width > 500


def test_a_table_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        heat_map(pd.DataFrame({"q": [None]}))


def test_a_table_of_zeros_can_be_drawn() -> None:
    assert texts(heat_map(TABLE * 0)) == ["0.0%", "0.0%", "0.0%"]
