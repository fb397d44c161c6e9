"""What is a model that this provider can serve and train, and why another is not.

Purpose: `check_folder` looks at a folder before the server starts and says what is
missing and how to come by it. It reads names, sizes and headers, never weights.
It must never know names of models, HTTP or jobs.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from helpers.provider.hyperparameters import LORA_FROM_PARAMETERS

# Known without asking transformers, whose import takes seconds.
WELL_KNOWN = ("llama", ["LlamaForCausalLM"])
_SAVE = (
    "open it with transformers in an environment of its own, then call "
    "save_pretrained(FOLDER) of {}"
)

# Models that a job keeps, and one more while the oldest of them still lies there.
_MODELS_KEPT = 3
_MODELS_AT_ONCE = _MODELS_KEPT + 1
# Two saved states and the one being written; each has a weight and two means of Adam.
_STATES_AT_ONCE = 3
_STATE_BYTES = 12
# Rank 16 on all matrices of 135 million parameters is 3.6 %, of larger models less.
_LORA_SHARE = 0.05


class NotAModel(Exception):
    """Why a folder cannot be served, in words for the user; it is not named."""


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds a causal model with its tokenizer.

    Args:
        folder: a Hugging Face folder.

    Raises:
        NotAModel: it does not.
    """
    config = _config(folder)
    _check_kind(config)
    _check_weights(folder)
    _check_tokenizer(folder)
    _check_architecture(config)


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not file.is_file():
        if (folder / "adapter_config.json").is_file():
            raise NotAModel(
                "there is an adapter only, no whole model. Merge it into its base with "
                "peft (merge_and_unload), save that with save_pretrained, and give its "
                "folder"
            )
        raise NotAModel(
            "there is no config.json; expected a folder as model.save_pretrained "
            "writes it"
        )
    try:
        config = json.loads(file.read_text("utf-8"))
    except ValueError as fault:
        raise NotAModel(f"config.json is no JSON ({fault})") from fault
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise NotAModel("config.json does not say a model_type")
    return config


def _check_kind(config: dict[str, Any]) -> None:
    if config.get("quantization_config") is not None:
        raise NotAModel(
            "its weights are quantised (quantization_config), and such weights cannot "
            "be trained. Take the model that it was made from"
        )
    if config.get("is_encoder_decoder"):
        raise NotAModel(
            f"{config['model_type']} reads a text with an encoder and writes with a "
            "decoder. Expected a causal model, which goes on a text"
        )
    if "vision_config" in config or "audio_config" in config:
        raise NotAModel(
            f"{config['model_type']} reads pictures or sound as well. Expected a model "
            "of text alone"
        )
    if not isinstance(config.get("vocab_size"), int):
        raise NotAModel("config.json does not say a vocab_size")


def _check_weights(folder: Path) -> None:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
            raise NotAModel(
                "its weights are pickled (.bin, .pt), and unpickling runs whatever "
                "code is in the file. Take a version with model.safetensors, or, if "
                "you trust who made it, " + _SAVE.format("the model")
            )
        if any(folder.glob("*.gguf")):
            raise NotAModel(
                "its weights are in GGUF, which is made for answering only. Take the "
                "version with model.safetensors"
            )
        raise NotAModel("there is no model.safetensors, so it has no weights")
    _check_shards(folder)
    for file in files:
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as fault:
            raise NotAModel(
                f"{file.name} ({file.stat().st_size:,} bytes) is no whole safetensors "
                f"file ({fault}). Fetch it again; in a git checkout, run 'git lfs pull'"
            ) from fault


def _check_shards(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        wanted = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise NotAModel(f"{index.name} is not as transformers writes it") from fault
    # Compared as names: what an index says is never opened as a path.
    missing = sorted(wanted - {file.name for file in folder.iterdir()})
    if missing:
        raise NotAModel(
            f"{len(missing)} of {len(wanted)} files of its weights are missing "
            f"({missing[0]}). Fetch the whole model"
        )


def _check_tokenizer(folder: Path) -> None:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise NotAModel(
            "there is no tokenizer.json. Take a version that has it, or "
            + _SAVE.format("its fast tokenizer (AutoTokenizer)")
        )
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(file))
    except Exception as fault:  # tokenizers raises nothing more special
        raise NotAModel(f"tokenizer.json cannot be read ({fault})") from fault


def _check_architecture(config: dict[str, Any]) -> None:
    kind, named = config["model_type"], config.get("architectures")
    if (kind, named) == WELL_KNOWN:
        return
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
    )

    known = CAUSAL.get(kind)
    if known is None:
        if config.get("auto_map"):
            raise NotAModel(
                f"{kind} needs Python code that comes with the model, and code from a "
                "model folder is never run here. Expected an architecture of "
                "transformers itself"
            )
        raise NotAModel(
            f"the architecture {kind} is no causal model that the installed "
            "transformers knows. Expected one such as llama, qwen3, gemma3_text or gpt2"
        )
    classes = {known} if isinstance(known, str) else set(known)
    if named is not None and not classes & set(named):
        raise NotAModel(
            f"its weights are those of {', '.join(named)}, which cannot go on a text. "
            f"Expected {' or '.join(sorted(classes))}"
        )


def count_parameters(folder: Path) -> int:
    """Count the weights of a model folder without reading them; 0 if it has none."""
    total = 0
    for file in folder.glob("model*.safetensors"):
        with safe_open(file, framework="np") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (safe_open is no dict)
                total += math.prod(tensors.get_slice(name).get_shape())
    return total


def job_bytes(folder: Path, n_epochs: int | None = None) -> int:
    """Return how much disk a fine-tuning job of a model takes at most.

    Every checkpoint is a whole model: float32 if all weights are trained, else as the
    base is stored, the low-rank additions merged.

    Args:
        folder: of the model it starts from.
        n_epochs: of the job; None if that is not known yet.
    """
    n = count_parameters(folder)
    lora = n >= LORA_FROM_PARAMETERS
    model, trained = 4 * n, n
    if lora:
        files = folder.glob("model*.safetensors")
        model, trained = sum(f.stat().st_size for f in files), int(_LORA_SHARE * n)
    models = min(n_epochs or _MODELS_AT_ONCE, _MODELS_AT_ONCE)
    return models * model + _STATES_AT_ONCE * _STATE_BYTES * trained


def room_for_job(model: str, needed: int) -> str:
    """Say how much room a job takes that does not fit on the disk.

    Args:
        model: name of the model that is to be trained.
        needed: bytes, of `job_bytes`.
    """
    return (
        f"Fine-tuning {model} takes up to {needed / 1e9:.2f} GB of the provider's "
        "disk, as every checkpoint is a whole model, and there is not so much free "
        "space. Delete files and models you no longer need, start from a smaller "
        "model, or ask for fewer epochs."
    )
