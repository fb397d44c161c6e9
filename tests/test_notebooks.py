"""Notebooks keep the rules of the house, and teach what helpers then do.

They run for real under nbval (`make notebooks`); here stands what needs no run.
"""

import copy
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import checks, evaluation, recipes, sql_data
from helpers.limits import load_limits, question_examples
from helpers.sarcasm import load_rows
from helpers.ways import table
from tests import prepared_data
from tools import notebooks as tool

PATHS = tool.all_notebooks()
RECIPE_ASSISTANT = tool.NOTEBOOKS / "20_fine_tune_recipe_assistant.ipynb"
BOOKS = {path.name: tool.read(path) for path in PATHS}


def source(path: Path, cell_id: str) -> str:
    """Return the text of a cell."""
    return next(cell.source for cell in BOOKS[path.name].cells if cell.id == cell_id)


def defined(*cell_ids: str) -> dict[str, Any]:
    """Run cells of the recipe notebook that only define, and return their names."""
    names: dict[str, Any] = {"json": json}
    for cell_id in cell_ids:
        exec(source(RECIPE_ASSISTANT, cell_id), names)
    return names


# --- every notebook ---------------------------------------------------------------


def test_there_is_a_notebook() -> None:
    assert RECIPE_ASSISTANT in PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_notebook_keeps_every_rule_of_the_house(path: Path) -> None:
    assert tool.problems(BOOKS[path.name], path.name) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_notebook_is_tidy_and_valid(path: Path) -> None:
    notebook = copy.deepcopy(BOOKS[path.name])
    nbformat.validate(notebook)
    tool.tidy(notebook)
    assert notebook == BOOKS[path.name]
    assert path.read_bytes().endswith(b"}\n")
    assert b"\r" not in path.read_bytes()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_ids_of_published_cells_are_still_there(path: Path) -> None:
    ids = [cell.id for cell in BOOKS[path.name].cells]
    lost = set(tool.published()[path.name]) - set(ids)
    assert not lost, "Cell ids never change: links and translations hang on them."


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_bootstrap_cell_names_the_repository_of_pyproject(path: Path) -> None:
    assert f'REPOSITORY = "{tool.repository()}"' in source(path, "bootstrap")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_notebook_has_goals_time_limits_and_a_way_on(path: Path) -> None:
    texts = "\n".join(cell.source for cell in tool.text_cells(BOOKS[path.name]))
    for words in (
        "You learn",
        "Time",
        "Cost",
        "If you see",
        "does not show",
        "minutes",
    ):
        assert words in texts, words
    assert texts.count("**Predict.**") >= 3


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_minutes_of_the_sections_add_up_to_the_time_announced(path: Path) -> None:
    texts = "\n".join(cell.source for cell in tool.text_cells(BOOKS[path.name]))
    sections = [int(n) for n in re.findall(r"^## .*\((\d+) minutes\)$", texts, re.M)]
    announced = int(re.search(r"\*\*Time\*\* \| (\d+) minutes", texts)[1])
    assert len(sections) >= 3
    assert abs(announced - sum(sections)) <= 5


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_notebook_checks_its_claims_and_compares_outputs(path: Path) -> None:
    cells = tool.code_cells(BOOKS[path.name])
    assert sum("assert " in cell.source for cell in cells) >= 5
    compared = [c for c in cells if "nbval-check-output" in c.metadata.get("tags", [])]
    assert len(compared) >= 8
    assert all(cell.outputs for cell in compared)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_notebook_imports_helpers_and_never_the_provider(path: Path) -> None:
    code = "\n".join(cell.source for cell in tool.code_cells(BOOKS[path.name]))
    modules = set(re.findall(r"(?:from|import) (helpers[\w.]*)", code))
    assert modules
    assert not any(module.startswith("helpers.provider") for module in modules)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_local_link_of_a_notebook_leads_somewhere(path: Path) -> None:
    for cell in tool.text_cells(BOOKS[path.name]):
        for link in re.findall(r"\]\(([^)#\s]+)", cell.source):
            if "://" not in link:
                assert (path.parent / link).exists(), f"{cell.id} links to {link}"


# --- the bootstrap cell -----------------------------------------------------------


