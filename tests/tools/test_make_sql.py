"""The generator of the text-to-SQL data: its files, and what they promise."""

import sqlite3
from random import Random

import pytest

from helpers import sql_data
from tools import make_sql
from tools.sql import conditions, forms, schemas
from tools.sql.schemas import Column, Schema

SEEN = schemas.load("seen.txt")
UNSEEN = schemas.load("unseen.txt")
MIXED = make_sql.mixed_schemas(SEEN)


@pytest.fixture(scope="module")
def splits():
    return {split: sql_data.load(split) for split in sql_data.SPLITS}


def words(some: list[Schema]) -> set[str]:
    """Every word of a table or column, without the s of a plural."""
    names = set()
    for schema in some:
        for table in (schema.parent, schema.child):
            names |= {table.name, *make_sql.column_names(table)}
    return {word.rstrip("s") for name in names for word in name.split("_")}


def texts(some: list[Schema]) -> set[str]:
    """Every text that a schema lists."""
    return {
        text.lower()
        for schema in some
        for table in (schema.parent, schema.child)
        for column in table.columns
        for text in column.texts
    }


def test_the_tool_makes_the_files_byte_for_byte() -> None:
    made = make_sql.make_files()
    assert {path.name for path in sql_data.FOLDER.iterdir()} == set(made)
    for name, content in made.items():
        assert (sql_data.FOLDER / name).read_bytes() == content, name


def test_there_are_as_many_rows_as_in_the_tutorial_and_many_schemas(splits) -> None:
    assert len(splits["train"]) >= 10_000
    seen = [splits[name] for name in ("train", "validation", "test_seen")]
    assert sum(map(len, seen)) >= 12_500
    assert set(splits["test_seen"].schema) == {s.name for s in SEEN}
    assert len(SEEN) >= 30
    assert splits["train"].schema.nunique() == len(SEEN) + len(MIXED)
    assert splits["test_unseen"].schema.nunique() == len(UNSEEN) >= 10


def test_no_question_stands_in_two_rows(splits) -> None:
    questions = [q for rows in splits.values() for q in rows.question]
    assert len(set(questions)) == len(questions)


def test_no_query_of_a_schema_stands_in_two_rows(splits) -> None:
    pairs = [
        pair
        for rows in splits.values()
        for pair in zip(rows.schema, rows.answer, strict=True)
    ]
    assert len(set(pairs)) == len(pairs)


def test_unseen_schemas_share_no_word_with_the_others_but_id() -> None:
    assert words(SEEN) & words(UNSEEN) == {"id"}
    assert words(MIXED) & words(UNSEEN) == {"id"}


def test_mixed_schemas_have_names_of_their_own_and_columns_that_differ() -> None:
    assert len({schema.name for schema in MIXED}) == len(MIXED)
    for schema in MIXED:
        assert schema.parent.name != schema.child.name
        for table in (schema.parent, schema.child):
            names = make_sql.column_names(table)
            assert len(set(names)) == len(names)
            assert table.numbers
            assert table.texts


def test_unseen_schemas_share_no_listed_text_with_the_others() -> None:
    assert not texts(SEEN) & texts(UNSEEN)
    pools = schemas.POOLS
    new = {t for name, pool in pools.items() if name[:4] == "new_" for t in pool}
    old = {t for name, pool in pools.items() if name[:4] != "new_" for t in pool}
    assert not new & old


def test_unseen_schemas_are_in_no_other_file(splits) -> None:
    elsewhere = {
        s for name in splits if name != "test_unseen" for s in splits[name].schema
    }
    assert not elsewhere & set(splits["test_unseen"].schema)
    assert set(splits["test_seen"].schema) <= set(splits["train"].schema)


def test_every_answer_runs_on_the_definitions_of_its_row(splits) -> None:
    for rows in splits.values():
        for context, answer in zip(rows.context, rows.answer, strict=True):
            database = sqlite3.connect(":memory:")
            database.executescript(context)
            database.execute(answer)
            database.close()


@pytest.mark.parametrize(
    "sign",
    [
        "COUNT(*)",
        "COUNT(DISTINCT",
        "AVG(",
        "MIN(",
        "MAX(",
        "SUM(",
        "GROUP BY",
        "HAVING",
        "ORDER BY",
        "LIMIT",
        "<>",
        "NOT IN",
        "NOT LIKE",
        "NOT ",
        "LIKE",
        "BETWEEN",
        "DISTINCT",
        "JOIN",
        " OR ",
        "(SELECT",
    ],
)
def test_every_kind_of_sql_is_in_training_and_both_tests(splits, sign) -> None:
    for name in ("train", "test_seen", "test_unseen"):
        assert splits[name].answer.str.contains(sign, regex=False).any(), name


def test_a_question_has_no_gap_and_says_every_value_of_its_query(splits) -> None:
    rows = splits["validation"]
    assert not rows.question.str.contains(r"[{}]|  ").any()
    for question, answer in zip(rows.question, rows.answer, strict=True):
        for value in answer.split("'")[1::2]:
            assert value.strip("%") in question


def test_a_definition_shows_more_than_its_query_needs() -> None:
    r = Random(1)
    for schema in SEEN[:10]:
        item = forms.draw(r, schema)
        for part in make_sql.shown(r, schema, item).split(";"):
            table, *places = part.split()
            assert len(places) == len(set(places)) >= 2, part


def test_two_conditions_never_use_one_column() -> None:
    r = Random(2)
    for _ in range(300):
        drawn = conditions.draw(r, SEEN[0].parent, double=1.0)
        assert len(set(drawn.columns)) == len(drawn.columns) == 2


def test_an_article_fits_its_word() -> None:
    assert conditions.article("age") == "an"
    assert conditions.article("city") == "a"
    assert conditions.article("university") == "a"


def test_a_line_that_is_no_table_is_named() -> None:
    with pytest.raises(ValueError, match="not a table: 'guests'"):
        schemas._table("guests")
    with pytest.raises(ValueError, match="not a column: 'age'"):
        schemas._column("age")


def test_a_negative_range_is_read() -> None:
    assert schemas._column("temperature#-30-45") == Column(
        "temperature", low=-30, high=45
    )


def test_the_tool_compares_and_fails_on_a_difference(tmp_path, capsys) -> None:
    assert make_sql.main(["--out", str(tmp_path)]) == 0
    (tmp_path / "train.csv").write_text("question\n")
    assert make_sql.main(["--out", str(tmp_path), "--check"]) == 1
