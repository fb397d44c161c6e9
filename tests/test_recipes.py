"""The recipe data: where it is read, how it is split, how it is written."""

import json

import pandas as pd
import pytest

from helpers.chat_format import check_files
from helpers.recipes import (
    SPLITS,
    SYSTEM_PROMPT,
    load_recipes,
    name_set,
    parse_names,
    recipes_path,
    take,
    to_example,
    user_message,
    write_jsonl,
)

N_ROWS = max(rows.stop for rows in SPLITS.values())


def frame(n=N_ROWS):
    return pd.DataFrame(
        {
            "title": [f"Soup {i}" for i in range(n)],
            "ingredients": [json.dumps([f"{i} c. leek, cut"]) for i in range(n)],
            "directions": ['["Boil."]'] * n,
            "link": ["www.example.com"] * n,
            "source": ["Gathered"] * n,
            "NER": [json.dumps(["leek", f"herb {i}"]) for i in range(n)],
        }
    )


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "recipes.csv"
    frame().to_csv(path, index=False)
    return path


def test_a_path_beats_the_variable_and_the_variable_beats_the_default(
    csv, tmp_path, monkeypatch
):
    monkeypatch.setenv("COMPANION_RECIPES", str(tmp_path / "other.csv"))
    assert recipes_path() == tmp_path / "other.csv"
    assert len(load_recipes(csv)) == N_ROWS
    monkeypatch.delenv("COMPANION_RECIPES")
    assert recipes_path().parts[-2:] == ("data", "recipes.csv")


def test_the_real_file_with_its_unnamed_index_gives_the_same_columns(csv, tmp_path):
    real = tmp_path / "full_dataset.csv"
    frame(N_ROWS + 50).to_csv(real)
    assert real.read_text().startswith(",title,")
    loaded = load_recipes(real)
    assert list(loaded.columns) == list(load_recipes(csv).columns)
    assert len(loaded) == N_ROWS


def test_a_file_without_link_and_source_is_enough(tmp_path):
    path = tmp_path / "few_columns.csv"
    frame()[["title", "ingredients", "NER"]].to_csv(path, index=False)
    assert list(load_recipes(path).columns) == ["title", "ingredients", "NER"]


def test_a_food_called_none_stays_a_text(tmp_path):
    path = tmp_path / "odd.csv"
    frame().assign(title="NA").to_csv(path, index=False)
    assert load_recipes(path).title[0] == "NA"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="NER"), "lacks the column"),
        (lambda f: f.head(100), "has 100 rows"),
        (lambda f: f.assign(NER="leek"), "row 0, column 'NER'"),
        (lambda f: f.assign(ingredients='{"a": 1}'), "column 'ingredients'"),
    ],
)
def test_a_wrong_file_is_told_by_what_is_wrong(change, words, tmp_path):
    path = tmp_path / "wrong.csv"
    change(frame()).to_csv(path, index=False)
    with pytest.raises(ValueError, match=words):
        load_recipes(path)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="COMPANION_RECIPES"):
        load_recipes(tmp_path / "nothing.csv")


def test_the_splits_share_no_row(csv):
    recipes = load_recipes(csv)
    rows = [set(take(recipes, name).index) for name in SPLITS]
    assert sum(map(len, rows)) == len(set.union(*rows)) == N_ROWS


def test_a_hundred_rows_are_a_hundred_rows(csv):
    # The cookbook's .loc[0:100] takes 101.
    assert len(take(load_recipes(csv), "train", 100)) == 100


def test_more_rows_than_a_split_has_are_refused(csv):
    with pytest.raises(ValueError, match="300 rows"):
        take(load_recipes(csv), "test", 301)


def test_an_example_has_the_cookbooks_format_to_the_letter():
    row = {"title": "Soup", "ingredients": '["1 leek, cut"]', "NER": '["leek"]'}
    assert user_message(row) == (
        'Title: Soup\n\nIngredients: ["1 leek, cut"]\n\nGeneric ingredients: '
    )
    assert to_example(row) == {
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": user_message(row)},
            {"role": "assistant", "content": '["leek"]'},
        ]
    }


def test_a_written_file_passes_the_check(csv, tmp_path):
    recipes = load_recipes(csv)
    training = write_jsonl(take(recipes, "train", 20), tmp_path / "new" / "train.jsonl")
    validation = write_jsonl(take(recipes, "validation", 20), tmp_path / "valid.jsonl")
    report = check_files(training, validation)
    assert report.problems == []
    assert report.n_examples == 20


def test_examples_are_written_as_they_are_and_readable(tmp_path):
    path = write_jsonl([{"messages": [], "note": "김치"}], tmp_path / "a.jsonl")
    assert path.read_bytes() == '{"messages": [], "note": "김치"}\n'.encode()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('["leek", "salt"]', ["leek", "salt"]),
        (' ["leek"]\n', ["leek"]),
        ("[]", []),
        ('```json\n["leek"]\n```', ["leek"]),
        ("leek, salt", None),
        ('["leek", 3]', None),
        ('{"names": ["leek"]}', None),
        ('["leek"', None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_an_answer_counts_only_as_a_json_list_of_texts(text, names):
    assert parse_names(text) == names


def test_names_are_compared_in_lower_case_and_without_spaces():
    assert name_set(["Leek ", "leek", "SALT", ""]) == {"leek", "salt"}
