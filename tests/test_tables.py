"""Tables of text: line breaks stay, and a model's words never become HTML."""

import pandas as pd

from helpers.tables import TextTable

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
