"""The notebook about training without code: what can be proved without a training."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import pytest
from nbclient import NotebookClient

from helpers.autotrain import check_config
from tools import notebooks as tool

NAME = "23_train_without_code.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
CODE = {cell.id: cell.source for cell in tool.code_cells(BOOK)}
# Cells that train or ask many questions without AutoTrain.
LONG = (
    "provider-job", "ask-rivals", "score-chart", "known-words", "claims", "run-trl",
    "ask-trl", "clean-up",
)  # fmt: skip
NEEDS = (
    "prepare-base", "run-config", "losses", "run-failing", "run-command", "run-page",
    "show-page", "page-calls", "ask-autotrain", "verdicts",
)  # fmt: skip


def output(notebook: object, cell_id: str) -> str:
    """Return what a cell wrote."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    return "".join(out.get("text", "") for out in cell.outputs)


def test_every_cell_that_needs_autotrain_has_a_way_on_without_it() -> None:
    for cell_id in NEEDS:
        assert "not_run(" in CODE[cell_id], cell_id
    assert {name for name, code in CODE.items() if "not_run(" in code} <= {
        *NEEDS, "look-for-autotrain",
    }  # fmt: skip


def test_no_compared_output_depends_on_autotrain() -> None:
    for cell in tool.code_cells(BOOK):
        if "nbval-check-output" in cell.metadata.get("tags", []):
            assert not re.search(r"\b(ready|models)\b", cell.source), cell.id


@pytest.mark.slow
def test_without_autotrain_no_cell_is_red_and_nothing_is_claimed(
    tmp_path: Path,
) -> None:
    notebook = tool.read(tool.NOTEBOOKS / NAME)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in LONG]
    with tool.own_provider() as environment:
        client = NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": str(tool.NOTEBOOKS)}},
        )
        client.execute(env=environment | {"COMPANION_AUTOTRAIN": str(tmp_path)})
    assert "make autotrain" in output(notebook, "look-for-autotrain")
    for cell_id in NEEDS:
        assert "Not run, and nothing is claimed" in output(notebook, cell_id), cell_id


def test_the_file_of_the_notebook_has_no_error(tmp_path: Path) -> None:
    names: dict[str, object] = {}
    exec(CODE["settings"] + "\n" + CODE["params"], names)
    assert check_config(names["settings"], tmp_path).ok


def test_file_command_and_page_train_with_the_same_data_and_block() -> None:
    assert '"block_size": 1024' in CODE["params"]
    assert '"block_size": 1024' in CODE["command"]
    assert '**settings["params"]' in CODE["form"]
    assert 'take(recipes, "train", 100)' in CODE["write-data"]
    assert 'take(recipes, "test")' in CODE["ask-rivals"]


def test_the_page_is_never_asked_to_send_the_model_away() -> None:
    assert '"push_to_hub": False' in CODE["form"]
    assert "push_to_hub=True" not in "".join(CODE.values())


def test_every_fact_has_a_source_a_day_and_a_mark() -> None:
    path = tool.ROOT / "data" / "autotrain.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["topic"] for row in rows} == {
        "state", "python", "place", "space", "successor",
    }  # fmt: skip
    for row in rows:
        assert None not in row
        assert row["fact"]
        assert row["source"]
        assert date.fromisoformat(row["read_on"])
        assert row["verified"] in ("yes", "no")
        if row["as_of"]:
            assert date.fromisoformat(row["as_of"])
