"""Probes: small fixed tests of what a base model can and cannot do.

Copying is checked before anything else is judged; the rest are easy requests of the
kinds in the corpus, drawn with a seed that training never used. Greedy decoding, exact
answers.
"""

import argparse
import json
from pathlib import Path
from random import Random

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.corpus import copying, examples, requests, tables, talk, words
from tools.corpus.requests import Chat

SEED = 20_261_122
COUNT = 60


def _repeat(r: Random) -> Chat:
    text = ", ".join(words.made_up(r) for _ in range(r.randint(3, 7)))
    return [("user", f"Repeat: {text}"), ("assistant", text)]


PROBES = {
    "repeat words never seen": _repeat,
    "lists in another shape": copying.chat,
    "kitchen requests": requests.chat,
    "rules shown by examples": examples.chat,
    "table definitions": tables.chat,
    "facts and small talk": talk.chat,
}


def answers(model, tokenizer, prompts: list[str], batch: int = 20) -> list[str]:
    """Return the greedy answer to each prompt.

    prompts: rendered chats that end with the assistant's mark.
    """
    tokenizer.padding_side = "left"
    found = []
    for first in range(0, len(prompts), batch):
        part = tokenizer(
            prompts[first : first + batch],
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
            return_token_type_ids=False,
        )
        with torch.inference_mode():
            out = model.generate(
                **part,
                max_new_tokens=200,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        new = out[:, part["input_ids"].shape[1] :]
        found += tokenizer.batch_decode(new, skip_special_tokens=True)
    return found


def run(folder: Path, count: int = COUNT) -> dict[str, float]:
    """Return the share of exact answers of each probe, 0 to 1.

    folder: a Hugging Face model folder; count: chats per probe.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    shares = {}
    for name, make in PROBES.items():
        r = Random(f"{SEED}-{name}")
        chats = [make(r) for _ in range(count)]
        prompts = [
            tokenizer.apply_chat_template(
                [{"role": role, "content": text} for role, text in chat[:-1]],
                tokenize=False,
                add_generation_prompt=True,
            )
            for chat in chats
        ]
        right = [chat[-1][1] for chat in chats]
        given = answers(model, tokenizer, prompts)
        shares[name] = sum(a == b for a, b in zip(given, right, strict=True)) / count
    return shares


def main() -> None:
    """Read the command line and print the shares as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default="data/base_model")
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    print(json.dumps(run(options.folder, options.count), indent=1))


if __name__ == "__main__":
    main()