def bootstrapped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]
) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(subprocess, "run", run)
    names: dict[str, Any] = {}
    exec(source(RECIPE_ASSISTANT, "bootstrap"), names)
    return names


def test_in_the_repository_the_bootstrap_cell_fetches_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = bootstrapped(tool.NOTEBOOKS, monkeypatch, pytest.fail)
    assert names["root"] == tool.ROOT
    assert str(tool.ROOT) in sys.path


def test_elsewhere_the_bootstrap_cell_fetches_the_repository_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed, fetched = [], []
    monkeypatch.setattr(
        "helpers.environment.install_missing", lambda: installed.append(1)
    )

    def run(command: list[Any], check: bool) -> None:
        fetched.append(command)
        Path(command[-1]).mkdir()

    for _ in range(2):
        names = bootstrapped(tmp_path, monkeypatch, run)
    (command,) = fetched
    assert command[:2] == ["git", "clone"]
    assert command[-2] == f"https://github.com/{tool.repository()}"
    assert names["root"] == tmp_path / "companion"
    assert len(installed) == 2


# --- what the notebook shows is what helpers do -----------------------------------

ROWS = recipes.load_recipes()


def test_the_example_of_the_notebook_is_the_one_of_the_helpers() -> None:
    shown = defined("define-example")
    assert shown["SYSTEM_PROMPT"] == recipes.SYSTEM_PROMPT
    for row in ROWS.to_dict("records"):
        assert shown["user_message"](row) == recipes.user_message(row)
        assert shown["to_example"](row) == recipes.to_example(row)


def test_the_file_of_the_notebook_is_the_one_of_the_helpers(tmp_path: Path) -> None:
    shown = defined("define-example", "define-write-jsonl")
    one = shown["write_jsonl"](ROWS, tmp_path / "one.jsonl")
    other = recipes.write_jsonl(ROWS, tmp_path / "other.jsonl")
    assert one.read_bytes() == other.read_bytes()


def test_the_score_of_the_notebook_is_the_one_of_the_helpers() -> None:
    shown = defined("define-score")
    chance = random.Random(1)
    words = ["Egg", "egg", " salt", "flour", "milk", "sugar", "oil", "rice"]
    for _ in range(500):
        answer = chance.choices(words, k=chance.randint(0, 6))
        right = chance.choices(words, k=chance.randint(1, 6))
        counts = shown["count_names"](answer, right)
        scored = evaluation.score_names(json.dumps(answer), json.dumps(right))
        assert counts == (scored["tp"], scored["fp"], scored["fn"])
        assert shown["f1"](*counts) == pytest.approx(
            float(evaluation.f1(*([count] for count in counts)))
        )


def test_the_notebook_tests_on_the_frozen_test_set() -> None:
    shown: dict[str, Any] = {"recipes": ROWS}
    exec(source(RECIPE_ASSISTANT, "split"), shown)
    expected = ROWS.iloc[list(recipes.SPLITS["test"])[:100]]
    pd.testing.assert_frame_equal(shown["test"], expected)
    assert len(shown["train"]) == len(shown["validation"]) == 100


# --- exercises --------------------------------------------------------------------


def exercises() -> list[Any]:
    """Return (exercise, solution) of every notebook."""
    found = []
    for name, notebook in BOOKS.items():
        for cell, after in zip(notebook.cells, notebook.cells[1:], strict=False):
            if "exercise" in cell.metadata.get("tags", []):
                found.append(pytest.param(cell, after, id=f"{name}-{cell.id}"))
    return found


def outcome_of(code: str) -> checks.Outcome:
    """Run an exercise as a notebook does and return what its last line shows."""
    names = {
        "recipes": ROWS,
        "lengths": list(range(100, 200)),
        "checkpoints": CHECKPOINTS,
        # of notebook 01
        "turns": list(range(120, 220)),
        "free": 1_800,
        "fixed": 100,
        "prompt_tokens": lambda k: 100 + 143 * k,
        "job": SimpleNamespace(trained_tokens=52_782),
        **about_limits(),
        **about_azure(),
        **about_no_code(),
    }
    if "helpers.checks.data" in code:
        names |= prepared_data.names()
    if "helpers.checks.hugging_face" in code:
        names |= about_hugging_face()
    if "helpers.checks.ways" in code:
        with tempfile.TemporaryDirectory() as folder:
            return last_line(code, names | about_ways(Path(folder)))
    return last_line(code, names)


