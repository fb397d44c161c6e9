"""The notebook about Hugging Face: what can be proved without a training."""

from __future__ import annotations

import inspect

from helpers import hf_training, sql_data
from tools import notebooks as tool

NAME = "22_fine_tune_with_hugging_face.ipynb"
BOOK = tool.read(tool.NOTEBOOKS / NAME)
CODE = {cell.id: cell.source for cell in tool.code_cells(BOOK)}
EVERYTHING = "\n".join(CODE.values())


def test_the_steps_come_in_the_order_of_the_tutorial() -> None:
    order = [
        "versions", "choose-model-code", "load-data", "show-template", "add-lora",
        "settings", "make-trainer", "train", "ask-tuned", "merge", "serve",
    ]  # fmt: skip
    ids = list(CODE)
    places = [ids.index(cell_id) for cell_id in order]
    assert places == sorted(places)


def test_one_setting_chooses_the_model() -> None:
    assert EVERYTHING.count('MODEL = "local"') == 1
    assert "data/base_model" not in EVERYTHING
    assert {"codellama", "llama", "qwen"} < set(hf_training.BASES)
    # What is asserted about numbers holds for the local base model alone.
    assert CODE["claims"].startswith('if MODEL == "local":')


def test_no_argument_is_one_that_today_s_libraries_refuse() -> None:
    for gone in ("warmup_ratio", "max_seq_length", "evaluation_strategy", "setup_chat"):
        assert gone not in EVERYTHING


def test_the_notebook_and_the_helper_make_the_same_example() -> None:
    names: dict = {}
    exec(CODE["define-example"], names)
    row = sql_data.load("validation").iloc[0]
    assert names["to_example"](row) == sql_data.as_prompt_completion(row)


def test_the_notebook_and_the_helper_make_the_same_adapter() -> None:
    rank = int(CODE["add-lora"].split("RANK = ")[1].split()[0])
    names: dict = {"LoraConfig": hf_training.LoraConfig, "RANK": rank}
    body = CODE["add-lora"].split("adapter = ")[1].split("\nlearned")[0]
    assert eval(body, names).to_dict() == hf_training.lora(rank).to_dict()


def test_the_trainer_replaces_one_method_alone() -> None:
    own = [
        n for n, f in vars(hf_training.AnswerTrainer).items() if inspect.isfunction(f)
    ]
    assert [name for name in own if hasattr(hf_training.SFTTrainer, name)] == [
        "compute_loss"
    ]


def test_what_is_written_lies_below_the_output_folder() -> None:
    assert 'folder = output_folder("text-to-sql")' in CODE["settings"]
    for written in ("output_dir=", "merged_folder ="):
        for line in EVERYTHING.splitlines():
            if written in line:
                assert "folder /" in line, line
