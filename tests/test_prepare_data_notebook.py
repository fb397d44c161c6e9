"""The notebook about data teaches what helpers do, and its solutions are right."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from helpers import privacy
from helpers.checks.data import MENDABLE
from tests import prepared_data
from tools import notebooks as tool

SOLUTIONS = tool.NOTEBOOKS / "solutions" / prepared_data.NAME
# What a run of the notebook itself shows; a solutions notebook needs no badge.
NOT_ITS_RULES = ("badge", "run once from top to bottom")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the solutions; return what each check said, and the names at the end."""
    names: dict[str, Any] = {}
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("solutions")
        patch.setenv("COMPANION_OUT", str(folder))
        for cell in tool.code_cells(tool.read(SOLUTIONS)):
            if cell.id == "bootstrap":
                continue
            body, _, last = cell.source.strip().rpartition("\n")
            if last.startswith("check_"):
                exec(compile(body, cell.id, "exec"), names)
                said[cell.id] = eval(last, names)
            else:
                exec(compile(cell.source, cell.id, "exec"), names)
    return {"said": said, "names": names}


def test_every_solution_passes_its_check(outcomes: dict[str, Any]) -> None:
    assert len(outcomes["said"]) >= 7
    for cell, outcome in outcomes["said"].items():
        assert outcome.state == "right", f"{cell}: {outcome}"


def test_the_mended_file_is_written_with_one_example_more(
    outcomes: dict[str, Any],
) -> None:
    path: Path = outcomes["names"]["folder"] / "mended.jsonl"
    assert len(path.read_bytes().splitlines()) == MENDABLE + 1


def test_the_solutions_are_those_of_the_notebook() -> None:
    shown = "\n".join(cell.source for cell in tool.code_cells(tool.read(SOLUTIONS)))
    found = [
        tool.solution(cell).strip()
        for cell in tool.text_cells(prepared_data.notebook())
        if "solution" in cell.metadata.get("tags", [])
    ]
    assert len(found) == 4
    for solution in found:
        assert solution in shown


def test_the_solutions_keep_the_rules_of_the_house() -> None:
    found = tool.problems(tool.read(SOLUTIONS), prepared_data.NAME)
    assert [p for p in found if not any(w in p for w in NOT_ITS_RULES)] == []


def test_every_link_of_the_solutions_leads_somewhere() -> None:
    text = "\n".join(cell.source for cell in tool.text_cells(tool.read(SOLUTIONS)))
    assert f"](../{prepared_data.NAME})" in text
    assert (SOLUTIONS.parent.parent / prepared_data.NAME).is_file()


def test_luhns_rule_of_the_notebook_is_the_one_of_the_helpers() -> None:
    shown = prepared_data.names()["passes_luhn"]
    chance = Random(2)
    for _ in range(500):
        digits = str(chance.randrange(10 ** chance.randint(1, 19)))
        assert shown(digits) == privacy.passes_luhn(digits)


def test_the_draft_of_the_notebook_is_left_with_work_for_the_reader() -> None:
    names = prepared_data.names()
    report = names["draft"].check(**names["against"])
    assert 8 <= len(report.problems) <= 20
    assert not {"personal_data", "secret"} & {p.code for p in report.problems}


def test_an_example_of_the_notebook_is_one_of_the_helpers() -> None:
    names = prepared_data.names()
    assert names["example"] == names["to_example"](names["row"])
