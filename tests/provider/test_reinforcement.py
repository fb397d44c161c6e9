"""Reinforcement: drawn answers, rewards, the loss, and going on again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.provider import graders, hyperparameters
from helpers.provider.causal_models import open_for_training
from helpers.provider.grading_files import grader_error
from helpers.provider.inference import answers_of_trained, open_for_answers
from helpers.provider.reinforcement import (
    advantages,
    gradients_in_parts,
    policy_loss,
)
from helpers.provider.rollouts import ROWS, Rollout, draw, seed_of
from helpers.provider.training import TrainingSpec, train
from tests.provider.method_rows import ALIKE, HAS_A, prompts
from tests.provider.tiny_models import make_llama, make_other, write_jsonl

MULTI = {
    "type": "multi",
    "name": "both",
    "graders": {"letter": HAS_A, "alike": ALIKE},
    "calculate_output": "0.9 * letter + 0.1 * alike",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "base"
    return make_llama(folder, spread=1.0, context=128)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("files")
    return (
        write_jsonl(folder / "train.jsonl", prompts(10)),
        write_jsonl(folder / "valid.jsonl", prompts(4, first=50)),
    )


def spec_of(base, files, work_dir, **changes) -> TrainingSpec:
    settings = {
        "method": "reinforcement",
        "grader": MULTI,
        "compute_multiplier": 1.0,
        "eval_interval": 2,
        "eval_samples": 2,
        "reasoning_effort": "default",
        "n_epochs": 2,
        "batch_size": 4,
        "learning_rate_multiplier": 30.0,
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


@pytest.fixture(scope="module", autouse=True)
def short_answers():
    """A random model hardly ever ends an answer; 16 tokens are enough to learn from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpers.provider.reinforcement.LONGEST_ANSWER", 16)
        yield


@pytest.fixture(scope="module")
def undisturbed(base, files, short_answers, tmp_path_factory):
    return run(spec_of(base, files, tmp_path_factory.mktemp("undisturbed")))


# ---------------------------------------------------------------------- drawn answers


def drawn(model, prompts_, seeds, **more):
    settings = {"end_ids": frozenset({1}), "max_tokens": 12} | more
    return draw(model, prompts_, seeds, **settings)


def test_an_answer_depends_on_its_seed_and_not_on_its_neighbours(base):
    model = open_for_answers(base)
    asked = [[2, 40 + i, 50, 60] for i in range(ROWS + 3)]
    seeds = list(range(ROWS + 3))
    together = drawn(model, asked, seeds)
    assert [r.prompt for r in together] == asked
    alone = [drawn(model, [p], [s])[0] for p, s in zip(asked, seeds, strict=True)]
    assert together == alone
    again = drawn(model, asked[:1] * 3, [0, 0, 1])
    assert again[0] == again[1] == together[0]
    assert again[2] != again[0]


def test_an_answer_ends_at_its_end_token_at_its_longest_or_with_the_context(base):
    model = open_for_answers(base)
    everything = frozenset(range(model.vocab_size))
    (ended,) = drawn(model, [[2, 3]], [0], end_ids=everything)
    assert ended.answer == []
    assert ended.drawn == [ended.end]
    (cut,) = drawn(model, [[2, 3]], [0], end_ids=frozenset())
    assert (len(cut.answer), cut.end) == (12, None)
    (full,) = drawn(model, [[2] * 123], [0], end_ids=frozenset(), max_tokens=50)
    assert len(full.prompt) + len(full.answer) == model.context


def test_the_owner_is_heard_between_the_tokens_of_a_long_answer(base):
    class Stop(Exception):
        pass

    def stop():
        raise Stop

    with pytest.raises(Stop):
        drawn(
            open_for_answers(base), [[2]], [0],
            end_ids=frozenset(), max_tokens=100, between=stop,
        )  # fmt: skip


def test_a_model_under_training_answers_with_the_weights_it_has(base, tmp_path):
    model = open_for_training(base, lora=None, seed=0)
    with torch.no_grad():
        for parameter in model.parameters().values():
            parameter.mul_(1.5)
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    asked, seeds = [[2, 40, 50]] * 4, [1, 2, 3, 4]
    found = drawn(answers_of_trained(model), asked, seeds)
    assert found == drawn(open_for_answers(tmp_path / "saved"), asked, seeds)
    assert found != drawn(open_for_answers(base), asked, seeds)