def last_line(code: str, names: dict[str, Any]) -> checks.Outcome:
    """Run a cell and return what its last line shows."""
    body, _, last = code.strip().rpartition("\n")
    exec(body, names)
    return eval(last, names)


def about_limits() -> dict[str, Any]:
    """Return what the exercises of the notebook about limits work on."""
    epochs = pd.DataFrame(
        {
            "step": [30, 60, 90, 120],
            "train_loss": [0.9, 0.3, 0.1, 0.02],
            "full_valid_loss": [0.5, 0.4, 0.3, 0.35],
        },
        index=pd.RangeIndex(1, 5, name="epoch"),
    )
    sizes, f1 = [10, 10, 100, 100], [0.5, 0.96, 0.95, 0.96]
    runs = pd.DataFrame({"rows": sizes, "seed": [0, 1] * 2, "f1": f1})
    two_hands = recipes.take(ROWS, "train", 100).copy()
    second = two_hands.index % 2 == 1
    two_hands.loc[second, "NER"] = [
        json.dumps(json.loads(names)[:2]) for names in two_hands.loc[second, "NER"]
    ]
    return {
        "epochs": epochs,
        "kept": SimpleNamespace(runs=runs),
        "hundred": recipes.to_examples(recipes.take(ROWS, "train", 100)),
        "general": question_examples(load_limits("general")),
        "two_hands": two_hands,
        "json": json,
    }


def about_azure() -> dict[str, Any]:
    """Return what the exercises of the notebook about Azure work on."""
    candidates = pd.DataFrame(
        {"style": [0.3, 0.9, 0.9], "facts": [0.9, 0.8, 0.6]},
        index=["step-100", "step-200", "step-300"],
    )
    names: dict[str, Any] = {"pd": pd}
    exec(source(tool.NOTEBOOKS / "21_deploy_on_azure.ipynb", "monday"), names)
    return {
        "candidates": candidates,
        "hundred_rows": load_rows("training_100"),
        "monday": names["monday"],
    }


def about_hugging_face() -> dict[str, Any]:
    """Return what the exercises of the notebook about Hugging Face work on."""
    return {
        "rows": {"validation": sql_data.load("validation")},
        "input_ids": [5, 6, 7, 8, 1],
        "completion_mask": [0, 0, 1, 1, 1],
    }


def about_ways(folder: Path) -> dict[str, Any]:
    """Return what the exercises of the notebook about the ways work on."""
    rows = recipes.to_examples(recipes.take(ROWS, "train", 20))
    return {
        "today": datetime.date(2026, 11, 23),
        "training_path": recipes.write_jsonl(rows, folder / "training.jsonl"),
        "old_lines": table("old_calls"),
    }


def about_no_code() -> dict[str, Any]:
    """Return what the exercises of the notebook about AutoTrain work on."""
    path = tool.NOTEBOOKS / "23_train_without_code.ipynb"
    names: dict[str, Any] = {}
    exec(source(path, "settings") + "\n" + source(path, "params"), names)
    broken = copy.deepcopy(names["settings"])
    broken["params"].update(peft=True, mixed_precision="fp16")
    return {
        "copy": copy,
        "settings": names["settings"],
        "broken": broken,
        "folder": Path("no-such-folder"),
        "tape": 17_868,
        "answers": [30, 40, 50] * 30,
    }


def _checkpoint(step: int, loss: float) -> Any:
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

    return FineTuningJobCheckpoint.construct(
        id=f"ftckpt_{step}",
        step_number=step,
        fine_tuned_model_checkpoint=f"ft:a:b::c:ckpt-step-{step}",
        metrics=FineTuningJobCheckpoint.construct(
            train_loss=1 / step, full_valid_loss=loss
        ),
    )


CHECKPOINTS = [_checkpoint(30, 0.3), _checkpoint(20, 0.2), _checkpoint(10, 0.4)]


def test_there_are_two_exercises_or_more() -> None:
    assert len(exercises()) >= 2


