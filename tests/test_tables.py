"""Tables of text: line breaks stay, and a model's words never become HTML."""

import pandas as pd

from helpers.tables import Link, LinkTable, TextTable

FRAME = pd.DataFrame({"title": ["Soup"], "answer": ["salt\n+ <b>water</b>"]})


def test_line_breaks_are_kept() -> None:
    assert "salt<br>+ " in TextTable(FRAME)._repr_html_()


def test_what_a_model_wrote_is_shown_as_text() -> None:
    shown = TextTable(FRAME)._repr_html_()
    assert "&lt;b&gt;water" in shown
    assert "<b>" not in shown


def test_every_cell_and_every_name_is_there() -> None:
    shown = TextTable(FRAME.set_index("title"), index=True)._repr_html_()
    assert shown.count("<td") == shown.count("<th") == 2
    assert ">title<" in shown


def test_without_a_front_end_the_table_is_plain_text() -> None:
    assert repr(TextTable(FRAME)) == "title: Soup\nanswer: salt\n    + <b>water</b>"


# --- tables with links ------------------------------------------------------------

LINKS = pd.DataFrame(
    {
        "page": [Link("Start | here", "00_start_here.ipynb"), "none yet"],
        "also": [["1", Link("b", "https://example.org/b")], []],
        "n": [3, 4],
    }
)


def test_a_table_with_links_is_markdown_with_a_line_for_each_row() -> None:
    lines = LinkTable(LINKS)._repr_markdown_().splitlines()
    assert lines[:2] == ["| page | also | n |", "| --- | --- | --- |"]
    assert lines[2] == (
        "| [Start \\| here](00_start_here.ipynb) | 1, [b](https://example.org/b) | 3 |"
    )
    assert lines[3] == "| none yet |  | 4 |"


def test_signs_of_markdown_in_a_text_stay_signs() -> None:
    frame = pd.DataFrame({"a_b": ["<b>*x*</b>\n`y`"]})
    text = LinkTable(frame).markdown()
    assert "a\\_b" in text
    assert "\\<b\\>\\*x\\*" in text
    assert "<br>" in text
    assert len(text.splitlines()) == 3


def test_a_table_with_links_has_its_addresses_without_a_front_end_too() -> None:
    text = repr(LinkTable(LINKS))
    assert "page: Start | here (00_start_here.ipynb)" in text
    assert "also: 1, b (https://example.org/b)" in text
