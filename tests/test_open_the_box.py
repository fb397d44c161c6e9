"""What notebook 03 lets a reader write is what the local provider does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from helpers.connect import LOCAL_MODEL
from helpers.model_sizes import size_of_folder
from helpers.provider import causal_models, training
from helpers.provider import hyperparameters as auto
from helpers.provider.causal_models import open_for_training
from helpers.provider.rendering import ChatRenderer
from helpers.recipes import DATA_DIR, load_recipes, take, to_examples, write_jsonl
from tools import notebooks as tool

BASE = DATA_DIR / "base_model"
SOURCES = {
    cell.id: cell.source
    for cell in tool.read(tool.NOTEBOOKS / "03_open_the_box.ipynb").cells
}
ROWS = take(load_recipes(), "train", 6)
EXAMPLES = to_examples(ROWS)


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """The names that the notebook's cells define."""
    names: dict[str, Any] = {"root": tool.ROOT}
    for name in (
        "import-torch", "tokenize", "define-encode", "load-model", "define-loss",
        "define-order", "define-rate", "define-step", "define-train", "define-lora",
    ):  # fmt: skip
        if name == "load-model":
            names["rows"] = [names["encode"](example) for example in EXAMPLES]
        exec(SOURCES[name], names)
    return names


def test_tokens_and_mask_are_those_of_the_provider(shown: dict[str, Any]) -> None:
    renderer = ChatRenderer(BASE)
    for example in EXAMPLES:
        ids, weights = shown["encode"](example)
        assert (ids.tolist(), weights.tolist()) == renderer.training_ids(example)


def test_the_order_of_the_rows_is_that_of_the_provider(shown: dict[str, Any]) -> None:
    for seed, epoch in ((0, 0), (7, 0), (7, 2)):
        found = shown["order_of"](100, seed, epoch)
        assert found == training.shuffled(100, seed, epoch)


def test_the_learning_rate_is_that_of_the_provider(shown: dict[str, Any]) -> None:
    for total in (1, 30, 100, 300):
        for step in range(total):
            found = shown["rate_share"](step, total)
            assert found == pytest.approx(auto.schedule(step, total))
    size = size_of_folder(BASE).weights()
    assert shown["PEAK"] == auto.learning_rate(size, 1, "adamw")
    assert shown["LORA_PEAK"] == auto.learning_rate(size, 1, "lora")


def test_optimiser_clip_and_lora_have_the_numbers_of_the_provider() -> None:
    step = SOURCES["define-step"]
    assert f"betas={auto.ADAM_BETAS}" in step
    assert f"weight_decay={auto.WEIGHT_DECAY}" in step
    assert f"parameters(), {auto.MAX_GRADIENT_NORM})" in step
    assert auto.auto_optimizer(1) == "adamw"
    found = re.search(r"rank=(\d+), alpha=(\d+)", SOURCES["define-lora"])
    assert (int(found[1]), int(found[2])) == (auto.LORA_RANK, auto.LORA_ALPHA)


def test_the_loss_is_that_of_the_provider(shown: dict[str, Any], tmp_path) -> None:
    path = write_jsonl(ROWS, tmp_path / "rows.jsonl")
    examples = training.Examples(path, ChatRenderer(BASE))
    model = open_for_training(BASE, lora=False, seed=0, dtype=torch.float32)
    ours = shown["fresh_model"]()
    for i, row in enumerate(shown["rows"]):
        with torch.no_grad():
            theirs, _ = training.batch_loss(model, examples, [i])
            found = shown["answer_loss"](ours, *row)
        assert found.item() == pytest.approx(theirs.item(), rel=1e-4)


def test_a_few_steps_give_the_losses_of_the_provider(
    shown: dict[str, Any], tmp_path, monkeypatch
) -> None:
    # In the notebook's own precision, the two may not drift apart.
    monkeypatch.setattr(causal_models, "fast_bfloat16", lambda: False)
    path = write_jsonl(to_examples(take(load_recipes(), "train", 12)), tmp_path / "12")
    spec = training.TrainingSpec(BASE, path, None, tmp_path / "work", n_epochs=1)
    reports: list[dict[str, Any]] = []
    training.train(spec, reports.append, lambda: "run")
    theirs = [r["train_loss"] for r in reports if r["type"] == "step"]
    rows = [shown["encode"](e) for e in to_examples(take(load_recipes(), "train", 12))]
    order = shown["order_of"](12, spec.seed, 0)
    mine, _, _ = shown["train"](shown["fresh_model"](), rows, order, shown["PEAK"])
    assert mine == pytest.approx(theirs, rel=1e-3)


def test_lora_begins_as_the_base_model_and_adds_what_the_formula_says(
    shown: dict[str, Any],
) -> None:
    size = size_of_folder(BASE, LOCAL_MODEL)
    thin = shown["add_lora"](shown["fresh_model"]())
    trained = [p for p in thin.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == size.lora_weights(auto.LORA_RANK)
    with torch.no_grad():
        base = shown["answer_loss"](shown["fresh_model"](), *shown["rows"][0])
        found = shown["answer_loss"](thin, *shown["rows"][0])
    assert found.item() == pytest.approx(base.item(), rel=1e-5)
