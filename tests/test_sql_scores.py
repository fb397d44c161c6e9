"""Scores of SQL: what is the same, what is told apart, and what is wrong."""

import re
from collections.abc import Iterator

import pytest

from helpers import sql_data, sql_scores
from helpers.evaluation import Answer, compare, interval
from helpers.sql_scores import ERRORS, normalised, parse, score

CONTEXT = (
    "CREATE TABLE guests (id INTEGER, name TEXT, city TEXT, age INTEGER); "
    "CREATE TABLE bookings (id INTEGER, guest_id INTEGER, price INTEGER)"
)
RIGHT = "SELECT name FROM guests WHERE city = 'Lima' AND age > 40"


def of(given: str, right: str = RIGHT) -> sql_scores.SqlScore:
    return score(given, right, CONTEXT)


@pytest.mark.parametrize(
    "given",
    [
        "select name from guests where city = 'Lima' and age > 40",
        "SELECT name FROM guests WHERE age > 40 AND city = 'Lima'",
        "SELECT \"name\" FROM guests WHERE city = 'Lima' AND NOT age <= 40;",
    ],
)
def test_spelling_and_order_of_conditions_do_not_matter(given) -> None:
    scored = of(given)
    assert (scored.raw, scored.exact, scored.execution) == (0.0, 1.0, 1.0)


def test_the_same_text_has_every_score() -> None:
    scored = of(RIGHT)
    assert scored == sql_scores.SqlScore(1.0, 1.0, 1.0, 1.0, "")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (
            "SELECT g.name FROM guests AS g WHERE g.city = 'Lima' AND g.age >= 41",
            RIGHT,
        ),
        (
            "SELECT name FROM guests WHERE NOT EXISTS "
            "(SELECT 1 FROM bookings WHERE bookings.guest_id = guests.id)",
            "SELECT name FROM guests WHERE id NOT IN (SELECT guest_id FROM bookings)",
        ),
        ("SELECT COUNT(id) FROM guests", "SELECT COUNT(*) FROM guests"),
    ],
)
def test_another_query_with_the_same_rows_matches_by_execution(given, right) -> None:
    scored = of(given, right)
    assert (scored.exact, scored.execution, scored.error) == (0.0, 1.0, "")


@pytest.mark.parametrize(
    ("given", "right", "error"),
    [
        ("SELECT name FROM", RIGHT, "no query"),
        ("name, city", RIGHT, "no query"),
        ("", RIGHT, "no query"),
        ("DROP TABLE guests", RIGHT, "no query"),
        (RIGHT + "; DELETE FROM guests", RIGHT, "no query"),
        ("SELECT name FROM visitors", RIGHT, "unknown table"),
        ("SELECT rooms.name FROM guests", RIGHT, "unknown table"),
        ("SELECT surname FROM guests", RIGHT, "unknown column"),
        ("SELECT guests.price FROM guests", RIGHT, "unknown column"),
        (
            "SELECT id FROM guests JOIN bookings ON guests.id = bookings.guest_id",
            RIGHT,
            "cannot run",
        ),
        ("SELECT id FROM bookings", RIGHT, "wrong table"),
        (RIGHT.replace("Lima", "Lina"), RIGHT, "wrong value"),
        (RIGHT.replace("40", "41"), RIGHT, "wrong value"),
        (RIGHT.replace("SELECT name", "SELECT city"), RIGHT, "wrong column"),
        (
            "SELECT MAX(age) FROM guests",
            "SELECT MIN(age) FROM guests",
            "wrong aggregate",
        ),
        (RIGHT.replace("AND", "OR"), RIGHT, "wrong condition"),
        (
            "SELECT name FROM guests ORDER BY age",
            "SELECT name FROM guests ORDER BY age DESC",
            "wrong order",
        ),
        ("SELECT DISTINCT city FROM guests", "SELECT city FROM guests", "other"),
    ],
)
def test_an_error_has_its_class(given, right, error) -> None:
    scored = of(given, right)
    assert scored.error == error
    assert error in ERRORS
    assert scored.execution == 0.0


def test_an_order_counts_where_the_right_query_asks_for_one() -> None:
    ordered = "SELECT name FROM guests ORDER BY age"
    assert of("SELECT name FROM guests", ordered).execution == 0.0
    assert of(ordered, "SELECT name FROM guests").execution == 1.0


