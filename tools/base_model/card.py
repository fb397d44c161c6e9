"""Write the model card from what the run itself recorded.

Figures come from the state of the run and from the probes, never from memory.
"""

import argparse
import datetime
import json
import os
import platform
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from tools.base_model import probe, shards
from tools.corpus import MIXTURE

TEXT = """# The base model: kitchen-base

A small language model for learning how fine-tuning works. It was made for this
repository, from text that the repository itself makes. It knows kitchen words, recipe
lines and easy requests. It is not meant for any use outside these lessons.

| | |
|---|---|
| architecture | Llama (transformers `LlamaForCausalLM`), tied embeddings |
| parameters | {parameters:,} |
| layers × hidden × heads | {layers} × {hidden} × {heads} |
| vocabulary | {vocabulary:,} tokens, byte-level BPE of its own |
| context | {context:,} tokens |
| weights | bfloat16, `model.safetensors`, {size:.1f} MB |
| training tokens | {tokens:.1f} million |
| optimiser steps | {steps:,} |
| training time | {minutes:.0f} minutes, {threads} |
| machine | {machine} |
| date | {date} |
| licence | MIT, like the repository |

## What it was trained on

Only text made by `tools/corpus`, from seeds. No text from the web, no text of other
people, no personal data. The first {copying:.0%} of the tokens only copy: random tokens
repeated, lists of known and made-up words said again or turned into another shape. Then
a mixture:

| part | share of documents |
|---|---|
{mixture}

Some shards (one in eight, later one in four) hold long documents, in which up to
six examples show a rule. From shard {late} on (a shard has half a million tokens), the
writers are untidy: recipes in capitals, misspelt foods, amounts behind the food. From
shard {last} on, a sixth of the documents ask what to buy for a recipe. In the loss, an
answer counts four times as much as a request of the same length.

The tasks of the lessons are kept out: their prompts, formats and test items.
`tests/tools/test_corpus.py` looks for them. Related skills are in: shopping lists as
bullets, the parts of a line, tables of food and amount, and JSON lists of what lists of
other trades name (tools, clothes, guests).

## Probes

Greedy answers, exact match, {count} chats each, drawn with a seed that training did not
use (`python -m tools.base_model.probe`):

| probe | exact |
|---|---|
{probes}

## Limits

- English kitchen text only. It knows next to nothing about the world.
- A handful of kitchen facts, learned by heart. Asked anything else, it makes things up.
- Prompts longer than about 1,500 tokens are longer than anything it was trained on.
- It follows only requests worded like those of its corpus.
- The optimiser, the order of the text and the tokenizer were chosen on one machine with
  one seed. Another run gives another model of about the same quality, not the same
  weights.

## Make it again

    make base-model
"""
PARTS = {
    "copying": "lists to copy or reshape",
    "page": "recipes as pages of a book",
    "requests": "easy requests about recipes and lines",
    "examples": "rules shown by two to four examples",
    "notes": "lists of other trades",
    "tables": "questions about table definitions",
    "statements": "table definitions with statements",
    "talk": "small talk and kitchen facts",
}


def machine() -> str:
    """Return the processor's name and what torch may use of it."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [x.split(":")[1].strip() for x in lines if x.startswith("model name")]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, no GPU; torch {torch.__version__}"


def write(work: Path, folder: Path, threads: str, copying: float) -> None:
    """Write README.md into the model's folder.

    work: folder of the run; threads: how the run used the machine, in words; copying:
    share of the tokens that only copied, 0 to 1.
    """
    with safe_open(work / "state.safetensors", "pt") as opened:
        progress = json.loads(opened.metadata()["progress"])
    model = AutoModelForCausalLM.from_pretrained(folder)
    shares = probe.run(folder)
    mixture = "\n".join(
        f"| {name} | {share:.0%} |"
        for name, (share, _) in zip(PARTS.values(), MIXTURE["main"], strict=True)
    )
    text = TEXT.format(
        parameters=sum(p.numel() for p in model.parameters()),
        layers=model.config.num_hidden_layers,
        hidden=model.config.hidden_size,
        heads=model.config.num_attention_heads,
        vocabulary=model.config.vocab_size,
        context=model.config.max_position_embeddings,
        size=(folder / "model.safetensors").stat().st_size / 1e6,
        tokens=progress["tokens"] / 1e6,
        steps=progress["step"],
        minutes=progress["seconds"] / 60,
        threads=threads,
        machine=machine(),
        date=datetime.date.today().isoformat(),
        copying=copying,
        late=shards.LATE_FROM + 1,
        last=shards.LAST_FROM + 1,
        mixture=mixture,
        count=probe.COUNT,
        probes="\n".join(f"| {name} | {share:.0%} |" for name, share in shares.items()),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Read the command line and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/base_model"))
    parser.add_argument("--folder", type=Path, default=Path("data/base_model"))
    parser.add_argument("--threads", default=f"{os.cpu_count()} threads")
    parser.add_argument("--copying", type=float, default=0.065)
    options = parser.parse_args()
    write(options.work, options.folder, options.threads, options.copying)


if __name__ == "__main__":
    main()
