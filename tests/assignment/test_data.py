"""Data of the assignment: traps are found, answers compared, and never shown."""

import itertools
import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers.assignment import data as data
from tools import make_assignment as tool
from tools.corpus import MIXTURE, documents

NAMES = ("jars", "tickets", "timers")
MADE = {make.__name__: make() for make in tool.MAKERS}
LOADED = {name: data.load(name) for name in NAMES}


# --- the files --------------------------------------------------------------------


def test_there_are_three_data_sets() -> None:
    assert data.names() == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_makes_the_files_byte_for_byte(name: str) -> None:
    for file, content in tool.files(MADE[name]).items():
        assert (data.FOLDER / name / file).read_bytes() == content, file


def test_checking_names_the_file_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["--out", str(tmp_path)]) == 0
    assert tool.main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "jars" / "rows.csv").write_text("id\n")
    assert tool.main(["--out", str(tmp_path), "--check"]) == 1
    assert "rows.csv" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_each_data_set_has_one_trap_and_only_one(name: str) -> None:
    expected = {"timers": "leak", "tickets": "contradiction", "jars": "prompt"}[name]
    found = data.traps(LOADED[name])
    assert [trap for trap, ids in found.items() if ids] == [expected]
    assert len(found[expected]) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_no_right_answer_to_a_question_is_written_down(name: str) -> None:
    answers = tool.answers(MADE[name])
    for path in (data.FOLDER / name).glob("*.json"):
        for answer in answers.values():
            if len(answer) > 10:  # labels are named in the guide
                assert answer not in path.read_text(encoding="utf-8")
    assert "assistant" not in LOADED[name].questions


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_accepts_right_answers_and_no_others(name: str) -> None:
    seal = LOADED[name].seal
    for item, answer in tool.answers(MADE[name]).items():
        assert seal.right(item, answer) is True
        assert seal.right(item, f" {answer.upper()}. ") is True
        assert seal.right(item, answer + " x") is False
    assert seal.right("q999", "order") is None


@pytest.mark.parametrize("name", NAMES)
def test_equal_answers_to_two_questions_have_different_hashes(name: str) -> None:
    hashes = list(LOADED[name].seal.questions.values())
    assert len(set(hashes)) == len(hashes) == tool.QUESTIONS


@pytest.mark.parametrize("name", NAMES)
def test_outside_the_trap_no_question_stands_in_the_rows(name: str) -> None:
    loaded = LOADED[name]
    places = set(data.leaked(loaded.rows, loaded.questions))
    assert len(places) == (tool.LEAKED if name == "timers" else 0)


def test_some_leaks_are_in_disguise() -> None:
    loaded = LOADED["timers"]
    asked = set(loaded.questions["user"])
    leaks = loaded.rows.iloc[data.leaked(loaded.rows, loaded.questions)]
    same = leaks["user"].isin(asked).sum()
    assert 0 < same < len(leaks)


def test_the_questions_of_the_jars_have_the_form_that_their_task_names() -> None:
    loaded = LOADED["jars"]
    as_rows = loaded.questions.assign(assistant="")
    assert data.other_prompt(as_rows, loaded) == []
    assert len(data.other_prompt(loaded.rows, loaded)) == len(loaded.rows)


def test_only_the_tickets_have_wrong_labels_and_all_of_one_labeller() -> None:
    assert not data.mislabelled(LOADED["timers"].rows, LOADED["timers"])
    assert not data.mislabelled(LOADED["jars"].rows, LOADED["jars"])
    rows = LOADED["tickets"].rows
    wrong = rows.iloc[data.mislabelled(rows, LOADED["tickets"])]
    assert set(wrong["source"]) == {"labeller 2"}
    assert set(wrong["assistant"]) == {"complaint"}


@pytest.mark.parametrize("name", NAMES)
def test_answers_can_be_copied_or_are_one_of_few_words(name: str) -> None:
    for item in MADE[name].rows:
        if name == "tickets":
            assert item.right in ("order", "change", "complaint", "supply")
            continue
        asked = set(data.key(item.user).split()) | {"none", "until"}
        assert set(data.key(item.right).split()) <= asked


