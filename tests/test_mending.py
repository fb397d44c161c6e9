"""A draft keeps numbers and bytes, and tells what is still wrong with it."""

import json
from pathlib import Path

import pytest

from helpers.mending import Draft


def row(question: str, answer: str = "Salt.") -> dict:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


LINES = [json.dumps(row(f"Question {i}?", f"Answer {i}.")).encode() for i in range(14)]


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """A draft of fourteen good lines."""
    return open_draft(tmp_path, LINES)


def open_draft(folder: Path, lines: list[bytes], end: bytes = b"\n") -> Draft:
    path = folder / "train.jsonl"
    path.write_bytes(b"\n".join(lines) + end)
    return Draft(path)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_counted_from_one_with_or_without_a_last_line_feed(
    tmp_path: Path, end: bytes
) -> None:
    draft = open_draft(tmp_path, LINES, end)
    assert list(draft) == list(range(1, 15))
    assert draft.example(1) == row("Question 0?", "Answer 0.")


def test_what_nobody_touched_is_written_byte_for_byte(tmp_path: Path) -> None:
    strange = [b"\xef\xbb\xbf{}", b"caf\xe9\r", b"", b"\xff\xfe", *LINES]
    draft = open_draft(tmp_path, strange)
    assert draft.raw(2) == b"caf\xe9\r"
    written = draft.write(tmp_path / "new" / "mended.jsonl")
    assert written.read_bytes() == b"\n".join(strange) + b"\n"


def test_a_line_in_another_encoding_can_be_mended(tmp_path: Path) -> None:
    old = json.dumps(row("Crème?"), ensure_ascii=False).encode("cp1252")
    draft = open_draft(tmp_path, [*LINES, old])
    assert [p.code for p in draft.check().problems] == ["invalid_utf8"]
    draft[15] = draft.raw(15).decode("cp1252")
    assert draft.check().problems == []


def test_deleted_lines_leave_the_numbers_of_the_others_as_they_were(
    tmp_path: Path,
) -> None:
    draft = open_draft(tmp_path, [*LINES, LINES[3], b"{}"])
    del draft[1], draft[2]
    report = draft.check()
    found = [(p.line, p.code) for p in report.problems]
    assert found == [(15, "duplicate_example"), (16, "missing_key")]
    assert "line 4" in report.problems[0].reason
    assert (report.n_errors, report.n_warnings) == (1, 1)
    assert set(report.counts) == {
        ("train.jsonl", "duplicate_example"),
        ("train.jsonl", "missing_key"),
    }


def test_an_empty_line_that_is_still_there_is_told(draft: Draft) -> None:
    draft[5] = ""
    del draft[6]
    assert [(p.line, p.code) for p in draft.check().problems] == [(5, "blank_line")]
    assert draft.check().n_warnings == 1


def test_a_mended_file_has_no_gaps(draft: Draft, tmp_path: Path) -> None:
    del draft[2]
    path = draft.write(tmp_path / "mended.jsonl")
    assert path.read_bytes() == b"\n".join([LINES[0], *LINES[2:]]) + b"\n"


def test_examples_can_be_assigned_and_lines_that_are_none_are_left_out(
    draft: Draft,
) -> None:
    draft[3] = row("Jalapeño?")
    assert "ñ" in draft[3]
    draft[4] = "{"
    draft[5] = "[1]"
    draft[6] = '{"prompt": "a"}'
    assert set(draft.examples()) == set(range(1, 15)) - {4, 5, 6}


def test_personal_data_are_looked_for_unless_told_otherwise(draft: Draft) -> None:
    draft[3] = row("Write to cook@example.org?")
    assert [p.code for p in draft.check().problems] == ["personal_data"]
    assert draft.check(privacy=False).problems == []


def test_a_copy_can_be_changed_alone(draft: Draft) -> None:
    other = draft.copy()
    del other[1]
    assert 1 in draft
    assert 1 not in other


@pytest.mark.parametrize(
    ("line", "value", "error", "words"),
    [
        (99, "{}", KeyError, "no line 99"),
        (1, None, TypeError, "NoneType"),
        (1, 'a"\n"b', ValueError, "one line"),
    ],
)
def test_what_cannot_be_a_line_is_refused_with_the_number(
    draft: Draft, line: int, value: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        draft[line] = value


@pytest.mark.parametrize("text", ["{", "[]", "\ufeff{}"])
def test_a_line_that_is_no_example_says_so(draft: Draft, text: str) -> None:
    draft[2] = text
    with pytest.raises(ValueError, match=r"Line 2 .*draft\[2\]"):
        draft.example(2)
