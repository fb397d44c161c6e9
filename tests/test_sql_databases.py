"""Databases for queries of a model: filled by seed, and closed to harm."""

import time

import pytest

from helpers import sql_databases
from helpers.sql_databases import CannotRun, fill, open_database, run, tables_of

CONTEXT = "CREATE TABLE Guests (id INTEGER, name VARCHAR(40), age REAL)"
TABLES = tables_of(CONTEXT)


@pytest.fixture
def database():
    connection = open_database(TABLES, fill(TABLES, [], seed=1))
    yield connection
    connection.close()


def test_names_and_types_are_read_from_definitions() -> None:
    assert list(TABLES) == ["guests"]
    assert list(TABLES["guests"]) == ["id", "name", "age"]


def test_several_definitions_are_read() -> None:
    assert list(tables_of(CONTEXT + "; CREATE TABLE b (x INT)")) == ["guests", "b"]


def test_what_is_no_definition_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="SELECT 1"):
        tables_of("SELECT 1")


def test_the_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    assert fill(TABLES, [], 1) == fill(TABLES, [], 1) != fill(TABLES, [], 2)


def test_there_are_no_gaps_and_ids_count_up(database) -> None:
    rows = run(database, "SELECT * FROM guests")
    assert None not in [value for row in rows for value in row]
    assert sorted(row[0] for row in rows) == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM guests",
        "DROP TABLE guests",
        "UPDATE guests SET age = 1",
        "INSERT INTO guests VALUES (1, 'a', 2)",
        "CREATE TABLE other (x)",
        "ATTACH DATABASE 'other.db' AS other",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO 'copy.db'",
        "SELECT load_extension('evil')",
        "SELECT random()",
        "SELECT zeroblob(1000000000)",
        "SELECT 1; SELECT 2",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT COUNT(*) FROM n",
        "SELECT COUNT(*) FROM guests a, guests b, guests c, guests d, guests e, "
        "guests f, guests g, guests h",
        "SELECT a.id FROM guests a, guests b, guests c, guests d, guests e",
        "",
        "\x00",
        "SELECT '\ud800'",
    ],
)
def test_what_could_do_harm_is_refused_quickly(tmp_path, monkeypatch, query) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"guests": [(i, f"n{i}", i) for i in range(1, 41)]}
    connection = open_database(TABLES, rows)
    started = time.monotonic()
    if query:
        with pytest.raises(CannotRun):
            run(connection, query)
    else:
        assert run(connection, query) == []
    assert time.monotonic() - started < sql_databases.SECONDS + 1
    assert len(run(connection, "SELECT * FROM guests")) == 40
    assert not list(tmp_path.iterdir())
    connection.close()


def test_sums_are_rounded_so_that_they_can_be_compared(database) -> None:
    assert run(database, "SELECT 0.1 + 0.2") == [(0.3,)]
