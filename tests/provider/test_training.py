"""Fine-tuning: what is learned from, what is reported, and how a run goes on again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.provider import hyperparameters, snapshots, training
from helpers.provider.causal_models import HuggingFaceModel, open_for_training
from helpers.provider.rendering import ChatRenderer
from helpers.provider.training import TrainingSpec, resolve_hyperparameters, train
from tests.provider.tiny_models import (
    make_llama,
    make_other,
    recipe_examples,
    write_jsonl,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return make_llama(tmp_path_factory.mktemp("models") / "base", spread=1.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("files")
    return (
        write_jsonl(folder / "train.jsonl", recipe_examples(12)),
        write_jsonl(folder / "valid.jsonl", recipe_examples(5, first=50)),
    )


def always_run() -> str:
    return "run"


def spec_of(base, files, work_dir, **changes) -> TrainingSpec:
    settings = {
        "n_epochs": 4,
        "batch_size": 5,
        "learning_rate_multiplier": 4.0,
        "seed": 7,
        "checkpoint_every_s": 0.0,
    }
    return TrainingSpec(base, files[0], files[1], work_dir, **settings | changes)


def run(spec, control=always_run):
    reports = []
    return train(spec, reports.append, control), reports


def final_weights(result) -> dict[str, torch.Tensor]:
    return load_file(Path(result.checkpoints[-1]["model_path"]) / "model.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def undisturbed(base, files, tmp_path_factory):
    """A run that nothing interrupts, to compare with."""
    return run(spec_of(base, files, tmp_path_factory.mktemp("undisturbed")))


class Stop(Exception):
    """Stands for a kill: the process gets no chance to save anything."""


# ------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("n_examples", "n_epochs"),
    [(1, 25), (5, 20), (10, 10), (33, 3), (34, 3), (8333, 3), (8334, 2), (30_000, 1)],
)
def test_automatic_epochs_follow_openais_rule(n_examples, n_epochs):
    assert resolve_hyperparameters(n_examples).n_epochs == n_epochs


def test_numbers_that_were_given_are_kept():
    assert resolve_hyperparameters(
        50, n_epochs=2, batch_size=4, learning_rate_multiplier=0.5
    ) == hyperparameters.Hyperparameters(2, 4, 0.5)


def test_automatic_batches_grow_with_the_file_and_stay_small():
    sizes = [resolve_hyperparameters(n).batch_size for n in (10, 100, 1000, 10**6)]
    assert sizes[:2] == [1, 1]
    assert sizes == sorted(sizes)
    assert sizes[-1] == hyperparameters.MAX_AUTO_BATCH


def test_a_batch_is_never_larger_than_the_file():
    assert resolve_hyperparameters(3, batch_size=64).batch_size == 3


def test_the_learning_rate_rises_then_falls_to_nearly_zero():
    shares = [hyperparameters.schedule(step, 100) for step in range(100)]
    peak = shares.index(max(shares))
    assert shares[peak] == 1.0
    assert 0 < peak < 20
    assert shares[:peak] == sorted(shares[:peak])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert 0 < shares[-1] < 0.05


# -------------------------------------------------------------------------- the data


def test_each_epoch_sees_every_example_once_in_another_order():
    orders = [training.shuffled(50, seed=1, epoch=e) for e in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert training.shuffled(50, seed=1, epoch=1) == orders[1]
    assert training.shuffled(50, seed=2, epoch=1) != orders[1]


def test_groups_for_validation_hold_every_example_once(base, files):
    examples = training.Examples(files[0], ChatRenderer(base))
    groups = list(training.by_tokens(examples, limit=100))
    assert sorted(i for group in groups for i in group) == list(range(12))
    assert len(groups) > 1


def test_an_example_longer_than_the_context_is_cut_and_said_so(base, files, tmp_path):
    long = recipe_examples(11)
    long[0]["messages"][1]["content"] += " and salt" * 300
    long[1]["messages"][2]["content"] += " and salt" * 300
    path = write_jsonl(tmp_path / "long.jsonl", long)
    spec = spec_of(base, (path, None), tmp_path / "work", n_epochs=1)
    result, reports = run(spec)
    words = [r["message"] for r in reports if r["type"] == "message"]
    assert any(word.startswith("2 example(s)") and "cut" in word for word in words)
    # The first one's answer lies beyond the cut: nothing to learn from it.
    assert any(word.startswith("1 example(s)") and "left out" in word for word in words)
    assert result.status == "succeeded"
    assert result.total_steps == 2


def test_a_file_without_anything_to_learn_is_refused(base, tmp_path):
    rows = recipe_examples(10)
    for row in rows:
        row["messages"][-1]["weight"] = 0
    path = write_jsonl(tmp_path / "silent.jsonl", rows)
    with pytest.raises(ValueError, match=r"silent\.jsonl.*no example has an answer"):
        run(spec_of(base, (path, None), tmp_path / "work"))


# -------------------------------------------------------------------------- the loss


def test_the_fast_path_agrees_with_transformers(tmp_path):
    """Same losses and gradients as LlamaForCausalLM, grouped queries, untied head."""
    for tied, kv_heads in ((True, 4), (False, 2)):
        folder = tmp_path / f"model-{tied}"
        make_llama(folder, tied=tied, kv_heads=kv_heads, layers=3)
        path = write_jsonl(tmp_path / "rows.jsonl", recipe_examples(4))
        examples = training.Examples(path, ChatRenderer(folder))
        found = []
        for fast in (True, False):
            model = open_for_training(
                folder, lora=None, seed=0, fast=fast, dtype=torch.float32
            )
            assert isinstance(model, HuggingFaceModel) != fast
            # What an earlier loss left behind must not be added to.
            model.backward(training.batch_loss(model, examples, [1])[0])
            loss, tally = training.batch_loss(model, examples, [0, 1, 2, 3])
            model.backward(loss)
            saved = tmp_path / f"saved-{tied}-{fast}"
            saved.mkdir()
            for parameter in model.parameters().values():
                # Written as if it were the weight, so that both have the same names.
                parameter.data = parameter.grad
            model.save(saved)
            found.append((loss.item(), tally, load_file(saved / "model.safetensors")))
        (loss, tally, grads), (other_loss, other_tally, other_grads) = found
        assert loss == pytest.approx(other_loss, rel=1e-5)
        assert tally.correct == other_tally.correct
        assert grads.keys() == other_grads.keys()
        for name, grad in grads.items():
            scale = other_grads[name].abs().max()
            assert (grad - other_grads[name]).abs().max() < 1e-4 * scale, name


def test_long_texts_agree_with_transformers_too(tmp_path):
    """Beyond one block of queries, where blocks see different numbers of keys."""
    folder = make_llama(tmp_path / "model", context=700)
    ids = torch.arange(600) % 300
    exact = {"lora": None, "seed": 0, "dtype": torch.float32}
    fast = open_for_training(folder, **exact)
    slow = open_for_training(folder, **exact, fast=False)
    wanted = torch.tensor([3, 200, 256, 300, 599])
    with torch.no_grad():
        a = fast.logits([ids, ids[:40]], [wanted, torch.tensor([39])])
        b = slow.logits([ids, ids[:40]], [wanted, torch.tensor([39])])
    assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


def test_the_loss_counts_answers_only(base, tmp_path):
    rows = recipe_examples(1)
    path = write_jsonl(tmp_path / "one.jsonl", rows)
    renderer = ChatRenderer(base)
    examples = training.Examples(path, renderer)
    model = open_for_training(base, lora=None, seed=0)
    _, tally = training.batch_loss(model, examples, [0])
    answer = renderer.text_ids(rows[0]["messages"][-1]["content"])
    assert tally.tokens == len(answer) + 1  # and the token that ends it


def test_the_loss_of_a_batch_weighs_every_token_alike(base, files):
    examples = training.Examples(files[0], ChatRenderer(base))
    model = open_for_training(base, lora=None, seed=0)
    with torch.no_grad():
        together = training.batch_loss(model, examples, [0, 1])[1]
        apart = training.Tally()
        for i in (0, 1):
            apart.add(training.batch_loss(model, examples, [i])[1])
    assert together.metrics("a")["a_loss"] == pytest.approx(
        apart.metrics("a")["a_loss"], rel=1e-2
    )


# -------------------------------------------------------------------------- a run


def test_training_lowers_the_loss_and_reports_what_the_api_promises(undisturbed):
    result, reports = undisturbed
    steps = [r for r in reports if r["type"] == "step"]
    assert [r["step"] for r in steps] == list(range(1, 13))
    assert {r["total_steps"] for r in steps} == {12}
    assert all({"train_loss", "train_mean_token_accuracy"} <= r.keys() for r in steps)
    assert any("valid_loss" in r and "valid_mean_token_accuracy" in r for r in steps)
    measured = [r["full_valid_loss"] for r in steps if "full_valid_loss" in r]
    assert len(measured) == 4  # once an epoch
    assert measured[-1] < measured[0]
    accuracies = [r["full_valid_mean_token_accuracy"] for r in steps if r["step"] == 12]
    assert 0 <= accuracies[0] <= 1
    assert json.loads(json.dumps(reports)) == reports


def test_whoever_offers_the_models_may_keep_them_all(base, files, tmp_path):
    result, reports = run(spec_of(base, files, tmp_path, checkpoints_kept=None))
    assert [c["step"] for c in result.checkpoints] == [3, 6, 9, 12]
    folders = [r["model_path"] for r in reports if r["type"] == "checkpoint"]
    assert all((Path(folder) / "config.json").is_file() for folder in folders)


def test_that_a_state_will_be_saved_is_told_before(base, files, tmp_path):
    states = []

    def report(entry):
        if entry["type"] == "saving":
            kept = sorted((tmp_path / "state").glob("*.json"))
            states.append((entry["step"], kept[-1].name if kept else ""))

    train(spec_of(base, files, tmp_path), report, always_run)
    # A manifest is numbered by twice its step, and one more where no epoch is open.
    assert states
    assert all(name < f"{2 * step:010d}" for step, name in states)


def test_a_model_is_written_each_epoch_and_the_last_three_are_kept(undisturbed):
    result, reports = undisturbed
    written = [r for r in reports if r["type"] == "checkpoint"]
    assert [(r["step"], r["epoch"]) for r in written] == [
        (3, 1),
        (6, 2),
        (9, 3),
        (12, 4),
    ]
    assert [c["step"] for c in result.checkpoints] == [6, 9, 12]
    assert not Path(written[0]["model_path"]).exists()
    assert written[-1]["metrics"]["full_valid_loss"] > 0
    folder = Path(result.checkpoints[-1]["model_path"])
    assert folder.name == "step-12"
    assert not [f.name for f in folder.parent.iterdir() if f.name.startswith(".")]


def test_trained_tokens_are_the_files_tokens_times_epochs(undisturbed, base, files):
    tokens = training.Examples(files[0], ChatRenderer(base)).tokens
    assert undisturbed[0].trained_tokens == 4 * tokens


def test_the_fine_tuned_folder_loads_in_transformers_and_gives_its_own_loss(
    undisturbed, files
):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    result, reports = undisturbed
    folder = result.checkpoints[-1]["model_path"]
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.float32
    loss = weight = 0.0
    for line in files[1].read_text().splitlines():
        encoded = tokenizer.apply_chat_template(
            json.loads(line)["messages"],
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        ids = torch.tensor([encoded["input_ids"]])
        labels = ids.clone()
        labels[0, torch.tensor(encoded["assistant_masks"]) == 0] = -100
        n = int((labels[0, 1:] != -100).sum())
        with torch.no_grad():
            loss += model(input_ids=ids, labels=labels).loss.item() * n
        weight += n
    last = [r for r in reports if "full_valid_loss" in r][-1]
    assert loss / weight == pytest.approx(last["full_valid_loss"], rel=0.02)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    base, files, tmp_path, undisturbed
):
    again, _ = run(spec_of(base, files, tmp_path / "a"))
    other, _ = run(spec_of(base, files, tmp_path / "b", seed=8))
    assert same(final_weights(again), final_weights(undisturbed[0]))
    assert not same(final_weights(other), final_weights(undisturbed[0]))


def test_training_leaves_torchs_threads_as_they_were(base, files, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        run(spec_of(base, files, tmp_path / "work", n_epochs=1, threads=1))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# ---------------------------------------------------------------------- going on again


@pytest.mark.parametrize("asked", [0, 1, 4, 7, 8, 13])
def test_paused_anywhere_it_ends_with_the_very_same_weights(
    base, files, tmp_path, undisturbed, asked
):
    """`asked` counts the questions: before steps, and in between the validation."""
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    result, before = run(spec, lambda: "pause" if next(questions) == asked else "run")
    assert result.status == "paused"
    result, after = run(spec)
    assert result.status == "succeeded"
    assert after[0] == {"type": "resumed", "step": after[0]["step"]}
    assert same(final_weights(result), final_weights(undisturbed[0]))
    by_step = {r["step"]: r for r in before + after if r["type"] == "step"}
    expected = {r["step"]: r for r in undisturbed[1] if r["type"] == "step"}
    assert by_step == expected


def test_a_pause_leaves_the_model_of_its_step_and_a_stop_leaves_none(
    base, files, tmp_path, undisturbed
):
    spec = spec_of(base, files, tmp_path / "work", checkpoints_kept=None)
    for wish, offered in (("stop", []), ("pause", [1])):
        questions = iter(range(10**6))

        def control(wish=wish, questions=questions) -> str:
            return wish if next(questions) == (1 if wish == "stop" else 0) else "run"

        result, reports = run(spec, control)
        assert result.status == "paused"
        written = [r for r in reports if r["type"] == "checkpoint"]
        assert [r["step"] for r in written] == offered
    (report,) = written
    model = load_file(Path(report["model_path"]) / "model.safetensors")
    assert not same(model, final_weights(undisturbed[0]))
    result, reports = run(spec)
    assert same(final_weights(result), final_weights(undisturbed[0]))
    # Nothing is pruned where somebody else looks after the models.
    kept = {path.name for path in (tmp_path / "work" / "checkpoints").iterdir()}
    assert kept == {"step-1", "step-3", "step-6", "step-9", "step-12"}


@pytest.mark.parametrize("killed_at", [1, 3, 5, 10])
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
    result, _ = run(spec)
    assert same(final_weights(result), final_weights(undisturbed[0]))


def test_killed_while_a_model_is_written_no_half_model_is_seen(
    base, files, tmp_path, undisturbed, monkeypatch
):
    from helpers.provider.causal_models import LlamaModel

    def torn(self, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise Stop

    spec = spec_of(base, files, tmp_path / "work")
    with monkeypatch.context() as patch:
        patch.setattr(LlamaModel, "save", torn)
        with pytest.raises(Stop):
            run(spec)
    assert not list((tmp_path / "work" / "checkpoints").glob("step-*"))
    result, _ = run(spec)
    assert same(final_weights(result), final_weights(undisturbed[0]))


@pytest.mark.parametrize("harm", ["cut", "changed", "manifest", "gone"])
def test_a_torn_state_is_passed_over_for_the_one_before_it(
    base, files, tmp_path, undisturbed, harm
):
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    run(spec, lambda: "pause" if next(questions) == 9 else "run")
    newest, before = sorted((tmp_path / "work" / "state").glob("*.json"), reverse=True)
    earlier = json.loads(before.read_text())["facts"]["step"]
    data = newest.with_suffix(".safetensors")
    if harm == "cut":
        data.write_bytes(data.read_bytes()[:-100])
    elif harm == "changed":
        content = bytearray(data.read_bytes())
        content[-1] ^= 1
        data.write_bytes(content)
    elif harm == "manifest":
        newest.write_text(newest.read_text()[:-5])
    else:
        data.unlink()
    result, reports = run(spec)
    assert reports[0] == {"type": "resumed", "step": earlier}
    assert same(final_weights(result), final_weights(undisturbed[0]))


def test_without_any_whole_state_training_starts_again(
    base, files, tmp_path, undisturbed
):
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "work")
    run(spec, lambda: "pause" if next(questions) == 9 else "run")
    for file in (tmp_path / "work" / "state").glob("*.json"):
        file.write_text("{}")
    questions = iter(range(10**6))
    _, reports = run(spec, lambda: "pause" if next(questions) == 2 else "run")
    assert "resumed" not in {r["type"] for r in reports}
    # The broken ones, though of later steps, do not hide the new ones.
    result, reports = run(spec)
    assert reports[0] == {"type": "resumed", "step": 2}
    assert same(final_weights(result), final_weights(undisturbed[0]))


def test_a_state_of_another_training_is_not_taken(base, files, tmp_path):
    questions = iter(range(10**6))
    run(
        spec_of(base, files, tmp_path / "work"),
        lambda: "pause" if next(questions) == 6 else "run",
    )
    _, reports = run(spec_of(base, files, tmp_path / "work", seed=99))
    assert reports[0]["type"] == "step"
    assert reports[0]["step"] == 1


def test_cancel_takes_effect_within_a_step(base, files, tmp_path):
    reports = []
    wishes = iter(["run", "run", "cancel"])
    result = train(
        spec_of(base, files, tmp_path / "work"), reports.append, lambda: next(wishes)
    )
    assert result.status == "cancelled"
    assert result.step == 2
    assert result.checkpoints == []


def test_a_finished_training_asked_again_is_finished_at_once(
    base, files, tmp_path, undisturbed
):
    spec = spec_of(base, files, tmp_path / "work")
    first, _ = run(spec)
    again, reports = run(spec)
    assert again == first
    assert [r["type"] for r in reports] == ["resumed"]


def test_snapshots_keep_two_and_leave_nothing_behind_when_the_disk_is_full(
    tmp_path, monkeypatch
):
    tensors = {"a": torch.arange(5.0)}
    for number in (1, 2, 3):
        snapshots.save_snapshot(tmp_path, number, tensors, {"n": number})
    assert len(list(tmp_path.iterdir())) == 4
    tensors_back, facts = snapshots.load_snapshot(tmp_path)
    assert facts == {"n": 3}
    assert torch.equal(tensors_back["a"], tensors["a"])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(snapshots.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            snapshots.save_snapshot(tmp_path, 4, tensors, {"n": 4})
    assert snapshots.load_snapshot(tmp_path)[1] == {"n": 3}
    assert len(list(tmp_path.iterdir())) == 4


# ------------------------------------------------------------------------- other ways


def test_muon_trains_the_matrices_and_goes_on_bit_by_bit(base, files, tmp_path):
    settings = {"optimizer": "muon+adamw", "n_epochs": 2}
    whole, reports = run(spec_of(base, files, tmp_path / "a", **settings))
    losses = [r["train_loss"] for r in reports if r["type"] == "step"]
    assert losses[-1] < losses[0]
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "b", **settings)
    run(spec, lambda: "pause" if next(questions) == 3 else "run")
    resumed, _ = run(spec)
    assert same(final_weights(resumed), final_weights(whole))


def test_lora_changes_the_matrices_it_adapts_and_nothing_else(base, files, tmp_path):
    spec = spec_of(base, files, tmp_path / "work", lora=True, n_epochs=2)
    result, reports = run(spec)
    losses = [r["full_valid_loss"] for r in reports if "full_valid_loss" in r]
    assert losses[-1] < losses[0]
    before, after = load_file(base / "model.safetensors"), final_weights(result)
    assert before.keys() == after.keys()
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert all("proj" in name for name in changed)
    questions = iter(range(10**6))
    spec = spec_of(base, files, tmp_path / "paused", lora=True, n_epochs=2)
    run(spec, lambda: "pause" if next(questions) == 4 else "run")
    assert same(final_weights(run(spec)[0]), after)


@pytest.mark.parametrize("architecture", ["qwen2", "gpt2", "gpt_neox"])
def test_other_architectures_train_and_go_on_bit_by_bit(files, tmp_path, architecture):
    folder = make_other(tmp_path / "model", architecture, spread=1.0)
    whole, reports = run(spec_of(folder, files, tmp_path / "a", n_epochs=2))
    losses = [r["full_valid_loss"] for r in reports if "full_valid_loss" in r]
    assert losses[-1] < losses[0]
    questions = iter(range(10**6))
    spec = spec_of(folder, files, tmp_path / "b", n_epochs=2)
    run(spec, lambda: "pause" if next(questions) == 2 else "run")
    assert same(final_weights(run(spec)[0]), final_weights(whole))


def test_large_models_get_lora_without_being_asked(base, monkeypatch):
    monkeypatch.setattr("helpers.provider.causal_models.LORA_FROM_PARAMETERS", 1000)
    assert open_for_training(base, lora=None, seed=0).lora


def test_unknown_methods_and_optimisers_are_refused(base, files, tmp_path):
    with pytest.raises(ValueError, match="supervised"):
        run(spec_of(base, files, tmp_path, method="kto"))
    with pytest.raises(ValueError, match="adamw"):
        run(spec_of(base, files, tmp_path, optimizer="sgd"))
