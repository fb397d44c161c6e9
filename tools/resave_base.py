"""Save a model folder again, with the transformers of whoever runs this file.

    out/autotrain/bin/python tools/resave_base.py save data/base_model TARGET
    PYTHON tools/resave_base.py probe FOLDER < texts.json > answer.json

AutoTrain reads models with a transformers of January 2025. Folders that today's
transformers writes name a tokenizer class, a place of the chat template and a name of
the number type that it does not know. `save` writes the same model in its words:
weights as float32, which holds every bfloat16 exactly, because it trains in float32
anyway. `probe` tells what a folder makes of texts, in either environment, so that one
can prove that nothing changed. It imports nothing of this project: it runs where
nothing of it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
SHOWN = 8  # logits of each text that are told, beside their sum


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a folder, whichever transformers wrote it.

    Args:
        folder: with tokenizer.json, tokenizer_config.json, and the chat template in
            the latter or beside it.
    """
    from transformers import PreTrainedTokenizerFast

    told = read_json(folder / "tokenizer_config.json")
    template = folder / "chat_template.jinja"
    extra = told.get("extra_special_tokens") or told.get("additional_special_tokens")
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        eos_token=told.get("eos_token"),
        pad_token=told.get("pad_token"),
        additional_special_tokens=list(extra or []),
        model_max_length=told.get("model_max_length", 2048),
        clean_up_tokenization_spaces=False,
        chat_template=template.read_text(encoding="utf-8")
        if template.is_file()
        else told.get("chat_template"),
    )


def load_model(folder: Path) -> Any:
    """Return the model of a folder in float32, whichever transformers wrote it."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    # The older one knows the angle of the position code under another name.
    angle = read_json(folder / "config.json").get("rope_parameters") or {}
    if "rope_theta" in angle and not hasattr(config, "rope_parameters"):
        config.rope_theta = angle["rope_theta"]
    return AutoModelForCausalLM.from_pretrained(folder, config=config).float().eval()


def save(source: Path, target: Path) -> None:
    """Write a model folder again, whole or not at all.

    Args:
        source: a model folder.
        target: the new one; what stands there is replaced.
    """
    import shutil

    import torch

    model, tokenizer = load_model(source), load_tokenizer(source)
    # What the newer one wrote and the older one would carry along without meaning.
    for name in ("rope_parameters", "dtype"):
        model.config.__dict__.pop(name, None)
    model.config.torch_dtype = torch.float32
    aside = target.with_name(target.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    model.save_pretrained(aside, safe_serialization=True)
    tokenizer.save_pretrained(aside)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def probe(folder: Path, chats: list[list[dict[str, str]]]) -> list[dict[str, Any]]:
    """Return what a folder makes of chats: token ids, and logits of the next token.

    Args:
        folder: a model folder.
        chats: messages of each chat.

    Returns:
        For each chat: ids, first (SHOWN logits), total (sum of all of them) and best
        (id of the likeliest token).
    """
    import torch
    from transformers import AutoTokenizer

    model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
    told = []
    for chat in chats:
        text = tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True
        )
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        told.append(
            {
                "ids": ids,
                "first": logits[:SHOWN].tolist(),
                "total": float(logits.double().sum()),
                "best": int(logits.argmax()),
            }
        )
    return told


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    saving = commands.add_parser("save")
    saving.add_argument("source", type=Path)
    saving.add_argument("target", type=Path)
    probing = commands.add_parser("probe")
    probing.add_argument("folder", type=Path)
    told = parser.parse_args()
    if told.command == "save":
        save(told.source, told.target)
    else:
        json.dump(probe(told.folder, json.load(sys.stdin)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
