"""Forms answer at once, and say the same without a front end."""

import pytest

from helpers.charts import Picture
from helpers.widgets.forms import Field, Form

FIELDS = (
    Field("guests", "Guests", "People"),
    Field(
        "hot", "Hot?", "Soup", (("not answered", None), ("yes", True), ("no", False))
    ),
    Field("note", "Note", "Soup"),
)


class Bowls:
    def __init__(self, values):
        self.values = values
        self.bowls = int(values["guests"])

    def _repr_html_(self):
        return f"<p>{self.bowls} bowls, hot: {self.values['hot']}</p>"

    def __repr__(self):
        return f"{self.bowls} bowls"


def form(values=None, **more):
    return Form(FIELDS, values or {"guests": 3, "hot": None}, Bowls, **more)


def test_changing_a_field_changes_the_outcome():
    shown = form()
    output = shown.widget.children[-1]
    assert "3 bowls, hot: None" in output.value
    shown.controls["guests"].value = "5"
    shown.controls["hot"].value = False
    assert "5 bowls, hot: False" in output.value
    assert shown.values == {"guests": "5", "hot": False}


def test_what_is_not_touched_keeps_its_value_and_type():
    start = {"guests": 3, "hot": None, "note": (0.4, 0.3, 0.5)}
    shown = form(start)
    assert shown.controls["note"].value == "0.4, 0.3, 0.5"
    assert shown.values == start
    shown.controls["note"].value = ""
    assert shown.values["note"] == ""


def test_a_wrong_entry_is_told_in_place_and_mended_again():
    shown = form()
    output = shown.widget.children[-1]
    shown.controls["guests"].value = "<many>"
    assert output.value.startswith("<p>✘ ")
    assert "&lt;many&gt;" in output.value
    shown.controls["guests"].value = "2"
    assert "2 bowls" in output.value


def test_a_wrong_start_value_is_an_error_of_the_cell():
    with pytest.raises(ValueError, match="many"):
        form({"guests": "many", "hot": None})


def test_fields_stand_under_the_heading_of_their_group():
    rows = form().widget.children
    assert [getattr(row, "description", "") or row.value for row in rows[:-1]] == [
        "<b>People</b>", "Guests", "<b>Soup</b>", "Hot?", "Note",
    ]  # fmt: skip


def test_an_output_holds_the_widget_and_the_outcome_as_text():
    bundle = form()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "3 bowls" in bundle["text/html"]
    assert bundle["text/plain"].startswith("3 bowls")
    for kind in ("text/html", "text/plain"):
        assert "change the dict above" in bundle[kind]


def test_widgets_can_be_left_out(monkeypatch):
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    shown = form()
    assert shown.widget is None
    assert shown.values == {"guests": 3, "hot": None}
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_a_chart_is_drawn_with_its_sentence_as_alternative_text():
    class Chart:
        def image(self):
            return Picture(b"png", 'A "bowl"', 300)

    output = form(chart=lambda values: Chart()).widget.children[-1]
    assert 'alt="A &quot;bowl&quot;" width="300"' in output.value
    assert "data:image/png;base64,cG5n" in output.value
