"""The report of the assignment: one file, without secrets, and checked again."""

import json
from pathlib import Path

import pytest

from helpers.assignment import Work, begin
from helpers.assignment import report as module
from tests.assignment.test_assignment import MADE, REASONS, final, mended, replies, walk
from tools import make_assignment as tool


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An assignment in which everything but the training was done."""
    done = begin(20, "jars", tmp_path / "jars")
    done.check_choice()
    walk(done)
    done.check_decision("fine-tune", REASONS)
    return done


def test_a_report_is_one_file_that_people_and_programs_read(work: Work) -> None:
    path = module.write_report(work, learner="Student 12")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Assignment: fine-tune, or not?\n")
    assert "Handed in by: Student 12" in text
    assert "- fine-tuned: 38 / 40 (95%)" in text
    assert "## Decision: fine-tune" in text
    assert f"> {REASONS}" in text
    data = module.read_report(path)
    assert data["points"] == work.points
    assert data["steps"]["training"] == "not tried"
    assert data["numbers"]["held-out questions"] == [60, 60]
    assert data["verdict"] == "better"
    assert module.recheck(data) == 60


def test_a_report_can_be_written_before_anything_is_done(tmp_path: Path) -> None:
    path = module.write_report(begin(folder=tmp_path), tmp_path / "a" / "b.md")
    data = module.read_report(path)
    assert (data["points"], data["tutorial"], data["answers"]) == (0, None, {})
    assert "Handed in by" not in path.read_text(encoding="utf-8")


def test_no_key_and_no_folder_gets_into_a_report(work: Work) -> None:
    key, folder = "sk-" + "a1" * 12, "/ho" + "me/ann/work"
    work.reasons = f"{REASONS} My key is {key}, my files lie in {folder}."
    work.final["q001"] = f"{key} ```json"
    text = module.write_report(work, learner=folder).read_text(encoding="utf-8")
    assert key not in text
    assert "ann" not in text
    assert str(work.folder) not in text
    assert "My key is ***, my files lie in ***" in text


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abc_def-123456", "hf_" + "x" * 20, "Bearer " + "y" * 20,
     "api_key = 'abcdefgh'", r"C:\Users\ann\x"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_taken_out(secret: str) -> None:
    assert "***" in module.clean(f"see {secret} there")


def test_plain_words_stay_as_they_are() -> None:
    text = "An API key costs nothing; the task-force asked /v1/models."
    assert module.clean(text) == text


def test_fences_in_answers_and_reasons_do_not_break_the_block(work: Work) -> None:
    work.final["q001"] = "```\n```json\n{}\n```"
    work.reasons = "```json\n{}\n```"
    data = module.read_report(module.write_report(work))
    assert data["answers"]["q001"].startswith("```")
    assert module.recheck(data) == 59


def test_bars_in_texts_do_not_break_the_table(work: Work) -> None:
    work.data = work.data.__class__(**{**vars(work.data), "title": "a | b"})
    work.outcomes["rows"] = work.outcomes["rows"].__class__("right", "x | y\nz")
    text = module.write_report(work).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


@pytest.mark.parametrize("text", ["", "# A report", "```json\n{}\n```", "```json\n{"])
def test_another_file_is_no_report(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no report"):
        module.read_report(path)


def test_the_command_holds_every_report_against_the_lock(
    work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = module.write_report(work, tmp_path / "good.md", learner="A")
    assert module.main([str(good)]) == 0
    assert "60 held-out answers are right, as claimed" in capsys.readouterr().out

    text = good.read_text(encoding="utf-8")
    right = json.dumps(tool.answers(MADE["jars"])["q001"])
    bad = tmp_path / "bad.md"
    bad.write_text(text.replace(right, '"made up"'), encoding="utf-8")
    other = tmp_path / "other.md"
    other.write_text("nothing", encoding="utf-8")
    assert module.main([str(good), str(bad), str(other)]) == 1
    said = capsys.readouterr()
    assert "bad.md: A, jars" in said.out
    assert "59 held-out answers are right, but 60 are claimed" in said.out
    assert "other.md" in said.err


def test_a_report_of_unreached_targets_says_so(tmp_path: Path) -> None:
    work = begin(20, "jars", tmp_path)
    rows = mended(work)
    work.check_rows(rows)
    test = rows.iloc[-40:]
    work.check_target(replies(test, 3), final(work, 7), test)
    text = module.write_report(work).read_text(encoding="utf-8")
    assert "held-out questions: 7 / 60" in text
    assert "✘ Not yet: 7 of 60" in text