def test_seeds_differ_by_every_part_and_stay_the_same():
    assert seed_of(7, "train", 1, 2) == seed_of(7, "train", 1, 2)
    seeds = {seed_of(s, w, i) for s in (1, 2) for w in ("a", "b") for i in (1, 2)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**64 for seed in seeds)


# -------------------------------------------------------------------------- the loss


def test_advantages_compare_the_answers_to_one_prompt():
    assert advantages([1.0, 0.0, 0.0, 1.0]) == [1.0, -1.0, -1.0, 1.0]
    assert advantages([5.0, 3.0]) == pytest.approx(advantages([0.5, 0.3]))
    assert advantages([0.4, 0.4, 0.4]) == [0.0, 0.0, 0.0]


def test_loss_and_gradients_are_those_of_a_plain_computation(base):
    """In two parts and packed, against one text after the other."""
    from transformers import AutoModelForCausalLM

    rollouts = [
        Rollout([2, 40, 50, 60], [70, 71, 72], 1),
        Rollout([2, 40, 50], [80, 81], None),
        Rollout([2, 90], [], 1),
    ]
    weights, total = [1.5, -0.5, -1.0], 7
    ours = open_for_training(base, lora=None, seed=0, dtype=torch.float32)
    halves = [(rollouts[:2], weights[:2]), (rollouts[2:], weights[2:])]
    gradients_in_parts(ours, [lambda h=h: policy_loss(ours, *h, total) for h in halves])
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    loss = 0.0
    for rollout, weight in zip(rollouts, weights, strict=True):
        ids = torch.tensor([[*rollout.prompt, *rollout.drawn]])
        logs = torch.log_softmax(plain(input_ids=ids).logits[0], -1)
        for at in range(len(rollout.prompt), ids.shape[1]):
            loss = loss - weight * logs[at - 1, ids[0, at]] / total
    loss.backward()
    whole = policy_loss(ours, rollouts, weights, total)
    assert whole.item() == pytest.approx(loss.item(), rel=1e-4)
    grad = plain.get_input_embeddings().weight.grad
    found = ours.parameters()["embed"].grad
    assert grad.abs().max() > 0
    assert (found - grad).abs().max() < 1e-3 * grad.abs().max()


# -------------------------------------------------------------------------- a run


def test_rewards_rise_on_prompts_never_seen(base, files, tmp_path):
    spec = spec_of(
        base, files, tmp_path / "work",
        grader=HAS_A, n_epochs=6, eval_interval=3, eval_samples=4,
    )  # fmt: skip
    _, reports = run(spec)
    steps = steps_of(reports)
    name = "full_valid_mean_reward"
    measured = [entry[name] for entry in steps if name in entry]
    assert steps[0]["train_mean_reward"] < 0.7
    assert measured[-1] > measured[0] + 0.1
    assert measured[-1] > 0.85


def test_steps_say_how_each_grader_judged(undisturbed):
    steps = steps_of(undisturbed[1])
    assert [e["step"] for e in steps] == [1, 2, 3, 4, 5, 6]
    for entry in steps:
        letter, alike = (entry["train_grader_rewards"][n] for n in ("letter", "alike"))
        mean = 0.9 * letter + 0.1 * alike
        assert entry["train_mean_reward"] == pytest.approx(mean)
        assert 0 < entry["completion_tokens_mean"] <= 16
    # Every second step, and after each epoch of three.
    measured = [e["step"] for e in steps if "full_valid_mean_reward" in e]
    assert measured == [2, 3, 4, 6]
    assert [r["step"] for r in undisturbed[1] if r["type"] == "checkpoint"] == [3, 6]


def test_where_all_answers_are_alike_nothing_changes(base, files, tmp_path):
    always = {**HAS_A, "reference": ""}
    result, reports = run(spec_of(base, files, tmp_path / "work", grader=always))
    assert {e["train_mean_reward"] for e in steps_of(reports)} == {1.0}
    assert same(final_weights(result), load_file(base / "model.safetensors"))


@pytest.mark.parametrize("asked", [0, 2, 3, 6, 8])
def test_paused_anywhere_it_ends_with_the_very_same_weights(
    base, files, tmp_path, undisturbed, asked, monkeypatch
):
    """Asked every 8 tokens, some questions come while answers are drawn."""
    monkeypatch.setattr("helpers.provider.rollouts.PATIENCE", 8)
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    result, before = run(spec, lambda: "pause" if next(questions) == asked else "run")
    assert result.status == "paused"
    result, after = run(spec)
    assert result.trained_tokens == undisturbed[0].trained_tokens > 0
    assert same(final_weights(result), final_weights(undisturbed[0]))
    by_step = {e["step"]: e for e in steps_of(before + after)}
    assert by_step == {e["step"]: e for e in steps_of(undisturbed[1])}


