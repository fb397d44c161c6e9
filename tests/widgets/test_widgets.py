"""Widgets show what they hold, and everything is there without a front end as well."""

import pandas as pd
import pytest

from helpers.widgets import browse

FRAME = pd.DataFrame(
    {"title": ["Soup", "Pie", "Tea", "Jam"], "answer": ["salt", "<i>", "x\ny", "plum"]}
)


def test_the_slider_moves_through_the_rows() -> None:
    slider, shown = browse(FRAME).widget.children
    assert "Soup" in shown.value
    slider.value = 4
    assert "Jam" in shown.value
    assert "Soup" not in shown.value


def test_an_output_holds_the_widget_and_the_first_rows_as_a_table() -> None:
    bundle = browse(FRAME, still=2)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].count("<table") == 2
    assert "Soup" in bundle["text/html"]
    assert "Pie" in bundle["text/html"]
    assert "Tea" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("title: Soup")


def test_widgets_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    browser = browse(FRAME)
    assert browser.widget is None
    assert set(browser._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_what_is_shown_never_becomes_html() -> None:
    slider, shown = browse(FRAME).widget.children
    slider.value = 2
    assert "&lt;i&gt;" in shown.value


def test_an_empty_table_can_be_browsed() -> None:
    slider, shown = browse(FRAME.head(0)).widget.children
    assert slider.max == 1
    assert shown.value == ""
