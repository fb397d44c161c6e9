"""What `--model` refuses, each time with the reason and the way out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helpers.provider.model_folders import (
    NotAModel,
    check_folder,
    count_parameters,
    job_bytes,
)
from tests.provider.tiny_models import make_other


@pytest.fixture
def folder(tiny_llama, tmp_path) -> Path:
    return shutil.copytree(tiny_llama, tmp_path / "model")


def change_config(folder: Path, **changes) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text()) | changes
    file.write_text(json.dumps(config))


def refused(folder: Path, words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        check_folder(folder)


def test_whole_models_are_taken(folder, tmp_path):
    check_folder(folder)
    # Of another class than its own, but one that goes on texts.
    check_folder(make_other(tmp_path / "gpt2", "gpt2"))


def test_a_folder_without_a_model_is_refused(tmp_path):
    refused(tmp_path, "no config.json")
    (tmp_path / "adapter_config.json").write_text("{}")
    refused(tmp_path, "adapter only.*merge_and_unload")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model_type": 5}'])
def test_a_config_that_says_nothing_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    refused(folder, "config.json")


def test_pickled_weights_are_never_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "pickled.*save_pretrained")


def test_weights_for_answering_only_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "model.gguf")
    refused(folder, "GGUF")


def test_missing_weights_are_said(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "no model.safetensors")


def test_weights_that_are_not_whole_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    refused(folder, "no whole safetensors file")
    file.write_text("version https://git-lfs.github.com/spec/v1\n")
    refused(folder, "git lfs pull")


def test_a_missing_part_of_the_weights_is_said(folder):
    index = folder / "model.safetensors.index.json"
    files = ["model.safetensors", "../../etc/passwd"]
    index.write_text(json.dumps({"weight_map": dict(zip("ab", files, strict=True))}))
    refused(folder, "1 of 2 files")
    index.write_text("[]")
    refused(folder, "index.json")


def test_a_tokenizer_that_is_missing_or_broken_is_said(folder):
    file = folder / "tokenizer.json"
    file.write_text("{}")
    refused(folder, "tokenizer.json cannot be read")
    file.unlink()
    refused(folder, "no tokenizer.json.*AutoTokenizer")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"is_encoder_decoder": True, "model_type": "t5"}, "encoder"),
        ({"vision_config": {}, "model_type": "gemma3"}, "pictures"),
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "BertForMasked"),
        ({"architectures": ["LlamaModel"]}, "LlamaModel, which cannot go on"),
        ({"model_type": "vit"}, "vit is no causal model"),
        ({"model_type": "own", "auto_map": {"AutoConfig": "a.B"}}, "never run here"),
        ({"vocab_size": None}, "vocab_size"),
    ],
)
def test_what_is_no_causal_model_of_transformers_is_refused(folder, changes, words):
    change_config(folder, **changes)
    refused(folder, words)


def test_code_of_a_model_folder_is_never_run(folder, tmp_path):
    """Not even when the folder says that its classes are in its own file."""
    from helpers.provider.causal_models import open_for_training
    from helpers.provider.inference import open_for_answers

    trace = tmp_path / "was here"
    code = f"open({str(trace)!r}, 'w')\nclass Own: pass\n"
    (folder / "modeling_own.py").write_text(code)
    names = {
        "AutoConfig": "modeling_own.Own",
        "AutoModelForCausalLM": "modeling_own.Own",
    }
    change_config(folder, auto_map=names)
    check_folder(folder)
    open_for_answers(folder, fast=False)
    open_for_training(folder, lora=True, seed=0)
    assert not trace.exists()


def test_the_disk_that_a_job_takes_is_known_before(folder, monkeypatch):
    n = count_parameters(folder)
    whole = job_bytes(folder, 1)
    assert whole == 4 * n + 36 * n
    assert job_bytes(folder, 2) - whole == 4 * n
    assert job_bytes(folder, 50) == job_bytes(folder) == job_bytes(folder, 4)
    monkeypatch.setattr("helpers.provider.model_folders.LORA_FROM_PARAMETERS", 1)
    assert 0 < job_bytes(folder, 1) < whole


def test_a_job_that_would_fill_the_disk_is_refused_before_it_is_made(
    fake, client, training_file, monkeypatch
):
    import openai

    def create():
        return client.fine_tuning.jobs.create(
            model="kitchen-base", training_file=training_file
        )

    size = "helpers.provider.routes.jobs.job_bytes"
    with monkeypatch.context() as patch:
        patch.setattr(size, lambda folder, n_epochs: 10**18)
        with pytest.raises(openai.BadRequestError) as caught:
            create()
    assert caught.value.code == "insufficient_storage"
    assert "1000000000.00 GB" in caught.value.body["message"]
    assert "smaller model" in caught.value.body["message"]
    # Enough when it was made, taken by others until its turn came.
    monkeypatch.setattr(
        "helpers.provider.runner.job_bytes", lambda folder, n_epochs: 10**18
    )
    from tests.provider.harness import wait_until

    job = create()
    ended = wait_until(
        lambda: (
            found
            if (found := client.fine_tuning.jobs.retrieve(job.id)).status == "failed"
            else None
        )
    )
    assert ended.error.code == "insufficient_storage"
