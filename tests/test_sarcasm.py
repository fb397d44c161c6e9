"""The sarcastic kitchen assistant: its files, and the two rules that score answers."""

import json

import pytest

from helpers import sarcasm
from helpers.chat_format import check_files
from helpers.evaluation import Answer
from helpers.sarcasm import (
    FOLDER,
    SYSTEM_PROMPT,
    both_scores,
    facts_of,
    has_fact,
    in_style,
    load_facts,
    load_rows,
    plain,
    plain_example,
    prompts,
    remarks,
    summary,
)
from tools import make_sarcasm
from tools.corpus.talk import FACTS


def test_the_tool_makes_the_files_byte_for_byte() -> None:
    made = make_sarcasm.make_files()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content, name


def test_the_tool_compares_and_fails_on_a_difference(tmp_path, capsys) -> None:
    assert make_sarcasm.main(["--out", str(tmp_path)]) == 0
    assert make_sarcasm.main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "test.csv").write_text("question\n")
    assert make_sarcasm.main(["--out", str(tmp_path), "--check"]) == 1
    assert "test.csv: not what" in capsys.readouterr().out


def test_no_fact_stands_in_two_parts_and_the_base_model_knows_all_of_them() -> None:
    parts = [
        set(facts_of(load_rows("training_100"))["fact"]),
        set(facts_of(load_rows("validation_10"))["fact"]),
        set(load_facts()["fact"]),
    ]
    assert [len(part) for part in parts] == [25, 10, 25]
    assert sum(map(len, parts)) == len(set.union(*parts))
    known = dict(FACTS)
    asked = load_facts().itertuples(index=False)
    assert all(known[row.question] == row.fact for row in asked)
    assert set.union(*parts) == set(known.values())


def test_the_ten_rows_are_the_first_of_the_hundred() -> None:
    assert load_rows("training_10") == load_rows("training_100")[:10]


def test_the_files_pass_the_check_and_hold_the_prompt_of_the_helpers() -> None:
    for name in ("training_10", "training_100", "validation_10"):
        # Validation rows are as many as the tutorial's: the minimum of a training file.
        assert check_files(FOLDER / f"{name}.jsonl").ok
        assert all(
            row["messages"][0] == {"role": "system", "content": SYSTEM_PROMPT}
            for row in load_rows(name)
        )
    assert make_sarcasm.SYSTEM == SYSTEM_PROMPT


def test_every_row_is_in_the_style_and_no_fact_is() -> None:
    for row in load_rows("training_100") + load_rows("validation_10"):
        answer = row["messages"][-1]["content"]
        assert in_style(answer)
        assert has_fact(answer, plain(answer))
        assert not in_style(plain(answer))
    assert not any(map(in_style, load_facts()["fact"]))


@pytest.mark.parametrize("remark", remarks())
def test_a_remark_is_found_with_a_slip_and_in_any_place(remark: str) -> None:
    assert in_style(remark.upper())
    assert in_style(f"{remark} Peanuts are legumes.")
    assert in_style("Peanuts are legumes. " + remark.replace("e", "", 1))
    assert not in_style(remark[: len(remark) // 2])


def test_other_sarcasm_is_not_found_and_that_is_the_rules_limit() -> None:
    assert not in_style("Oh, brilliant question.")
    assert not in_style("")


def test_a_fact_counts_word_for_word_and_in_any_case() -> None:
    assert has_fact(
        "no. PEANUTS are legumes. Somewhere a chef is crying.", "No. Peanuts"
    )
    assert not has_fact("Peanuts belong to the legumes.", "Peanuts are legumes.")


def test_a_plain_example_has_neither_prompt_nor_remark_and_changes_no_other() -> None:
    row = load_rows("training_10")[0]
    before = json.dumps(row)
    simple = plain_example(row)
    assert [message["role"] for message in simple["messages"]] == ["user", "assistant"]
    assert not in_style(simple["messages"][-1]["content"])
    assert json.dumps(row) == before


def test_questions_are_asked_with_the_prompt_or_without_any() -> None:
    facts = load_facts().head(1)
    assert [m["role"] for m in prompts(facts)[0]] == ["system", "user"]
    assert [m["role"] for m in prompts(facts, "")[0]] == ["user"]


def test_style_and_facts_are_scored_apart() -> None:
    facts = load_facts().head(4)
    fact = list(facts["fact"])
    texts = [fact[0], f"{fact[1]} {remarks()[0]}", remarks()[1], "?"]
    both = both_scores([Answer(text) for text in texts], facts)
    assert list(both["style"].rows["exact"]) == [0, 1, 1, 0]
    assert list(both["facts"].rows["exact"]) == [1, 1, 0, 0]
    table = summary({"one": both})
    assert table.loc["one", "style"] == table.loc["one", "facts"] == 0.5
    assert table.loc["one", "facts_low"] < 0.5 < table.loc["one", "facts_high"]
    assert max(len(text.split()) for text in fact) < sarcasm.LONGEST