@pytest.mark.parametrize(("target", "n", "needed"), [(0.7, 60, 42), (0.85, 60, 51)])
def test_the_target_is_a_whole_number_of_questions(
    target: float, n: int, needed: int
) -> None:
    loaded = LOADED["jars"]
    questions = loaded.questions.iloc[:n]
    changed = data.DataSet("x", "", "", target, "", loaded.rows, questions, loaded.seal)
    assert changed.needed == needed
    assert math.isclose(changed.needed / n, target, abs_tol=1 / n)


def test_the_tasks_are_not_in_the_corpus_of_the_base_model() -> None:
    systems = {item.system for made in MADE.values() for item in made.rows}
    systems |= {item.system for made in MADE.values() for item in made.questions}
    for stage in MIXTURE:
        for chat in itertools.islice(documents(7, stage), 150):
            text = "\n".join(text for _, text in chat)
            assert not any(system in text for system in systems)
            assert "Timers?" not in text
            assert "shelf=" not in text
            assert "Keeps until:" not in text
            assert not {"order", "change", "complaint", "supply"} & {
                said for role, said in chat if role == "assistant"
            }


# --- comparing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"), [("Order", "order."), ("a  b", "A B"), ("x\ny", "x y")]
)
def test_answers_are_compared_without_capitals_spaces_and_a_last_stop(
    one: str, other: str
) -> None:
    assert data.plain(one) == data.plain(other)
    assert data.score_text(one, other)["exact"] == 1.0


def test_a_wrong_answer_scores_nothing_and_an_empty_one_is_not_valid() -> None:
    assert data.score_text("order", "change")["exact"] == 0.0
    assert data.score_text("order", "change")["valid"] == 1.0
    assert data.score_text(" ", "change")["valid"] == 0.0


def test_prompts_are_compared_by_their_words_alone() -> None:
    assert data.key("Bake 20 minutes!  Serve") == data.key("BAKE 20 MINUTES. serve.")
    assert data.key("Bake 20") != data.key("Bake 25")


def table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["id", "user", "assistant"])
    return frame.assign(system="s", source="x")


def test_contradictions_and_repetitions_are_told_apart() -> None:
    rows = table(
        ("1", "a b", "x"), ("2", "A b.", "y"), ("3", "c", "x"), ("4", "C", "X.")
    )
    assert data.contradicting(rows) == [0, 1]
    assert data.repeated(rows) == [3]


def test_rows_without_a_sealed_id_are_not_judged() -> None:
    rows = table(("mine", "a", "whatever"))
    assert data.mislabelled(rows, LOADED["jars"]) == []
    assert data.mislabelled(rows.drop(columns="id"), LOADED["jars"]) == []


# --- data of one's own ------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with data of a teacher's own."""
    folder = tmp_path / "mine"
    shutil.copytree(data.FOLDER / "jars", folder)
    return folder


def test_a_folder_of_ones_own_can_be_read(own: Path) -> None:
    loaded = data.load(own)
    assert loaded.name == "mine"
    assert len(loaded.rows) == len(LOADED["jars"].rows)


def test_own_answers_can_be_sealed() -> None:
    sealed = data.seal("salt", [("r1", "x")], [("q1", "Yes.")])
    again = data.Seal(**{k: sealed.as_json()[k] for k in ("salt", "rows", "questions")})
    assert again.right("q1", "yes") is True
    assert again.right("r1", "y") is False
    assert "Yes" not in json.dumps(sealed.as_json())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="jars, tickets, timers"):
        data.load("pots")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("task.json", "{", "cannot be read"),
        ("task.json", '{"title": "x"}', "lacks guide, target"),
        ("sealed.json", '{"salt": "x", "questions": {}}', "60 question"),
        ("rows.csv", "id,system,user\n", "lacks assistant, source"),
        ("questions.csv", "id,system,user\nq001,a,b\nq001,c,d\n", "q001 stands"),
    ],
)
def test_a_broken_file_is_named_with_what_it_lacks(
    own: Path, file: str, content: str, words: str
) -> None:
    (own / file).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as caught:
        data.load(own)
    assert file in str(caught.value) or "sealed.json" in str(caught.value)
