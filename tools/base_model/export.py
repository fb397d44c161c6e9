"""Turn the state of a pre-training run into the folder that the repository ships."""

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast

from tools.base_model.pretrain import new_model


def export(work: Path, target: Path) -> None:
    """Write model and tokenizer as a Hugging Face folder, weights in bfloat16.

    work: folder of a pre-training run; target: folder to write, made when missing.
    Raises FileNotFoundError when the run has no state yet.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    with safe_open(work / "state.safetensors", "pt") as opened:
        weights = {
            key.removeprefix("model."): opened.get_tensor(key)
            for key in opened.keys()  # noqa: SIM118 (not a mapping)
            if key.startswith("model.")
        }
    hidden = weights["model.embed_tokens.weight"].shape[1]
    layers = 1 + max(int(k.split(".")[2]) for k in weights if ".layers." in k)
    model = new_model(len(tokenizer), hidden, layers, 0)
    model.load_state_dict(weights, strict=False)
    model = model.to(torch.bfloat16)
    model.generation_config.max_length = None
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/base_model"))
    parser.add_argument("--to", type=Path, default=Path("data/base_model"))
    options = parser.parse_args()
    export(options.work, options.to)


if __name__ == "__main__":
    main()
