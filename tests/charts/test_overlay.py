"""Curves over each other: told apart without colour, and put into words."""

import io

import PIL.Image
import pytest

from helpers.charts.overlay import LOOKS, overlay

CURVES = {"one": [2.0, 1.0, 0.5], "another": [2.1, 1.1, 0.4]}


def test_the_sentence_tells_where_each_curve_begins_and_ends() -> None:
    reading = overlay(CURVES).reading
    assert "one 2.00, then 0.50" in reading
    assert "another 2.10, then 0.40" in reading


def test_a_long_curve_is_told_by_the_means_of_its_first_and_last_tenth() -> None:
    reading = overlay({"long": [1.0, 3.0] * 5 + [0.0] * 10}).reading
    assert "long 2.00, then 0.00" in reading


def test_curves_differ_in_the_pattern_of_their_lines_and_have_names() -> None:
    (axes,) = overlay(CURVES, title="Loss").figure.axes
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["one", "another"]
    assert axes.get_title(loc="left") == "Loss"
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3]


def test_it_becomes_a_picture() -> None:
    assert PIL.Image.open(io.BytesIO(overlay(CURVES).png())).width > 500


@pytest.mark.parametrize(
    "curves", [{}, {"empty": []}, {str(i): [1.0] for i in range(len(LOOKS) + 1)}]
)
def test_no_curve_an_empty_one_or_too_many_are_refused(curves: dict) -> None:
    with pytest.raises(ValueError, match="curves"):
        overlay(curves)
