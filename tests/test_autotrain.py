"""AutoTrain's file and its results, without AutoTrain (see test_autotrain_real)."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from helpers import autotrain
from helpers.autotrain import (
    AutoTrainMissing,
    Remarks,
    Run,
    TrainingFailed,
    check_config,
    check_result,
    command_line,
    not_run,
    read_losses,
    write_config,
)

WHERE = "INFO     | 2026-11-23 08:00:00 | autotrain.trainers.common"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with training rows."""
    data = tmp_path / "data"
    data.mkdir()
    row = {"messages": [{"role": "user", "content": "soup?"}]}
    (data / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def settings() -> dict[str, Any]:
    """A configuration without any fault."""
    return {
        "task": "llm-sft",
        "base_model": "base",
        "project_name": "soup-1",
        "log": "none",
        "backend": "local",
        "data": {
            "path": "data",
            "train_split": "train",
            "valid_split": None,
            "chat_template": "tokenizer",
            "column_mapping": {"text_column": "messages"},
        },
        "params": {"epochs": 1, "gradient_accumulation": 1, "quantization": None},
    }


def places(remarks: Remarks, severity: str = "error") -> list[str]:
    """Return where the remarks of a severity are."""
    return [remark.where for remark in remarks if remark.severity == severity]


# --- the file ---------------------------------------------------------------------


def test_a_good_file_has_one_warning_which_nothing_can_mend(
    settings: dict[str, Any], folder: Path
) -> None:
    remarks = check_config(settings, folder)
    assert remarks.ok
    assert places(remarks, "warning") == ["params.block_size"]


@pytest.mark.parametrize(
    "key", ["task", "base_model", "project_name", "log", "backend", "data"]
)
def test_a_missing_key_is_named(settings: dict[str, Any], key: str) -> None:
    del settings[key]
    assert places(check_config(settings)) == [key]


def test_a_key_that_must_be_there_may_be_null(
    settings: dict[str, Any], folder: Path
) -> None:
    del settings["data"]["valid_split"]
    assert places(check_config(settings, folder)) == ["data.valid_split"]


def test_a_misspelled_key_is_told_with_the_right_one(settings: dict[str, Any]) -> None:
    settings["params"]["epoch"] = 3
    settings["data"]["colunm_mapping"] = {}
    text = repr(check_config(settings))
    assert "'epochs'" in text
    assert "'column_mapping'" in text


def test_an_unknown_key_and_a_wrong_type_are_errors(settings: dict[str, Any]) -> None:
    settings["params"] |= {"zzz": 1, "lr": "high", "epochs": 1.5}
    found = places(check_config(settings))
    assert set(found) == {"params.zzz", "params.lr", "params.epochs"}


def test_what_yaml_reads_as_a_text_may_be_a_number(
    settings: dict[str, Any], folder: Path
) -> None:
    settings["params"]["lr"] = yaml.safe_load("1e-4")
    assert isinstance(settings["params"]["lr"], str)
    assert check_config(settings, folder).ok


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"project_name": "soup_1"}, "project_name"),
        ({"project_name": "s" * 51}, "project_name"),
        ({"params.peft": True, "params.quantization": "int4"}, "params.quantization"),
        ({"params.mixed_precision": "fp16"}, "params.mixed_precision"),
        ({"data.train_split": "training"}, "data.train_split"),
        ({"data.chat_template": None}, "data.chat_template"),
        ({"data.chat_template": "none"}, "data.chat_template"),
        (
            {"data.column_mapping": {"text_column": "text"}},
            "data.column_mapping.text_column",
        ),
    ],
)
def test_what_cannot_work_is_an_error(
    settings: dict[str, Any], folder: Path, changes: dict[str, Any], where: str
) -> None:
    assert places(check_config(changed(settings, changes), folder)) == [where]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"data.valid_split": "validation"}, "data.valid_split"),
        ({"params.seed": 7}, "params.seed"),
        ({"params.merge_adapter": True}, "params.merge_adapter"),
        ({"params": {"epochs": 1}}, "params.gradient_accumulation"),
        (
            {"hub": {"username": "me", "token": "t", "push_to_hub": True}},
            "hub.push_to_hub",
        ),
    ],
)
def test_what_is_dropped_without_a_word_is_a_warning(
    settings: dict[str, Any], folder: Path, changes: dict[str, Any], where: str
) -> None:
    remarks = check_config(changed(settings, changes), folder)
    assert remarks.ok
    assert places(remarks, "warning") == ["params.block_size", where] or places(
        remarks, "warning"
    ) == [where, "params.block_size"]