@pytest.mark.parametrize(("exercise", "after"), exercises())
def test_the_solution_of_an_exercise_passes_its_check(
    exercise: NotebookNode, after: NotebookNode
) -> None:
    assert outcome_of(tool.solution(after)).state == "right"


@pytest.mark.parametrize(("exercise", "after"), exercises())
def test_an_exercise_can_be_skipped(
    exercise: NotebookNode, after: NotebookNode
) -> None:
    assert outcome_of(exercise.source).state == "not tried"


@pytest.mark.parametrize(("exercise", "after"), exercises())
def test_a_solution_differs_from_its_exercise_in_the_blanks_alone(
    exercise: NotebookNode, after: NotebookNode
) -> None:
    pattern = ".+".join(map(re.escape, exercise.source.strip().split("...")))
    assert re.fullmatch(pattern, tool.solution(after).strip(), re.S)


# --- the rules themselves ---------------------------------------------------------


def good() -> NotebookNode:
    """Return a small notebook that breaks no rule."""
    links = " ".join(
        f"[![{kind}](badge.svg)]({address})"
        for kind, address in tool.badges("00_try_it.ipynb").items()
    )
    code = new_code_cell("print(1)", id="say-one", execution_count=1)
    code.outputs = [new_output("stream", name="stdout", text="1\n")]
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# Try it\n\n{links}", id="title"),
            code,
            new_markdown_cell("## Part\n\nSome words.", id="section-part"),
        ]
    )
    tool.tidy(notebook)
    return notebook


def changed(change: Callable[[NotebookNode], object]) -> list[str]:
    """Return the problems of a notebook after something was done to it."""
    notebook = good()
    change(notebook)
    return tool.problems(notebook, "00_try_it.ipynb")


def test_a_notebook_that_breaks_no_rule_has_no_problems() -> None:
    assert changed(lambda notebook: None) == []


def _show(data: dict[str, Any]) -> Callable[[NotebookNode], None]:
    return lambda n: n.cells[1].outputs.append(new_output("display_data", data=data))


def _exercise(code: str, solution: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[1].source = code
        notebook.cells[1].metadata["tags"] = ["exercise"]
        notebook.cells[2].source = solution
        notebook.cells[2].metadata["tags"] = ["solution"]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: n.cells[0].update(source="Try it"), "no title"),
        (lambda n: n.cells[0].update(source="# Try it"), "no Colab badge"),
        (lambda n: n.cells[2].update(source="# Part"), "second title"),
        (lambda n: n.cells[2].update(source="### Part"), "skips a level"),
        (lambda n: n.cells[2].update(id="title"), "two cells"),
        (lambda n: n.cells[2].update(id="3fa9c1d0"), "no name"),
        (lambda n: n.cells[2].update(id="Section 1"), "no name"),
        (lambda n: n.cells[1].update(source=""), "empty"),
        (lambda n: n.cells[1].update(source="x = 1\n" * 26), "26 lines"),
        (lambda n: n.cells[1].update(source="x = 1\n" * 9), "half of them"),
        (lambda n: n.cells[1].update(source="x = " + "1" * 90), "characters"),
        (lambda n: n.cells[2].update(source="word " * 111), "111 words"),
        (lambda n: n.cells[2].update(source="word " * 61), "more than a tenth"),
        (lambda n: n.cells[1].metadata.update(tags=["new"]), "not known"),
        (lambda n: n.cells[1].update(execution_count=2), "top to bottom"),
        (lambda n: n.cells[1].update(execution_count=None), "top to bottom"),
        (
            lambda n: n.cells[1].outputs.append(
                new_output("error", ename="E", evalue="", traceback=[])
            ),
            "error: E",
        ),
        (lambda n: n.cells[1].outputs[0].update(name="stderr"), "stderr"),
        (lambda n: n.cells[1].outputs[0].update(text="in /ho" + "me/ann/x"), "folder"),
        (_show({"text/html": "<b>/Use" + "rs/ann</b>"}), "folder"),
        (lambda n: n.cells[1].outputs[0].update(text="sk-" + "a1" * 12), "a key"),
        (_show({"application/vnd.jupyter.widget-view+json": {}}), "widget"),
        (_show({"image/png": "aGk="}), "alternative text"),
        (lambda n: n.cells[2].update(source="![](a.png)"), "alternative text"),
        (lambda n: n.cells[2].update(source='<img src="a">'), "alternative text"),
        (lambda n: n.metadata.update(widgets={}), "front end"),
        (lambda n: n.cells[1].metadata.update(collapsed=True), "front end"),
        (lambda n: n.metadata.kernelspec.update(name="conda"), "python3"),
        (_show({"text/plain": "x" * 300_001}), "bytes"),
        (_exercise("x = 1", "text"), "blank or a check"),
        (_exercise("x = ...\ncheck_x(x)", "text"), "no code behind a click"),
    ],
)
def test_every_rule_notices_what_breaks_it(
    change: Callable[[NotebookNode], object], words: str
) -> None:
    found = changed(change)
    assert any(words in problem for problem in found), found


