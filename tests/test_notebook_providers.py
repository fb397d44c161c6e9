"""The cells of the notebooks run elsewhere too, and spend nothing unasked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from helpers.connect import start_provider
from tests.small_notebook import small_notebook
from tools import notebooks as tool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# What they assert holds for 100 rows on the local base model.
ABOUT_QUALITY = ("read-curves", "accuracy-chart", "claims")


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """Start a service known by its address alone; yield the variables for it."""
    home = tmp_path_factory.mktemp("service")
    address = start_provider(home)
    yield {
        "COMPANION_PROVIDER": f"{address}/v1",
        "COMPANION_MODEL": "kitchen-base",
        "COMPANION_API_KEY": (home / "key").read_text(encoding="utf-8").strip(),
    }
    stop = [sys.executable, "-m", "helpers.provider", "stop", "--home", str(home)]
    subprocess.run(stop, cwd=tool.ROOT, check=True, capture_output=True)


def run(notebook: NotebookNode, variables: dict[str, str]) -> Path:
    """Run a notebook; return the home that a local provider would have made."""
    with tool.own_provider() as environment:
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": str(tool.NOTEBOOKS)}},
        )
        client.execute(env=environment | variables)
        home = Path(environment["COMPANION_HOME"])
        assert not home.exists(), "a local provider was started as well"
    return home


def output(notebook: NotebookNode, cell_id: str) -> str:
    """Return what a cell wrote."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    return "".join(out.get("text", "") for out in cell.outputs)


def test_the_same_cells_run_on_a_service_that_bills(service: dict[str, str]) -> None:
    notebook = small_notebook(left_out=ABOUT_QUALITY)
    run(notebook, service | {"COMPANION_SPEND": "yes"})
    assert service["COMPANION_PROVIDER"] in output(notebook, "connect")
    assert "30 examples" in output(notebook, "create-job")
    assert "succeeded" in output(notebook, "follow-job")
    assert "nothing of this job is left" in output(notebook, "prove-it-is-gone")
    everything = str(notebook)
    assert service["COMPANION_API_KEY"] not in everything


def test_nothing_is_spent_without_a_yes(service: dict[str, str]) -> None:
    notebook = small_notebook()
    with pytest.raises(CellExecutionError, match="SpendingRefused"):
        run(notebook, service)
    counts = {
        cell.id: cell.execution_count
        for cell in tool.code_cells(notebook)
        if cell.execution_count is not None
    }
    assert list(counts)[-1] == "ask-base-once", "the first cell that asks a model"
    assert "calls" in output(notebook, "ask-base-once")


@pytest.mark.parametrize(
    "name",
    [
        "00_start_here.ipynb",
        "01_meet_fine_tuning.ipynb",
        "02_decide_when_and_why.ipynb",
    ],
)
def test_the_lesson_runs_on_a_service_that_bills(
    service: dict[str, str], name: str
) -> None:
    """Nothing in it needs the local provider's files or its free calls."""
    notebook = tool.read(tool.NOTEBOOKS / name)
    run(notebook, service | {"COMPANION_SPEND": "yes"})
    assert service["COMPANION_API_KEY"] not in str(notebook)
