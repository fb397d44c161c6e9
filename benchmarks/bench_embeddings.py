"""What the embeddings of the base model know: foods that near recipes have in common.

Each recipe (title and ingredient lines) is compared with the one whose vector is
nearest; the foods are the labels of the data. The figures stand in
helpers/provider/embedding.py.

    python -m benchmarks.bench_embeddings [--smoke]
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.provider.embedding import PROBES, embed
from helpers.provider.reading import LlamaReader
from helpers.provider.rendering import ChatRenderer
from helpers.provider.settings import BASE_MODEL_PATH, REPOSITORY

RECIPES, SMOKE_RECIPES, SEED = 600, 60, 1


def shared_with_nearest(vectors: Tensor, shared: Tensor) -> float:
    """Return how many foods a recipe shares with its nearest, on average."""
    unit = F.normalize(vectors, dim=1)
    near = (unit @ unit.T).fill_diagonal_(-2)
    return shared[torch.arange(len(shared)), near.argmax(1)].mean().item()


@torch.inference_mode()
def measure(count: int) -> dict[str, float]:
    """Return the foods in common, by the way in which vectors are made."""
    with open(REPOSITORY / "data" / "recipes.csv", encoding="utf-8") as file:
        recipes = list(csv.DictReader(file))
    random.Random(SEED).shuffle(recipes)
    recipes = recipes[:count]
    foods = [{food.lower() for food in json.loads(row["NER"])} for row in recipes]
    shared = torch.tensor([[float(len(a & b)) for b in foods] for a in foods])
    shared.fill_diagonal_(0)
    renderer, reader = ChatRenderer(BASE_MODEL_PATH), LlamaReader(BASE_MODEL_PATH)
    start = renderer.start_ids

    def means(texts: list[str]) -> list[Tensor]:
        rows = [[*start, *renderer.text_ids(text)] for text in texts]
        return [states[len(start) :] for states in reader.states(rows)]

    texts = ["\n".join([r["title"], *json.loads(r["ingredients"])]) for r in recipes]
    plain = torch.stack([states.mean(0) for states in means(texts)])
    mean = torch.cat(means(list(PROBES))).mean(0)
    rows = [renderer.text_ids(text) for text in texts]
    counts = torch.stack(
        [
            torch.bincount(torch.tensor(ids), minlength=renderer.vocab_size)
            for ids in rows
        ]
    ).float()
    rarity = torch.log(count / (1 + (counts > 0).sum(0)))
    return {
        "by chance": shared.sum().item() / (count * (count - 1)),
        "mean of the last states": shared_with_nearest(plain, shared),
        "without the mean of PROBES": shared_with_nearest(plain - mean, shared),
        "as served": shared_with_nearest(embed(reader, renderer, rows), shared),
        "tf-idf of tokens": shared_with_nearest(counts * rarity, shared),
        "the best recipe there is": shared.max(1).values.mean().item(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_embeddings")
    parser.add_argument("--smoke", action="store_true", help="few recipes")
    given = parser.parse_args()
    found = measure(SMOKE_RECIPES if given.smoke else RECIPES)
    for name, value in found.items():
        print(f"{name:28s} {value:.2f}")


if __name__ == "__main__":
    main()
