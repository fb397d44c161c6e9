"""What the benchmarks work on: a model folder, recipes, and how much they cost.

The recipes are those of data/recipes.csv, the model is the base model in data/ unless
`--model` names another folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from helpers import recipes
from helpers.provider.settings import BASE_MODEL_PATH

ROOT = Path(__file__).resolve().parent.parent


def write_recipes(path: Path, split: str, n: int) -> Path:
    """Write the first n recipes of a split as a training file."""
    rows = recipes.take(recipes.load_recipes(), split, n)
    recipes.write_jsonl(rows, path)
    return path


def test_recipes(n: int) -> list[dict]:
    """Return the first n examples of the frozen test set."""
    rows = recipes.take(recipes.load_recipes(), "test", n)
    return recipes.to_examples(rows)


def operations(model_path: Path, length: int, answer: int) -> dict[str, float]:
    """Count the floating point operations that a recipe needs, by the textbook.

    Two for each weight of a matrix and token, and 4 * hidden * length for attention
    (half of it, as tokens only look back); the vocabulary only where a token is
    predicted. Training takes three times the forward pass (Kaplan et al., 2020,
    arXiv:2001.08361, section 2.1).

    Args:
        model_path: a Llama folder.
        length: tokens of the example.
        answer: of these, tokens that are predicted.

    Returns:
        {"forward": operations, "training": operations}.
    """
    config = json.loads((model_path / "config.json").read_text("utf-8"))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads = config["num_attention_heads"]
    dim = config.get("head_dim") or hidden // heads
    kv = config.get("num_key_value_heads", heads)
    layer = (
        hidden * dim * (2 * heads + 2 * kv) + 3 * hidden * config["intermediate_size"]
    )
    forward = 2 * layers * layer * length
    forward += layers * 2 * heads * dim * length * length
    forward += 2 * config["vocab_size"] * hidden * answer
    return {"forward": float(forward), "training": 3.0 * forward}


def run_child(script: str, env: dict[str, str], *words: str) -> dict:
    """Run one side of a measurement in a process of its own.

    Returns:
        What it printed as JSON in its last line.

    Raises:
        RuntimeError: it failed; the end of what it said is in the message.
    """
    done = subprocess.run(
        [sys.executable, script, *words],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{words} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def default_model() -> Path:
    """Return the folder of the base model."""
    return BASE_MODEL_PATH
