"""The table of the lesson's four things: complete, dated, in step with the others."""

import csv
from datetime import date

import pytest

from helpers.recipes import DATA_DIR


def rows(name: str) -> list[dict[str, str]]:
    with open(DATA_DIR / name, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


THINGS = rows("four_things.csv")
PLACES = ["base model", "data set", "training environment", "hosting environment"]


def test_every_provider_fills_every_place_once() -> None:
    providers = list(dict.fromkeys(row["provider"] for row in THINGS))
    assert providers[0] == "here"
    assert len(providers) >= 5
    found = [(row["provider"], row["place"]) for row in THINGS]
    assert found == [(provider, place) for provider in providers for place in PLACES]


@pytest.mark.parametrize("row", THINGS, ids=lambda row: row["what"][:30])
def test_every_row_says_when_where_and_how_surely_it_was_read(row: dict) -> None:
    assert None not in row
    assert row["what"]
    assert date.fromisoformat(row["read_on"])
    assert len(row["source"]) > 10
    assert row["verified"] in ("yes", "no")


def test_a_service_that_closes_has_the_name_of_the_table_of_closing_dates() -> None:
    closing = {row["service"] for row in rows("closing_dates.csv")}
    named = {row["service"] for row in THINGS} - {""}
    assert {"OpenAI", "Azure OpenAI"} <= named <= closing


def test_hosted_base_models_have_a_date_in_the_table_of_models() -> None:
    known = {row["model"] for row in rows("models.csv") if row["shutdown_date"]}
    for row in THINGS:
        if row["place"] == "base model" and row["provider"].endswith("OpenAI"):
            assert any(name in row["what"] for name in known), row["what"]
