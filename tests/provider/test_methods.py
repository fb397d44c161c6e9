"""Preferences, reinforcement and training further, through the openai client."""

from __future__ import annotations

import base64
import csv
import io
import json

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob
from safetensors.torch import load_file

from tests.provider.harness import events_of, jsonl, messages_of, wait_for_job
from tests.provider.method_rows import (
    ALIKE,
    HAS_A,
    as_jsonl,
    preferences,
    prompts,
)
from tests.provider.tiny_models import recipe_examples

BASE = "kitchen-base"
MULTI = {
    "type": "multi",
    "name": "both",
    "graders": {"letter": HAS_A, "alike": ALIKE},
    "calculate_output": "0.5 * letter + 0.5 * alike",
}
PYTHON = {"type": "python", "name": "p", "source": "def grade(a, b): return 1"}
COSINE = {**ALIKE, "evaluation_metric": "cosine"}


def upload(client, content: bytes) -> str:
    return client.files.create(file=("rows.jsonl", content), purpose="fine-tune").id


def dpo(**hyperparameters) -> dict:
    return {"type": "dpo", "dpo": {"hyperparameters": hyperparameters}}


def rewarded(grader: dict = ALIKE, **hyperparameters) -> dict:
    settings = {"grader": grader, "hyperparameters": hyperparameters}
    return {"type": "reinforcement", "reinforcement": settings}


def create(client, file: str, method: dict | None = None, **more):
    if method is not None:
        more["method"] = method
    return client.fine_tuning.jobs.create(
        **{"model": BASE, "training_file": file, **more}
    )


@pytest.fixture(scope="module")
def pairs_file(fake):
    return upload(fake.client, as_jsonl(preferences(12)))


@pytest.fixture(scope="module")
def prompts_file(fake):
    return upload(fake.client, as_jsonl(prompts(12)))


# ----------------------------------------------------- what is asked (without training)


def test_a_dpo_job_shows_auto_and_then_its_numbers(client, pairs_file):
    job = create(client, pairs_file, {"type": "dpo"})
    assert job.method.type == "dpo"
    assert job.method.supervised is None
    assert job.method.dpo.hyperparameters.beta == "auto"
    done = wait_for_job(client, job.id)
    numbers = done.method.dpo.hyperparameters
    assert (numbers.beta, numbers.batch_size, numbers.n_epochs) == (0.1, 4, 8)
    assert numbers.learning_rate_multiplier == 1
    assert done.hyperparameters.n_epochs == numbers.n_epochs
    raw = client.fine_tuning.jobs.with_raw_response.retrieve(job.id).http_response
    assert set(raw.json()["hyperparameters"]) == {
        "n_epochs",
        "batch_size",
        "learning_rate_multiplier",
    }
    FineTuningJob.model_validate(raw.json(), strict=True)


def test_numbers_that_were_given_win_for_each_method(client, pairs_file, prompts_file):
    asked = {"beta": 0.5, "n_epochs": 1, "batch_size": 2}
    job = create(client, pairs_file, dpo(**asked), hyperparameters={"n_epochs": 9})
    found = wait_for_job(client, job.id).method.dpo.hyperparameters
    assert found.model_dump(exclude_none=True) == {
        **asked,
        "learning_rate_multiplier": 1,
    }
    # The old field counts where the method says nothing, whatever the method.
    job = create(client, pairs_file, {"type": "dpo"}, hyperparameters={"n_epochs": 1})
    assert job.method.dpo.hyperparameters.n_epochs == 1
    wait_for_job(client, job.id)
    asked = {"compute_multiplier": 2, "eval_interval": 3, "eval_samples": 4}
    method = rewarded(n_epochs=1, reasoning_effort="high", **asked)
    job = wait_for_job(client, create(client, prompts_file, method).id)
    found = job.method.reinforcement.hyperparameters
    assert found.model_dump().items() >= {**asked, "reasoning_effort": "high"}.items()
    assert found.batch_size == 4
    assert any("reasoning_effort" in text for text in messages_of(client, job.id))