def changed(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return settings with values set at places with dots."""
    settings = copy.deepcopy(settings)
    for where, value in changes.items():
        *way, last = where.split(".")
        at = settings
        for part in way:
            at = at[part]
        at[last] = value
    return settings


def test_lora_without_a_word_about_quantization_is_an_error_but_not_on_a_gpu(
    settings: dict[str, Any], folder: Path
) -> None:
    settings["params"] = {"peft": True, "gradient_accumulation": 1}
    assert places(check_config(settings, folder)) == ["params.quantization"]
    assert check_config(settings, folder, gpu=True).ok


def test_a_written_file_reads_back_and_a_bad_one_is_not_written(
    settings: dict[str, Any], folder: Path
) -> None:
    path = write_config(settings, folder / "soup.yml")
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == settings
    assert check_config(path).ok
    settings["task"] = "llm-sftt"
    with pytest.raises(ValueError, match="task"):
        write_config(settings, folder / "bad.yml")
    assert not (folder / "bad.yml").exists()


def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "list.yml"
    path.write_text("- a\n- b\n", encoding="utf-8")
    assert not check_config(path).ok


# --- the command and what it leaves -----------------------------------------------


def test_options_are_spelled_as_autotrain_spells_them() -> None:
    words = command_line(
        {"lr": 0.1, "peft": True, "merge_adapter": False, "block_size": 8}
    )
    assert words == ["llm", "--train", "--lr", "0.1", "--peft", "--block-size", "8"]
    assert command_line({"disable_gradient_checkpointing": True})[-1] == (
        "--disable_gradient_checkpointing"
    )


def left(tmp_path: Path, log: str = "", files: dict[str, str] | None = None) -> Run:
    """Return a run that has left these files."""
    project = tmp_path / "soup"
    project.mkdir(exist_ok=True)
    for name, content in (files or {}).items():
        (project / name).write_text(content, encoding="utf-8")
    path = tmp_path / "soup.log"
    path.write_text(log, encoding="utf-8")
    return Run(project, path, 1.0, pd.DataFrame(), 0)


def test_a_run_that_left_a_model_is_good(tmp_path: Path) -> None:
    run = left(tmp_path, files={"model.safetensors": "x", "training_params.json": "{}"})
    assert check_result(run) == run.project == run.model


def test_a_run_without_a_model_failed_although_its_exit_status_is_zero(
    tmp_path: Path,
) -> None:
    progress = " 59%|#####    | 60/102\r"
    error = "ERROR    | 2026-11-23 08:00:00 | autotrain:wrapper:1 - no such model"
    run = left(tmp_path, log=f"{progress}{error}\nlast words\n")
    with pytest.raises(TrainingFailed, match="exit status 0.*no such model") as failure:
        check_result(run)
    assert str(run.log) in str(failure.value)


def test_an_error_counts_beside_a_model_of_an_earlier_run(tmp_path: Path) -> None:
    error = "ERROR    | 2026-11-23 08:00:00 | autotrain:wrapper:1 - out of memory\n"
    run = left(tmp_path, log=error, files={"model.safetensors": "old"})
    with pytest.raises(TrainingFailed, match="out of memory"):
        check_result(run)


@pytest.mark.parametrize(
    ("merge", "files", "good"),
    [
        (False, ["adapter_model.safetensors"], True),
        (False, [], False),
        (True, ["model.safetensors"], True),
        # AutoTrain only warns when a merge has failed, and leaves both.
        (True, ["model.safetensors", "adapter_model.safetensors"], False),
        (True, ["adapter_model.safetensors"], False),
    ],
)
def test_an_adapter_is_there_or_merged_as_it_was_asked_for(
    tmp_path: Path, merge: bool, files: list[str], good: bool
) -> None:
    asked = json.dumps({"peft": True, "merge_adapter": merge})
    content = dict.fromkeys(files, "x") | {"training_params.json": asked}
    run = left(tmp_path, files=content)
    if good:
        assert check_result(run) == run.project
    else:
        with pytest.raises(TrainingFailed):
            check_result(run)


def test_losses_are_read_once_from_a_log_that_has_them_twice(tmp_path: Path) -> None:
    log = tmp_path / "log"
    told = "{'loss': 1.5, 'grad_norm': 0.2, 'epoch': 0.5}"
    log.write_text(
        f" 10%|#   | 1/9\r{WHERE}:on_log:367 - {told}\n   {told}\n"
        f"{WHERE}:on_log:367 - {{'train_runtime': 3.0, 'epoch': 1.0}}\n",
        encoding="utf-8",
    )
    assert read_losses(log).values.tolist() == [[0.5, 1.5]]


def test_a_folder_that_autotrain_has_not_made_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "soup" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work", encoding="utf-8")
    monkeypatch.setattr(autotrain, "program", lambda name="autotrain": tmp_path / name)
    for again, word in ((True, "not made it"), (False, "already")):
        with pytest.raises(FileExistsError, match=word):
            autotrain.run_command(
                ["llm", "--project-name", "soup"], tmp_path, again=again
            )
    assert mine.is_file()


# --- without the environment ------------------------------------------------------


def test_without_the_environment_the_way_to_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(autotrain.VARIABLE, str(tmp_path))
    assert autotrain.environment() is None
    assert "make autotrain" in autotrain.describe()
    with pytest.raises(AutoTrainMissing, match="make autotrain"):
        autotrain.run_config(write_config(good(), tmp_path / "a.yml"))
    assert "nothing is claimed: the soup" in not_run("the soup")


def good() -> dict[str, Any]:
    """Return the fixture `settings` for a folder without data."""
    data = {
        "path": "somebody/on-the-hub",
        "train_split": "train",
        "valid_split": None,
        "chat_template": "tokenizer",
        "column_mapping": {"text_column": "messages"},
    }
    first = {"task": "llm-sft", "base_model": "b", "project_name": "p", "log": "none"}
    return {**first, "backend": "local", "data": data}


def test_the_tool_that_saves_the_base_again_needs_nothing_of_this_project() -> None:
    """It runs in AutoTrain's environment, which has none of our packages."""
    code = "import runpy; runpy.run_path('tools/resave_base.py')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=autotrain.ROOT)
    assert done.returncode == 0
