"""Direct preference optimisation: the loss, the reference, and going on again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.provider import hyperparameters, snapshots
from helpers.provider.causal_models import open_for_training
from helpers.provider.preferences import (
    Pairs,
    Preferences,
    chats_of,
    log_probabilities,
    margins,
    preference_loss,
)
from helpers.provider.rendering import ChatRenderer
from helpers.provider.training import TrainingSpec, train
from tests.provider.method_rows import preferences
from tests.provider.tiny_models import make_llama, make_other, write_jsonl


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return make_llama(tmp_path_factory.mktemp("models") / "base", spread=1.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("files")
    return (
        write_jsonl(folder / "train.jsonl", preferences(12)),
        write_jsonl(folder / "valid.jsonl", preferences(5, first=50)),
    )


def spec_of(base, files, work_dir, **changes) -> TrainingSpec:
    settings = {
        "method": "dpo",
        "beta": 0.1,
        "n_epochs": 4,
        "batch_size": 4,
        "learning_rate_multiplier": 20.0,
        "seed": 7,
        "checkpoint_every_s": 0.0,
    }
    return TrainingSpec(base, files[0], files[1], work_dir, **settings | changes)


def run(spec, control=lambda: "run"):
    reports = []
    return train(spec, reports.append, control), reports


def final_weights(result) -> dict[str, torch.Tensor]:
    return load_file(Path(result.checkpoints[-1]["model_path"]) / "model.safetensors")


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def steps_of(reports) -> list[dict]:
    return [entry for entry in reports if entry["type"] == "step"]


@pytest.fixture(scope="module")
def undisturbed(base, files, tmp_path_factory):
    return run(spec_of(base, files, tmp_path_factory.mktemp("undisturbed")))


# -------------------------------------------------------------------------- the loss


def test_the_loss_is_the_formula_of_the_paper():
    chances = torch.tensor([[-3.0, -4.0], [-10.0, -2.0]])
    reference = torch.tensor([[-3.5, -3.0], [-9.0, -2.5]])

    def one(beta, y, z, q_y, q_z):
        return -math.log(1 / (1 + math.exp(-beta * ((y - q_y) - (z - q_z)))))

    expected = (one(0.5, -3, -4, -3.5, -3) + one(0.5, -10, -2, -9, -2.5)) / 2
    found = preference_loss(chances, reference, 0.5)
    assert found.item() == pytest.approx(expected, rel=1e-6)
    assert margins(chances, reference, 0.5).tolist() == pytest.approx([0.75, -0.75])


def plain_chances(model, renderer, example) -> torch.Tensor:
    """Log probabilities of both answers, text by text, with transformers alone."""
    sums = []
    for name in ("preferred_output", "non_preferred_output"):
        ids = torch.tensor(renderer.prompt_ids(example["input"]["messages"]))
        whole = torch.tensor(renderer.training_ids(chats_of(example, name))[0])
        assert whole[: len(ids)].tolist() == ids.tolist()
        logits = model(input_ids=whole[None]).logits[0]
        logs = torch.log_softmax(logits.float(), -1)[:-1]
        chosen = logs.gather(1, whole[1:, None])[:, 0]
        sums.append(chosen[len(ids) - 1 :].sum())
    return torch.stack(sums)


def test_loss_and_gradients_are_those_of_a_plain_computation(base, files, tmp_path):
    """Both answers packed into one computation, against one text after the other."""
    from transformers import AutoModelForCausalLM

    renderer, rows = ChatRenderer(base), preferences(3)
    pairs = Pairs(write_jsonl(tmp_path / "rows.jsonl", rows), renderer)
    reference = torch.tensor([[-90.0, -95.0], [-80.0, -80.0], [-70.0, -100.0]])
    ours = open_for_training(base, lora=None, seed=0, dtype=torch.float32)
    chances, _ = log_probabilities(ours, pairs, [0, 1, 2])
    loss = preference_loss(chances, reference, 0.1)
    ours.backward(loss)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    expected = torch.stack([plain_chances(plain, renderer, row) for row in rows])
    assert torch.allclose(chances, expected, atol=1e-3)
    difference = 0.1 * ((expected - reference) @ torch.tensor([1.0, -1.0]))
    plain_loss = torch.log1p(torch.exp(-difference)).mean()
    plain_loss.backward()
    assert loss.item() == pytest.approx(plain_loss.item(), rel=1e-4)
    grad = plain.get_input_embeddings().weight.grad
    found = ours.parameters()["embed"].grad
    assert grad.abs().max() > 0
    assert (found - grad).abs().max() < 1e-3 * grad.abs().max()


def test_answers_within_the_question_are_not_compared(base, tmp_path):
    (row,) = preferences(1)
    renderer = ChatRenderer(base)
    short = Pairs(write_jsonl(tmp_path / "a.jsonl", [row]), renderer)
    row["input"]["messages"][1:1] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day"},
    ]
    long = Pairs(write_jsonl(tmp_path / "b.jsonl", [row]), renderer)
    assert [len(w) for _, w in short[0]] == [len(w) for _, w in long[0]]
    assert long.tokens > short.tokens


def test_pairs_without_a_difference_or_beyond_the_context_are_left_out(base, tmp_path):
    rows = preferences(12)
    rows[0]["non_preferred_output"] = rows[0]["preferred_output"]
    rows[1]["input"]["messages"][1]["content"] += " and salt" * 300
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    pairs = Pairs(path, ChatRenderer(base))
    assert (len(pairs), pairs.untrained, pairs.truncated) == (10, 2, 1)
    _, reports = run(spec_of(base, (path, None), tmp_path / "work", n_epochs=1))
    words = [entry["message"] for entry in reports if entry["type"] == "message"]
    assert any(word.startswith("2 example(s)") and "left out" in word for word in words)


def test_a_file_without_any_difference_is_refused(base, tmp_path):
    rows = preferences(10)
    for row in rows:
        row["non_preferred_output"] = row["preferred_output"]
    path = write_jsonl(tmp_path / "alike.jsonl", rows)
    with pytest.raises(ValueError, match=r"alike\.jsonl.*no pair"):
        run(spec_of(base, (path, None), tmp_path / "work"))


# -------------------------------------------------------------------------- a run


def test_the_first_step_knows_no_difference_from_the_start_model(undisturbed):
    first = steps_of(undisturbed[1])[0]
    assert first["train_loss"] == pytest.approx(math.log(2), abs=0.02)
    assert first["train_reward_margin"] == pytest.approx(0, abs=0.05)


def test_preferred_answers_become_likelier_on_prompts_never_seen(undisturbed):
    measured = [e for e in steps_of(undisturbed[1]) if "full_valid_loss" in e]
    assert len(measured) == 4
    assert measured[-1]["full_valid_loss"] < 0.8 * math.log(2)
    assert measured[-1]["full_valid_reward_accuracy"] == 1.0
    assert measured[-1]["full_valid_reward_margin"] > 0.3
    assert 0 <= measured[-1]["full_valid_mean_token_accuracy"] <= 1


def test_a_larger_beta_keeps_the_model_closer_to_its_start(base, files, tmp_path):
    before = load_file(base / "model.safetensors")["model.embed_tokens.weight"]

    def gain(beta):
        result, reports = run(spec_of(base, files, tmp_path / str(beta), beta=beta))
        margin = steps_of(reports)[-1]["full_valid_reward_margin"] / beta
        after = final_weights(result)["model.embed_tokens.weight"]
        assert not torch.equal(before, after)
        return margin

    # How far the answers moved apart, in natural logarithms.
    assert gain(2.0) < gain(0.05)


def test_trained_tokens_are_both_texts_of_all_pairs(undisturbed, base, files):
    tokens = Pairs(files[0], ChatRenderer(base)).tokens
    assert undisturbed[0].trained_tokens == 4 * tokens


@pytest.mark.parametrize("asked", [0, 1, 2, 4, 8, 12])
def test_paused_anywhere_it_ends_with_the_very_same_weights(
    base, files, tmp_path, undisturbed, asked
):
    """Questions 0 and 1 come while the start model is asked about all answers."""
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    result, before = run(spec, lambda: "pause" if next(questions) == asked else "run")
    assert result.status == "paused"
    result, after = run(spec)
    assert same(final_weights(result), final_weights(undisturbed[0]))
    by_step = {e["step"]: e for e in steps_of(before + after)}
    assert by_step == {e["step"]: e for e in steps_of(undisturbed[1])}


class Stop(Exception):
    """Stands for a kill: the process gets no chance to save anything."""


@pytest.mark.parametrize("killed_at", [1, 6, 11])
def test_killed_anywhere_it_ends_with_the_very_same_weights(
    base, files, tmp_path, undisturbed, killed_at
):
    questions = iter(range(10**6))

    def control() -> str:
        if next(questions) == killed_at:
            raise Stop
        return "run"

    spec = spec_of(base, files, tmp_path / "work")
    with pytest.raises(Stop):
        run(spec, control)
    assert same(final_weights(run(spec)[0]), final_weights(undisturbed[0]))


def test_what_the_start_model_said_is_kept_in_the_state(base, files, tmp_path):
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    run(spec, lambda: "pause" if next(questions) == 8 else "run")
    tensors, facts = snapshots.load_snapshot(tmp_path / "work" / "state")
    assert facts["step"] > 0
    assert tensors["objective/train"].shape == (12, 2)
    assert tensors["objective/valid"].shape == (5, 2)
    # Another file to compare with is another training.
    other = write_jsonl(tmp_path / "other.jsonl", preferences(5, first=90))
    _, reports = run(spec_of(base, (files[0], other), tmp_path / "work"))
    assert "resumed" not in {entry["type"] for entry in reports}


def test_low_rank_additions_and_other_architectures_learn_it_too(base, files, tmp_path):
    other = make_other(tmp_path / "qwen2", "qwen2", spread=1.0)
    for name, folder, lora in (("lora", base, True), ("qwen2", other, None)):
        spec = spec_of(folder, files, tmp_path / name, lora=lora, n_epochs=3)
        whole, reports = run(spec)
        assert steps_of(reports)[0]["train_loss"] == pytest.approx(0.693, abs=0.03)
        assert steps_of(reports)[-1]["full_valid_reward_accuracy"] == 1.0, name
        questions = iter(range(10**6))
        work = tmp_path / f"{name}-paused"
        spec = spec_of(folder, files, work, lora=lora, n_epochs=3)
        run(spec, lambda q=questions: "pause" if next(q) == 6 else "run")
        assert same(final_weights(run(spec)[0]), final_weights(whole)), name


# ------------------------------------------------------------------------- numbers


def test_automatic_numbers_of_preferences():
    asked = {"n_epochs": "auto", "batch_size": "auto", "beta": "auto"}
    found = hyperparameters.resolve("dpo", 100, asked)
    assert found == {
        "n_epochs": 3,
        "batch_size": hyperparameters.DPO_BATCH,
        "learning_rate_multiplier": 1.0,
        "beta": 0.1,
    }
    asked |= {"beta": 0.5, "batch_size": 1, "n_epochs": 2}
    found = hyperparameters.resolve("dpo", 100, asked)
    assert (found["beta"], found["batch_size"], found["n_epochs"]) == (0.5, 1, 2)


def test_gradients_in_pieces_are_those_of_the_whole_batch(tmp_path, files):
    other = make_other(tmp_path / "base", "qwen3", spread=1.0)
    model = open_for_training(other, lora=True, seed=0, dtype=torch.float32)
    with torch.no_grad():
        # Additions begin with zeros, where half of the gradients are zero, too.
        for name, parameter in model.parameters().items():
            if "lora_B" in name:
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    objective = Preferences(
        spec_of(other, files, tmp_path), ChatRenderer(other), lambda: "run"
    )
    objective.prepare(open_for_training(other, lora=True, seed=0, dtype=torch.float32))
    found = []
    for most in (10_000, 60, 1):
        model.most_tokens = most
        _, metrics = objective.learn(model, [4, 0, 5, 2], 0)
        grads = {n: p.grad.clone() for n, p in model.parameters().items()}
        found.append((metrics, grads))
    (whole, expected), *others = found
    for metrics, grads in others:
        assert metrics == pytest.approx(whole, rel=1e-4)
        for name, grad in grads.items():
            bound = 1e-4 * expected[name].abs().max() + 1e-9
            assert (grad - expected[name]).abs().max() < bound, name