def test_rows_that_come_twice_count_twice() -> None:
    twice = "SELECT city FROM guests UNION ALL SELECT city FROM guests"
    assert of(twice, "SELECT city FROM guests").execution == 0.0


def test_nothing_is_said_where_the_right_query_leaves_the_order_open() -> None:
    tables = sql_scores.tables_of("CREATE TABLE t (id INTEGER, b TEXT)")
    open_end = "SELECT id FROM t LIMIT 1"
    assert sql_scores.same_rows("SELECT b FROM t LIMIT 1", open_end, tables) is None


def test_normalised_is_the_same_for_what_is_the_same() -> None:
    assert normalised(parse("select A from T")) == normalised(parse("SELECT a FROM t"))
    assert normalised(parse("SELECT a FROM t")) != normalised(parse("SELECT b FROM t"))


# --- changed queries ------------------------------------------------------------

CHANGES = (
    (" > ", " >= "),
    (" < ", " <= "),
    (" >= ", " > "),
    (" <= ", " < "),
    (" = '", " <> '"),
    (" <> '", " = '"),
    ("AVG(", "SUM("),
    ("MAX(", "MIN("),
    ("MIN(", "MAX("),
    ("SUM(", "AVG("),
    ("DISTINCT ", ""),
    (" DESC", ""),
    (" AND ", " OR "),
    (" OR ", " AND "),
    ("NOT IN", "IN"),
    (" IN (", " NOT IN ("),
    ("NOT LIKE", "LIKE"),
    ("LIKE '%", "LIKE '"),
)


def changed(answer: str) -> Iterator[str]:
    """Return queries that mean something else: an operator, number, text changed."""
    for old, new in CHANGES:
        if old in answer:
            yield answer.replace(old, new, 1)
    number = re.search(r"\d+", answer)
    if number:
        more = str(int(number.group()) + 1)
        yield answer[: number.start()] + more + answer[number.end() :]
    text = re.search(r"'%?(\w+)", answer)
    if text:
        yield answer[: text.start(1)] + "Q" + answer[text.start(1) :]
    if " WHERE " in answer and "(SELECT" not in answer:
        yield re.sub(r" WHERE .*?( GROUP| ORDER|$)", r"\1", answer)


def test_databases_tell_changed_queries_from_the_right_ones() -> None:
    tried, missed = 0, []
    for split in ("test_seen", "test_unseen"):
        for row in sql_data.load(split).head(60).to_dict("records"):
            for query in changed(row["answer"]):
                tried += 1
                if score(query, row["answer"], row["context"]).execution:
                    missed.append((row["answer"], query))
    assert tried > 300
    assert len(missed) <= 0.05 * tried, missed


def test_every_right_query_returns_rows_in_some_database() -> None:
    from helpers.sql_databases import fill, open_database, run

    for row in sql_data.load("test_unseen").head(80).to_dict("records"):
        tables = sql_scores.tables_of(row["context"])
        queries = [parse(row["answer"])]
        found = []
        for seed in range(sql_scores.SEED, sql_scores.SEED + sql_scores.FILLINGS):
            database = open_database(tables, fill(tables, queries, seed))
            found += run(database, row["answer"])
            database.close()
        assert found, row["answer"]


# --- a test set -----------------------------------------------------------------


def test_a_test_set_gives_a_result_with_intervals_and_a_verdict() -> None:
    rows = sql_data.load("test_seen").head(40)
    right = sql_scores.score_sql(list(rows.answer), rows)
    wrong = sql_scores.score_sql([Answer("SELECT 1")] * len(rows), rows)
    assert interval(right, "execution").value == interval(right, "raw").value == 1.0
    assert compare(wrong, right, "execution").verdict == "better"
    assert "execution match" in str(compare(wrong, right, "execution"))


def test_error_counts_have_a_row_per_error_and_a_column_per_system() -> None:
    rows = sql_data.load("test_seen").head(3)
    results = {
        "silent": sql_scores.score_sql([""] * 3, rows),
        "right": sql_scores.score_sql(list(rows.answer), rows),
    }
    table = sql_scores.error_counts(results)
    assert table.loc["no query"].to_dict() == {"silent": 3, "right": 0}
    assert list(table.index) == ["no query"]


def test_as_many_answers_as_rows_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        sql_scores.score_sql(["SELECT 1"], sql_data.load("test_seen").head(2))
