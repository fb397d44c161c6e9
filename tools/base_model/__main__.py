"""Make the base model: `python -m tools.base_model` runs the steps that are missing.

Tokenizer (seconds), pre-training with its shards (about two hours on two cores),
export. Each step alone: tools.base_model.{tokenizer, pretrain, export, probe}.
"""

import itertools
import subprocess
import sys
from pathlib import Path

from tools import lexicon
from tools.base_model import tokenizer as tokenizers
from tools.base_model.export import export
from tools.base_model.pretrain import CONTEXT
from tools.corpus import documents

WORK = Path("build/base_model")
VOCABULARY = 3072
SAMPLE_SEED = 999
LISTS = (
    "units containers pieces adjectives_dropped adjectives_kept "
    "preparations tails notes "
    "brands"
).split()


def sample() -> list[str]:
    """Return the texts that the tokenizer is trained on."""
    found = [
        text
        for stage, count in (("main", 7000), ("long", 200))
        for chat in itertools.islice(documents(SAMPLE_SEED, stage), count)
        for _, text in chat
    ]
    # The lexicon several times over, so that food words are mostly one token.
    entries = [entry for name in LISTS for entry in lexicon.entries(name)]
    foods = [form for food in lexicon.foods() for form in (food.one, food.many)]
    return found + (entries + foods + [food.title() for food in foods]) * 6


def main() -> None:
    """Run every step that has not been done yet."""
    folder = WORK / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        made = tokenizers.train(sample(), VOCABULARY)
        tokenizers.save(made, folder, CONTEXT)
    arguments = ["--work", str(WORK), *sys.argv[1:]]
    subprocess.run(
        [sys.executable, "-m", "tools.base_model.pretrain", *arguments], check=True
    )
    export(WORK, Path("data/base_model"))


if __name__ == "__main__":
    main()
