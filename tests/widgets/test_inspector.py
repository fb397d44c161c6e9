"""The inspector pages through a file, with a front end and without."""

import json
from pathlib import Path

import pytest

from helpers.chat_format import check_files
from helpers.widgets.inspector import LONGEST, inspect_file, problem_table


def row(question: str, answer: str = "Salt.") -> dict:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


GOOD = [row(f"Question {i}?", f"Answer {i}.") for i in range(10)]


class Words:
    """Counts words, with the methods that a token counter has."""

    def __call__(self, example: dict) -> int:
        return sum(self.text(m["content"]) for m in example["messages"])

    def text(self, text: str) -> int:
        return len(text.split())

    def answer(self, example: dict) -> int:
        return self.text(example["messages"][-1]["content"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of ten good lines and five others."""
    lines = [json.dumps(one) for one in GOOD]
    lines += [
        json.dumps(row("Write to cook@example.org?")),
        json.dumps(GOOD[2]),
        '{"messages": [{"role": "asistant", "content": "<b>"}]}',
        '{"messages": cook@example.org',
        json.dumps(row("word " * 1000)),
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_menu_offers_all_lines_those_with_problems_and_each_kind(
    path: Path,
) -> None:
    found = inspect_file(path).choices
    assert list(found["all"]) == list(range(1, 16))
    assert found["faulty"] == [11, 12, 13, 14]
    assert found["personal_data"] == [11]
    assert found["duplicate_example"] == [12]
    assert found["role_unknown"] == [13]
    assert found["invalid_json"] == [14]


def test_a_choice_and_the_slider_move_through_the_lines(path: Path) -> None:
    menu, slider, page = inspect_file(path).widget.children
    assert menu.value == "faulty"
    assert slider.max == 4
    assert "Line 11 of 15" in page.value
    slider.value = 2
    assert "Line 12 of 15" in page.value
    assert "line 3" in page.value
    menu.value = "all"
    assert (slider.value, slider.max) == (1, 15)
    assert "Question 0?" in page.value
    slider.value = 15
    menu.value = "role_unknown"
    assert (slider.value, slider.max) == (1, 1)
    assert "Line 13 of 15" in page.value


def test_without_a_front_end_the_first_faulty_lines_are_there(path: Path) -> None:
    bundle = inspect_file(path, still=2)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for kind in ("text/html", "text/plain"):
        assert "Line 11 of 15" in bundle[kind]
        assert "Line 12 of 15" in bundle[kind]
        assert "Line 13 of 15" not in bundle[kind]
        assert "2 of 15 lines are shown" in bundle[kind]


def test_widgets_can_be_left_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_WIDGETS", "no")
    found = inspect_file(path)
    assert found.widget is None
    assert set(found._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_tokens_are_told_for_the_example_and_for_each_message(path: Path) -> None:
    text = inspect_file(path, count_tokens=Words()).text(1)
    assert "4 tokens, 2 of them learned" in text
    assert "tokens: 2" in text
    assert "no problems" in text


@pytest.mark.parametrize("number", [11, 14])
def test_personal_data_are_masked_on_every_page(path: Path, number: int) -> None:
    found = inspect_file(path)
    for shown in (found.page(number), found.text(number)):
        assert "cook@example.org" not in shown
        assert "c…@….org" in shown


def test_what_is_shown_never_becomes_html(path: Path) -> None:
    page = inspect_file(path).page(13)
    assert "&lt;b&gt;" in page
    assert "<b></" not in page


def test_a_line_that_is_no_json_is_shown_as_it_stands(path: Path) -> None:
    text = inspect_file(path).text(14)
    assert '{"messages": ' in text
    assert "as it stands" in text


def test_a_long_text_is_cut_and_says_so(path: Path) -> None:
    text = inspect_file(path).text(15)
    assert "more characters" in text
    assert len(text) < LONGEST + 500


def test_a_report_that_is_there_is_used(path: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.jsonl"
    test.write_text(json.dumps(GOOD[4]) + "\n", encoding="utf-8")
    report = check_files(path, None, test, max_tokens=50, count_tokens=Words())
    found = inspect_file(path, report)
    assert "too_long" in found.choices
    assert "personal_data" not in found.choices
    assert "leak" not in found.choices, "that is a line of the other file"


def test_a_file_without_faults_shows_its_first_lines(tmp_path: Path) -> None:
    path = tmp_path / "good.jsonl"
    path.write_text("\n".join(map(json.dumps, GOOD)), encoding="utf-8")
    found = inspect_file(path)
    assert list(found.choices) == ["all"]
    assert "Line 1 of 10" in repr(found)


def test_an_empty_file_can_be_inspected(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    found = inspect_file(path)
    assert "no lines" in repr(found)
    assert "no lines" in found.widget.children[2].value
    with pytest.raises(IndexError):
        found.line(1)


def test_strange_lines_do_not_stop_the_inspector(tmp_path: Path) -> None:
    path = tmp_path / "strange.jsonl"
    strange = [
        b"\xff\xfe\x00", b"[]", b"3", b"", b"\xef\xbb\xbf{}",
        b'{"messages": [1]}', b'{"messages": [{"role": 3, "content": {"a": [1]}}]}',
        b'{"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}',
        b'{"messages": []}',
    ]  # fmt: skip
    path.write_bytes(b"\n".join(strange))
    found = inspect_file(path, check_files(path), Words())
    for number in range(1, len(strange) + 1):
        assert f"Line {number} " in found.page(number)
        assert f"Line {number} " in found.text(number)


def test_the_table_counts_every_problem_and_names_its_lines(path: Path) -> None:
    report = check_files(path, privacy=True)
    table = problem_table(report).set_index("problem")
    assert table.loc["duplicate_example"].tolist() == ["warning", 1, "12"]
    assert table.loc["invalid_json", "severity"] == "error"
    assert table["count"].sum() == report.n_errors + report.n_warnings
