"""AutoTrain itself, in its own environment: left out, with a loud note, without it.

A training that fails, one by command with LoRA, and the page in Chromium are run, with
assertions, by notebook 23; they are not run a second time here.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from helpers import autotrain
from helpers.autotrain import (
    Params,
    prepare_base,
    run_config,
    same_model,
    variables,
    write_config,
)
from helpers.autotrain_page import Form, by_http, left_over, open_page, wait_for
from helpers.recipes import load_recipes, take, to_examples, write_jsonl

pytestmark = [pytest.mark.autotrain, pytest.mark.slow]
BLOCK = 256
N_PARAMETERS = 2_361_024  # data/base_model/README.md
DEFAULTS = """
import json
from autotrain.trainers.clm.params import LLMTrainingParams
fields = LLMTrainingParams.model_fields.items()
print(json.dumps({name: field.default for name, field in fields}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model and eight rows."""
    folder = tmp_path_factory.mktemp("autotrain")
    prepare_base(folder / "base")
    rows = to_examples(take(load_recipes(), "train", 8))
    write_jsonl(rows, folder / "data" / "train.jsonl")
    return folder


def settings(**params: Any) -> dict[str, Any]:
    """Return a configuration of four steps."""
    return {
        "task": "llm-sft",
        "base_model": "base",
        "project_name": "soup",
        "log": "none",
        "backend": "local",
        "data": {
            "path": "data",
            "train_split": "train",
            "valid_split": None,
            "chat_template": "tokenizer",
            "column_mapping": {"text_column": "messages"},
        },
        "params": {
            "epochs": 1,
            "block_size": BLOCK,
            "batch_size": 1,
            "gradient_accumulation": 1,
            "logging_steps": 1,
            "quantization": None,
            "disable_gradient_checkpointing": True,
            **params,
        },
    }


def ask(code: str) -> str:
    """Run code in AutoTrain's environment and return what it printed last."""
    done = subprocess.run(
        [autotrain.program("python"), "-c", code],
        env={**variables()}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


def test_the_keys_and_defaults_that_are_checked_are_autotrains_own() -> None:
    told = json.loads(ask(DEFAULTS))
    elsewhere = {
        "model", "project_name", "data_path", "train_split", "valid_split", "log",
        "chat_template", "text_column", "prompt_text_column", "rejected_text_column",
        "push_to_hub", "username", "token",
    }  # fmt: skip
    assert Params().model_dump() == {
        name: value for name, value in told.items() if name not in elsewhere
    }
    assert elsewhere <= set(told)


def test_nothing_for_pictures_and_no_cuda_is_there() -> None:
    code = "import torch, importlib.util as u; print(torch.version.cuda, "
    code += "[n for n in ('torchvision', 'bitsandbytes', 'timm') if u.find_spec(n)])"
    assert ask(code).endswith("[]")


def test_the_base_model_saved_again_is_the_same_for_both(folder: Path) -> None:
    chats = [[{"role": "user", "content": text}] for text in ("soup", "2 œufs, dés")]
    found = same_model(folder / "base", chats)
    assert found.ids
    assert found.difference == 0


def test_a_run_by_file_leaves_a_model_that_todays_libraries_read(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = run_config(write_config(settings(), folder / "soup.yml"), label="")
    assert len(run.losses) >= 4
    model = AutoModelForCausalLM.from_pretrained(run.model)
    assert model.num_parameters() == N_PARAMETERS
    old, new = map(AutoTokenizer.from_pretrained, (run.model, autotrain.BASE_MODEL))
    chat = [{"role": "user", "content": "2 œufs, dés"}]
    told = [one.apply_chat_template(chat, tokenize=False) for one in (old, new)]
    assert told[0] == told[1]
    assert old(told[0])["input_ids"] == new(told[1])["input_ids"]


def test_an_interrupted_run_leaves_no_process_and_no_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def interrupted(child: Any, epochs: float, label: str) -> None:
        started.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(autotrain, "_watch", interrupted)
    cut = settings() | {"project_name": "cut"}
    with pytest.raises(KeyboardInterrupt):
        run_config(write_config(cut, folder / "cut.yml"))
    assert started[0].alive() == []
    assert not (folder / "cut" / "model.safetensors").exists()


def test_the_page_trains_without_a_network_and_leaves_no_process(folder: Path) -> None:
    params = settings()["params"] | {"chat_template": "tokenizer", "log": "none"}
    params |= {"peft": False, "mixed_precision": None, "push_to_hub": False}
    rows = folder / "data" / "train.jsonl"
    form = Form("by-page", folder / "base", rows, "messages", params)
    with open_page(folder / "page", folder / "base") as page:
        choices = page.client.get("/ui/model_choices/llm:sft").json()
        assert [one["id"] for one in choices] == [str(folder / "base")]
        assert by_http(page, form)["success"] == "true"
        run = wait_for(page, form)
        assert left_over(page) > 0
    assert left_over(page) == 0
    assert (run.model / "model.safetensors").is_file()
    assert {one.method for one in page.hub.asked} == {"GET"}
    # The page writes its user's token into the project; ours is good for nothing.
    written = json.loads((run.project / "training_params.json").read_text("utf-8"))
    assert written["token"] == page.hub.token