def test_a_key_in_an_output_is_reported_and_not_repeated() -> None:
    key = "sk-" + "a1" * 12
    found = changed(lambda n: n.cells[1].outputs[0].update(text=key))
    assert found
    assert key not in "\n".join(found)


def test_tidying_keeps_ids_and_tables_and_drops_widgets_and_folders() -> None:
    notebook = good()
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell = notebook.cells[1]
    cell.execution_count = 17
    cell.metadata["scrolled"] = True
    cell.outputs = [
        new_output("display_data", data={**view, "text/plain": "IntSlider()"}),
        new_output("display_data", data={**view, "text/html": "<table></table>"}),
        new_output("stream", name="stdout", text=f"{tool.ROOT}/data\nmine/x\n"),
    ]
    notebook.metadata["widgets"] = {"state": {}}
    ids = [cell.id for cell in notebook.cells]
    tool.tidy(notebook, {"mine"})
    assert [cell.id for cell in notebook.cells] == ids
    assert cell.execution_count == 1
    table, text = cell.outputs
    assert dict(table.data) == {"text/html": "<table></table>"}
    assert text.text == "./data\n…/x\n"
    assert tool.problems(notebook, "00_try_it.ipynb") == []


def test_words_behind_a_click_and_code_do_not_count() -> None:
    text = "Two words\n<details>many more words</details>\n```python\nx = 1\n```"
    assert tool.count_words(text) == 2
    assert tool.count_words("[a link](https://example.org/a-b-c), **bold**") == 3


# --- the commands -----------------------------------------------------------------


def test_each_process_of_the_notebook_tests_has_folders_of_its_own(
    tmp_path: Path,
) -> None:
    code = """
import os, pathlib, time
def test_it():
    homes = pathlib.Path(__file__).parent / "homes"
    homes.mkdir(exist_ok=True)
    home = os.environ["COMPANION_HOME"]
    assert os.environ["COMPANION_OUT"].startswith(str(pathlib.Path(home).parent))
    (homes / f"{os.getpid()}.txt").write_text(home)
"""
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(code)
    words = "-p tests.own_providers -p no:cacheprovider -n 2 --dist loadfile -q"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *words.split(), str(tmp_path)],
        cwd=tool.ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "COMPANION_HOME": "elsewhere"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    homes = [path.read_text() for path in (tmp_path / "homes").iterdir()]
    assert len(set(homes)) == 2
    assert "elsewhere" not in homes
    assert not any(Path(home).parent.exists() for home in homes)


def test_a_run_keeps_the_outputs_and_a_failed_one_leaves_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "00_try_it.ipynb"
    notebook = good()
    notebook.cells[1].source = "print(1 + 1)"
    notebook.cells[1].outputs = []
    tool.write(notebook, path)
    assert tool.main(["execute", str(path)]) == 0
    assert tool.read(path).cells[1].outputs[0].text == "2\n"

    notebook.cells[1].source = "1 / 0"
    tool.write(notebook, path)
    before = path.read_bytes()
    assert tool.main(["execute", str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_check_names_the_problems_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "00_try_it.ipynb"
    notebook = good()
    notebook.cells[2].source = "# Part"
    tool.write(notebook, path)
    assert tool.main(["check", str(path)]) == 1
    assert "00_try_it.ipynb: section-part: a second title" in capsys.readouterr().err