def test_a_grader_is_shown_as_it_was_given(client, prompts_file):
    job = create(client, prompts_file, rewarded(MULTI, n_epochs=1))
    raw = client.fine_tuning.jobs.with_raw_response.retrieve(job.id).http_response
    assert raw.json()["method"]["reinforcement"]["grader"] == MULTI
    assert job.method.reinforcement.grader.type == "multi"
    assert wait_for_job(client, job.id).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "param", "words"),
    [
        (dpo(beta=0), "method.dpo.hyperparameters.beta", "> 0 and <= 2"),
        (dpo(beta=2.1), "method.dpo.hyperparameters.beta", "<= 2"),
        (dpo(beta="0.1"), "method.dpo.hyperparameters.beta", "a number"),
        (dpo(n_epochs=51), "method.dpo.hyperparameters.n_epochs", "<= 50"),
        ({"type": "kto"}, "method.type", "supervised"),
        ({"type": "reinforcement"}, "method", "method.reinforcement.grader"),
        (
            {"type": "reinforcement", "reinforcement": {}},
            "method.reinforcement.grader",
            "Missing",
        ),
        (
            rewarded({**ALIKE, "input": "{{ other.text }}"}),
            "method.reinforcement.grader.input",
            "item.field",
        ),
        (rewarded(PYTHON), "method.reinforcement.grader", "never executes"),
        (
            rewarded({**MULTI, "graders": {"letter": HAS_A, "alike": COSINE}}),
            "method.reinforcement.grader.graders.alike.evaluation_metric",
            "fuzzy_match",
        ),
        (
            rewarded(compute_multiplier=11),
            "method.reinforcement.hyperparameters.compute_multiplier",
            "<= 10",
        ),
        (
            rewarded(eval_samples=17),
            "method.reinforcement.hyperparameters.eval_samples",
            "<= 16",
        ),
        (
            rewarded(reasoning_effort="most"),
            "method.reinforcement.hyperparameters.reasoning_effort",
            "'low'",
        ),
        (
            rewarded(batch_size=256, compute_multiplier=10),
            "method.reinforcement.hyperparameters",
            "20480 answers",
        ),
    ],
)
def test_a_wrong_method_is_named_with_its_place(
    client, prompts_file, method, param, words
):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, prompts_file, method)
    assert caught.value.param == param
    assert words in caught.value.body["message"]
    assert caught.value.type == "invalid_request_error"


def test_a_response_format_is_refused_and_not_ignored(client, prompts_file):
    method = rewarded()
    method["reinforcement"]["response_format"] = {"type": "json_object"}
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, prompts_file, method)
    assert caught.value.param == "method.reinforcement.response_format"


def changed(rows: list[dict], number: int, **change) -> bytes:
    rows[number] = {k: v for k, v in (rows[number] | change).items() if v is not ...}
    return as_jsonl(rows)


USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("method", "content", "words"),
    [
        (
            {"type": "dpo"},
            jsonl(12),
            "is in the fine-tune-chat format, but the specified fine-tuning job is not "
            "using 'supervised' as the training method (provided method=dpo)",
        ),
        (
            {"type": "supervised"},
            as_jsonl(preferences(12)),
            "not using 'dpo' as the training method (provided method=supervised)",
        ),
        (
            {"type": "dpo"},
            changed(preferences(12), 4, non_preferred_output=...),
            "Example 5 is missing key 'non_preferred_output'",
        ),
        (
            {"type": "dpo"},
            changed(preferences(12), 6, preferred_output=[USER]),
            'Example 7, key "preferred_output[0].role"',
        ),
        (
            {"type": "dpo"},
            changed(preferences(12), 2, preferred_output=[ANSWER, ANSWER]),
            'Example 3, key "preferred_output"',
        ),
        (
            {"type": "dpo"},
            changed(preferences(12), 1, input={"messages": [USER, ANSWER]}),
            "Example 2: the last message must be from the user",
        ),
        (
            {"type": "dpo"},
            changed(preferences(12), 8, preferred_output=[{**ANSWER, "content": ""}]),
            'Example 9, preferred_output, key "content": the assistant message is '
            "empty",
        ),
        (rewarded(), jsonl(12), "Example 1: the last message must be from the user"),
        (
            rewarded(),
            changed(prompts(12), 3, messages=...),
            "Example 4 is missing key 'messages'",
        ),
        (
            rewarded(),
            changed(prompts(12), 10, reference=...),
            "Example 11 (line 11): the grader names 'item.reference'",
        ),
        (rewarded(), as_jsonl(preferences(12)), "fine-tune-preference format"),
        ({"type": "dpo"}, as_jsonl(preferences(9)), "must have at least 10"),
    ],
)
def test_a_file_of_another_format_fails_the_job_and_names_the_line(
    client, method, content, words
):
    job = wait_for_job(client, create(client, upload(client, content), method).id)
    assert job.status == "failed"
    assert words in job.error.message
    assert job.error.param == "training_file"


# ------------------------------------------------------------------ real training


def metrics_of(client, job_id: str) -> list[dict]:
    return [
        event.data for event in events_of(client, job_id) if event.type == "metrics"
    ]