def test_killed_it_ends_with_the_very_same_weights(base, files, tmp_path, undisturbed):
    class Stop(Exception):
        pass

    questions = iter(range(10**6))

    def control() -> str:
        if next(questions) == 4:
            raise Stop
        return "run"

    spec = spec_of(base, files, tmp_path / "work")
    with pytest.raises(Stop):
        run(spec, control)
    assert same(final_weights(run(spec)[0]), final_weights(undisturbed[0]))


def test_low_rank_additions_and_other_architectures_learn_it_too(
    base, files, tmp_path, monkeypatch
):
    monkeypatch.setattr("helpers.provider.reinforcement.LONGEST_ANSWER", 4)
    other = make_other(tmp_path / "gpt2", "gpt2", spread=1.0, context=128)
    files = (files[0], None)
    short = {"n_epochs": 1, "grader": ALIKE, "compute_multiplier": 0.25}
    for name, folder, lora in (("lora", base, True), ("gpt2", other, None)):
        spec = spec_of(folder, files, tmp_path / name, lora=lora, **short)
        whole, _ = run(spec)
        changed = final_weights(whole)
        assert not same(changed, load_file(folder / "model.safetensors")), name
        questions = iter(range(10**6))
        spec = spec_of(folder, files, tmp_path / f"{name}-b", lora=lora, **short)
        run(spec, lambda q=questions: "pause" if next(q) == 1 else "run")
        assert same(final_weights(run(spec)[0]), changed), name


def test_prompts_without_room_for_an_answer_are_left_out(base, tmp_path):
    rows = prompts(10)
    rows[0]["messages"][1]["content"] += " salt" * 200
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    _, reports = run(spec_of(base, (path, None), tmp_path / "work", n_epochs=1))
    words = [entry["message"] for entry in reports if entry["type"] == "message"]
    assert any(w.startswith("1 example(s)") and "no room" in w for w in words)
    for row in rows:
        row["messages"][1]["content"] += " salt" * 200
    path = write_jsonl(tmp_path / "long.jsonl", rows)
    with pytest.raises(ValueError, match="no prompt is short enough"):
        run(spec_of(base, (path, None), tmp_path / "none"))


# --------------------------------------------------------------- graders and numbers


def test_a_field_that_a_row_lacks_is_named_with_its_line(tmp_path):
    rows = prompts(12)
    del rows[10]["reference"]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    error = grader_error(path, "training_file", MULTI)
    assert error["code"] == "invalid_training_file"
    assert "line 11" in error["message"]
    assert "item.reference" in error["message"]
    assert grader_error(path, "training_file", HAS_A) is None


def test_every_template_of_a_grader_is_checked_against_a_row():
    wanted = {**ALIKE, "input": "{{sample.output_json.a}}{{item.list[0].b}}"}
    grader = graders.parse(wanted)
    graders.check_item(grader, {"reference": "x", "list": [{"b": 1}]})
    for item in (
        {"reference": "x"},
        {"list": [{"b": 1}]},
        {"reference": 1, "list": []},
    ):
        with pytest.raises(graders.MissingField):
            graders.check_item(grader, item)


def test_automatic_numbers_of_reinforcement():
    found = hyperparameters.resolve(
        "reinforcement", 100, {"compute_multiplier": "auto"}
    )
    assert found["compute_multiplier"] == 1.0
    assert found["batch_size"] == hyperparameters.RL_BATCH
    steps = 100 / found["batch_size"] * found["n_epochs"]
    evaluations = steps // found["eval_interval"]
    assert 1 <= evaluations <= 2 * hyperparameters.RL_EVALUATIONS
    assert found["reasoning_effort"] == "default"
    asked = {"eval_interval": 5, "eval_samples": 3, "compute_multiplier": 2}
    assert hyperparameters.resolve("reinforcement", 100, asked).items() >= asked.items()
    counts = [hyperparameters.samples_per_prompt(m) for m in (1e-4, 1, 2.5, 10)]
    assert counts == [2, 8, 20, 80]
