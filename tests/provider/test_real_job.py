"""The whole way with real training of a tiny model, in a server as users start it."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

from tests.provider.harness import events_of, messages_of, wait_for_job, wait_until
from tests.provider.tiny_models import recipe_examples


def upload(client, rows) -> str:
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    return client.files.create(file=("rows.jsonl", lines), purpose="fine-tune").id


@pytest.fixture(scope="module")
def job(real):
    """A finished job with validation, four epochs."""
    job = real.client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=upload(real.client, recipe_examples(30)),
        validation_file=upload(real.client, recipe_examples(10, first=30)),
        hyperparameters={"n_epochs": 4, "learning_rate_multiplier": 10},
        suffix="recipes",
        seed=3,
    )
    return wait_for_job(real.client, job.id, 200)


def test_a_real_job_succeeds_and_learns(real, job):
    assert job.status == "succeeded"
    metrics = [e.data for e in events_of(real.client, job.id) if e.type == "metrics"]
    metrics += []
    losses = [entry["train_loss"] for entry in all_metrics(real.client, job.id)]
    assert len(losses) == 120
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def all_metrics(client, job_id) -> list[dict]:
    events = client.fine_tuning.jobs.list_events(job_id, limit=1000)
    return [event.data for event in events if event.type == "metrics"][::-1]


def test_the_end_of_each_epoch_measures_the_whole_validation_file(real, job):
    steps = [
        entry["step"]
        for entry in all_metrics(real.client, job.id)
        if "full_valid_loss" in entry
    ]
    assert steps == [30, 60, 90, 120]


def test_trained_tokens_are_those_of_the_file_times_the_epochs(job):
    assert job.trained_tokens > 0
    assert job.trained_tokens % 4 == 0


def test_checkpoints_are_whole_model_folders_with_different_weights(real, job):
    folder = real.home / "jobs" / job.id / "checkpoints"
    weights = {}
    for step in (60, 90, 120):
        model = folder / f"step-{step}"
        assert (model / "tokenizer.json").is_file()
        assert (model / "config.json").is_file()
        weights[step] = load_file(model / "model.safetensors")
    # The oldest goes just after the job has been told to have succeeded.
    wait_until(
        lambda: (
            sorted(path.name for path in folder.iterdir())
            == ["step-120", "step-60", "step-90"]
        )
    )
    name = "model.embed_tokens.weight"
    assert not weights[60][name].equal(weights[120][name])


def test_the_last_words_are_those_that_lessons_wait_for(real, job):
    assert messages_of(real.client, job.id)[-2:] == [
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "The job has successfully completed",
    ]


def test_what_training_says_about_the_data_is_an_event(real):
    rows = recipe_examples(12)
    rows[0]["messages"][1]["content"] = "flour " * 400
    job = real.client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=upload(real.client, rows),
        hyperparameters={"n_epochs": 1},
    )
    wait_for_job(real.client, job.id, 200)
    said = [text for text in messages_of(real.client, job.id) if "context" in text]
    assert said
    assert len(said) == len(set(said))