def columns_of(client, job) -> list[dict]:
    content = client.files.content(job.result_files[0]).read()
    text = base64.b64decode(content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_preferences_are_learned_and_the_model_answers(real):
    client = real.client
    job = create(
        client,
        upload(client, as_jsonl(preferences(12))),
        dpo(n_epochs=3, learning_rate_multiplier=20, beta=0.2),
        validation_file=upload(client, as_jsonl(preferences(4, first=60))),
        suffix="liked",
        seed=5,
    )
    job = wait_for_job(client, job.id, 200)
    assert job.status == "succeeded"
    assert job.fine_tuned_model.startswith("ft:kitchen-base:local:liked:")
    metrics = metrics_of(client, job.id)
    assert [entry["step"] for entry in metrics] == list(range(1, 10))
    assert metrics[0]["train_loss"] == pytest.approx(0.693, abs=0.05)
    assert metrics[-1]["full_valid_loss"] < 0.6
    assert metrics[-1]["full_valid_reward_accuracy"] == 1.0
    checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert len(checkpoints) == 3
    assert checkpoints[0].metrics.full_valid_loss == metrics[-1]["full_valid_loss"]
    assert set(checkpoints[0].metrics.model_dump(exclude_none=True)) <= {
        "step", "train_loss", "train_mean_token_accuracy", "valid_loss",
        "valid_mean_token_accuracy", "full_valid_loss",
        "full_valid_mean_token_accuracy",
    }  # fmt: skip
    assert columns_of(client, job)[0]["train_loss"] == str(metrics[0]["train_loss"])
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=[USER], max_completion_tokens=4
    )
    assert answer.usage.completion_tokens > 0


def test_rewards_are_reported_as_openais_guide_shows_them(real):
    client = real.client
    rows = prompts(10)
    for row in rows:  # short prompts leave room: a random model never ends an answer
        row["messages"] = [{"role": "user", "content": row["reference"]}]
    job = create(
        client,
        upload(client, as_jsonl(rows)),
        rewarded(MULTI, n_epochs=1, batch_size=5, compute_multiplier=0.5),
        validation_file=upload(client, as_jsonl(rows[:1])),
    )
    job = wait_for_job(client, job.id, 200)
    assert job.status == "succeeded"
    events = [e for e in events_of(client, job.id) if e.type == "metrics"]
    first, last = events[0], events[-1]
    assert first.message.startswith("Step 1/2 , train mean reward=")
    assert "full validation mean reward=" in last.message
    assert "full validation mean parse error=0.00" in last.message
    data = last.data
    scores = data["scores"]
    assert scores["train_reward_mean"] == data["train_mean_reward"]
    assert scores["valid_reward_mean"] == data["full_valid_mean_reward"]
    assert [one["name"] for one in scores["graders"]] == ["letter", "alike"]
    mean = sum(one["train_reward_mean"] for one in scores["graders"]) / 2
    assert mean == pytest.approx(data["train_mean_reward"])
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert checkpoint.metrics.step == 2
    table = columns_of(client, job)
    assert table[1]["full_valid_mean_reward"] == str(data["full_valid_mean_reward"])
    assert job.trained_tokens > 0


def test_training_goes_on_from_the_weights_of_a_model_or_a_checkpoint(real):
    client = real.client
    rows = recipe_examples(12)
    file = upload(client, as_jsonl(rows))
    numbers = {"n_epochs": 2, "batch_size": 12, "learning_rate_multiplier": 20}
    first = create(client, file, hyperparameters=numbers, seed=1, suffix="one")
    first = wait_for_job(client, first.id, 200)
    checkpoint = client.fine_tuning.jobs.checkpoints.list(first.id).data[1]
    name = checkpoint.fine_tuned_model_checkpoint
    assert name == f"{first.fine_tuned_model}:ckpt-step-1"
    after = metrics_of(client, first.id)[-1]

    def first_loss(model: str) -> float:
        numbers["n_epochs"] = 1
        job = create(client, file, model=model, hyperparameters=numbers, suffix="two")
        job = wait_for_job(client, job.id, 200)
        assert job.model == model
        assert job.fine_tuned_model.startswith("ft:kitchen-base:local:two:")
        return metrics_of(client, job.id)[0]["train_loss"]

    # One batch holds all rows, so the loss of a step is that of the weights before it.
    assert first_loss(name) == pytest.approx(after["train_loss"], rel=1e-3)
    from_base, from_model = first_loss(BASE), first_loss(first.fine_tuned_model)
    assert from_model < after["train_loss"] < from_base


def test_a_fine_tuned_model_can_be_the_start_of_preferences(real):
    client = real.client
    file = upload(client, as_jsonl(recipe_examples(12)))
    first = create(client, file, hyperparameters={"n_epochs": 1})
    first = wait_for_job(client, first.id, 200)
    pairs = upload(client, as_jsonl(preferences(12)))
    job = create(client, pairs, dpo(n_epochs=1), model=first.fine_tuned_model)
    # The model that it starts from cannot go before the job has ended.
    with pytest.raises(openai.BadRequestError) as caught:
        client.models.delete(first.fine_tuned_model)
    assert caught.value.code == "model_in_use"
    job = wait_for_job(client, job.id, 200)
    assert metrics_of(client, job.id)[0]["train_loss"] == pytest.approx(0.693, abs=0.05)
    client.models.delete(first.fine_tuned_model)
    folder = real.home / "jobs" / job.id / "checkpoints" / "step-3"
    assert load_file(folder / "model.safetensors")
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
