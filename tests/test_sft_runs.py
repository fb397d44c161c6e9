"""Settings of a training with TRL, and what holds them together over processes."""

from __future__ import annotations

import ast
import json
import re
from types import SimpleNamespace

import pytest

from helpers import sft_runs
from tools import notebooks as tool


@pytest.fixture
def settings(tmp_path):
    """Return the settings in the repository, with an output folder of their own."""
    return sft_runs.read_settings([f"--output_dir={tmp_path}"])


def test_every_line_of_the_settings_is_an_argument_of_trl(settings):
    data, training, model = settings
    assert data.dataset_name == "out/sql/dataset"
    assert training.max_length == 512
    assert model.use_peft
    assert model.lora_target_modules == "all-linear"


def test_a_key_that_trl_does_not_know_is_refused(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(f"output_dir: {tmp_path}\nmax_seq_length: 5\n")
    with pytest.raises(ValueError, match="max_seq_length"):
        sft_runs.read_settings(config=file)


def test_the_command_line_wins_over_the_file(tmp_path):
    words = [f"--output_dir={tmp_path}", "--learning_rate=0.5", "--bf16=False"]
    _, training, _ = sft_runs.read_settings(words)
    assert training.learning_rate == 0.5
    assert training.bf16 is False


@pytest.mark.parametrize(("processes", "each"), [(1, 16), (2, 8), (16, 1)])
def test_a_step_has_the_same_rows_in_any_number_of_processes(settings, processes, each):
    training = settings[1]
    training.gradient_accumulation_steps = 2
    assert sft_runs.share_batch(training, processes) == 32
    assert training.per_device_train_batch_size == each


def test_a_batch_that_cannot_be_shared_evenly_is_refused(settings):
    with pytest.raises(ValueError, match="16 rows .* 3 processes"):
        sft_runs.share_batch(settings[1], 3)


def test_one_process_without_a_group_is_one_participant():
    (me,) = sft_runs.participants()
    assert me["rank"] == 0


def checkpoint(folder, step: int, state: str | None) -> None:
    """Write what a checkpoint leaves behind; None: killed before its last file."""
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    if state is not None:
        (path / "trainer_state.json").write_text(state)


def test_a_checkpoint_whose_writer_was_killed_is_passed_over(tmp_path):
    assert sft_runs.last_checkpoint(tmp_path) is None
    checkpoint(tmp_path, 9, "{}")
    checkpoint(tmp_path, 10, "{}")
    checkpoint(tmp_path, 11, '{"epoch": ')
    checkpoint(tmp_path, 12, None)
    assert sft_runs.last_checkpoint(tmp_path).name == "checkpoint-10"


def identities(tmp_path, *words: str, text: str = "a") -> dict[str, str]:
    """Return the identity of a training with these changes."""
    data = tmp_path / "train.jsonl"
    data.write_text(text)
    _, training, model = sft_runs.read_settings([f"--output_dir={tmp_path}", *words])
    return sft_runs.identity(training, model, data)


@pytest.mark.parametrize(
    ("words", "text", "changed"),
    [
        (["--learning_rate=0.1"], "a", "settings"),
        (["--per_device_train_batch_size=4"], "a", "settings"),
        (["--lora_r=4"], "a", "model"),
        ([], "b", "data"),
    ],
)
def test_a_folder_of_another_training_is_refused(tmp_path, words, text, changed):
    before = identities(tmp_path)
    sft_runs.write_json(tmp_path / sft_runs.RUN, before)
    sft_runs.check_identity(tmp_path, identities(tmp_path))
    with pytest.raises(ValueError, match=f"with other {changed}\\."):
        sft_runs.check_identity(tmp_path, identities(tmp_path, *words, text=text))


def test_how_often_is_saved_and_where_does_not_make_another_training(tmp_path):
    before = identities(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    words = ["--save_steps=7", "--logging_steps=3"]
    assert identities(other, *words) == before


def test_two_batches_of_eight_are_the_same_training_as_one_of_sixteen(tmp_path):
    words = ["--per_device_train_batch_size=8", "--gradient_accumulation_steps=2"]
    assert identities(tmp_path, *words) == identities(tmp_path)


def test_a_cell_with_other_settings_than_the_file_is_told_in_what(tmp_path):
    words = [f"--output_dir={tmp_path}", "--save_steps=7"]
    _, same, _ = sft_runs.read_settings(words)
    assert sft_runs.differences(same) == {}
    _, other, _ = sft_runs.read_settings([*words, "--max_length=99"])
    assert sft_runs.differences(other) == {"max_length": (99, 512)}


# What follows from the machine, what is only watched, and the order of the rows, which
# the notebook chooses by length (see sft.yaml).
OF_THE_NOTEBOOK = set(
    "output_dir use_cpu bf16 activation_checkpointing eval_strategy eval_steps "
    "save_steps logging_steps report_to train_sampling_strategy".split()
)


def test_the_file_of_settings_is_the_training_cell_of_the_notebook(settings):
    notebook = tool.read(tool.NOTEBOOKS / "22_fine_tune_with_hugging_face.ipynb")
    cells = {cell.id: cell.source for cell in notebook.cells}
    (call,) = [
        node
        for node in ast.walk(ast.parse(cells["settings"]))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SFTConfig"
    ]
    told = {word.arg: word.value for word in call.keywords}
    compared = told.keys() - OF_THE_NOTEBOOK
    assert len(compared) >= 8
    for name in compared:
        found = getattr(settings[1], name)
        assert found == ast.literal_eval(told[name]), name
    rank = int(re.search(r"^RANK = (\d+)$", cells["add-lora"], re.M)[1])
    model = settings[2]
    assert (model.lora_r, model.lora_alpha) == (rank, 2 * rank)


def test_losses_are_read_from_the_log_and_nothing_else_is():
    log = [{"step": 1, "loss": 2.0}, {"step": 1, "eval_loss": 3.0}, {"train_loss": 1.0}]
    assert sft_runs.losses(log) == [(1, 2.0)]


def test_a_model_in_one_piece_is_called_whole():
    import torch

    trainer = SimpleNamespace(model_wrapped=torch.nn.Linear(1, 1))
    assert sft_runs.sharding(trainer) == "whole"


def test_json_is_written_whole(tmp_path):
    sft_runs.write_json(tmp_path / "a.json", {"b": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
