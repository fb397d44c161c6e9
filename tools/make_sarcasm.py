"""Make the data of the Azure notebook: a kitchen assistant that learns to be sarcastic.

    python -m tools.make_sarcasm            writes the files into data/sarcasm
    python -m tools.make_sarcasm --check    compares instead, and fails on a difference

The same seed gives the same bytes on every machine. An answer is a fact that the base
model knows, and a dry remark behind it. No fact is in two of the parts (training,
validation, test), so that one can see whether learning a style costs facts. The remarks
are few and short, because the model is small: with 28 of them it learned neither the
remarks nor kept the facts. data/README.md describes the files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from tools.corpus.talk import FACTS
from tools.generated import Row, as_csv, as_jsonl, write_or_compare_all

SEED = 20261123
FOLDER = Path(__file__).resolve().parent.parent / "data" / "sarcasm"
SYSTEM = "Whisk is a factual kitchen assistant that is also sarcastic."

# How the 60 facts are divided; the rest is for training.
TESTED, VALIDATED = 25, 10
SMALL, LARGE = 10, 100  # rows for training; the tutorial has 10
# They fit any fact, and mock nobody but the one who asks and the one who answers.
REMARKS = (
    "Your grandmother is shaking her head.",
    "I can hardly contain my excitement.",
    "My soup is getting cold, by the way.",
    "Somewhere a chef is crying.",
    "The spoon could have told you.",
)


def example(question: str, fact: str, remark: str) -> Row:
    """Return one training example."""
    return {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": question},
            {"role": "assistant", "content": f"{fact} {remark}"},
        ]
    }


def examples(random: Random, facts: list[tuple[str, str]], n: int) -> list[Row]:
    """Return n examples: every fact once before any comes again with other remarks."""
    rows: list[Row] = []
    begin = {fact: random.randrange(len(REMARKS)) for _, fact in facts}
    for turn in range(-(-n // len(facts))):
        for question, fact in random.sample(facts, len(facts)):
            remark = REMARKS[(begin[fact] + turn) % len(REMARKS)]
            rows.append(example(question, fact, remark))
    return rows[:n]


def make_files() -> dict[str, bytes]:
    """Return all files: name -> content."""
    random = Random(SEED)
    facts = random.sample(FACTS, len(FACTS))
    tested, validated = facts[:TESTED], facts[TESTED : TESTED + VALIDATED]
    training = examples(random, facts[TESTED + VALIDATED :], LARGE)
    test = [{"question": question, "fact": fact} for question, fact in tested]
    return {
        "training_10.jsonl": as_jsonl(training[:SMALL]),
        "training_100.jsonl": as_jsonl(training),
        "validation_10.jsonl": as_jsonl(examples(random, validated, VALIDATED)),
        "test.csv": as_csv(test),
        "remarks.csv": as_csv([{"remark": remark} for remark in REMARKS]),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them with --check; return the exit status."""
    return write_or_compare_all(make_files(), FOLDER, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
