"""Rules of fine-tuning jobs, through the openai client; training is a countdown."""

from __future__ import annotations

import base64
import csv
import io

import openai
import pytest

from helpers.provider.settings import Limits
from tests.provider.harness import (
    FakeTraining,
    events_of,
    jsonl,
    messages_of,
    wait_for_job,
    wait_until,
)

BASE = "kitchen-base"


def create(client, training_file, **more):
    """Create a job, of two epochs (8 steps here) unless told otherwise."""
    more = {"model": BASE, "hyperparameters": {"n_epochs": 2}, **more}
    return client.fine_tuning.jobs.create(training_file=training_file, **more)


def endless(client, training_file, **more):
    """Create a job of 100 steps: long enough to be interrupted."""
    return create(client, training_file, hyperparameters={"n_epochs": 25}, **more)


def steps_of(client, job_id):
    return [
        event.data["step"]
        for event in events_of(client, job_id)
        if event.type == "metrics"
    ]


def test_a_new_job_has_openais_shape(client, training_file):
    job = create(client, training_file, seed=7, metadata={"a": "b"}, hyperparameters={})
    assert job.status == "validating_files"
    assert job.id.startswith("ftjob-")
    assert job.model == BASE
    assert (job.seed, job.metadata) == (7, {"a": "b"})
    assert job.hyperparameters.n_epochs == "auto"
    assert job.method.supervised.hyperparameters.batch_size == "auto"
    nulls = (job.error, job.fine_tuned_model, job.finished_at, job.trained_tokens)
    assert nulls == (None, None, None, None)
    assert job.result_files == []
    assert wait_for_job(client, job.id).status == "succeeded"


def test_a_finished_job_says_everything_about_itself(client, training_file):
    job = create(
        client, training_file, validation_file=training_file, suffix="recipe-ner"
    )
    job = wait_for_job(client, job.id)
    assert job.status == "succeeded"
    assert job.fine_tuned_model.startswith("ft:kitchen-base:local:recipe-ner:")
    assert len(job.fine_tuned_model.rpartition(":")[2]) == 8
    assert job.trained_tokens == 1234
    assert job.finished_at >= job.created_at
    assert job.estimated_finish is None
    assert job.hyperparameters.n_epochs == 2
    assert job.hyperparameters.batch_size == 1
    assert job.hyperparameters.learning_rate_multiplier == 1
    echo = job.method.supervised.hyperparameters
    assert echo.model_dump() == job.hyperparameters.model_dump()
    assert client.models.retrieve(job.fine_tuned_model).owned_by == "local"


def test_the_events_of_a_job_are_word_for_word_those_of_openai(client, training_file):
    job = create(client, training_file, validation_file=training_file)
    name = wait_for_job(client, job.id).fine_tuned_model
    assert messages_of(client, job.id) == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {training_file} and validation file: "
        f"{training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/8: training loss=1.00, validation loss=2.00",
        "Step 2/8: training loss=0.50, validation loss=1.00",
        "Step 3/8: training loss=0.33, validation loss=0.67",
        "Step 4/8: training loss=0.25, full validation loss=0.50",
        f"Checkpoint created at step 4 with Snapshot ID: {name}:ckpt-step-4",
        "Step 5/8: training loss=0.20, validation loss=0.40",
        "Step 6/8: training loss=0.17, validation loss=0.33",
        "Step 7/8: training loss=0.14, validation loss=0.29",
        "Step 8/8: training loss=0.12, full validation loss=0.25",
        f"New fine-tuned model created: {name}",
        "The job has successfully completed",
    ]


def test_events_are_listed_newest_first_and_in_pages(client, training_file):
    job = create(client, training_file)
    wait_for_job(client, job.id)
    newest = client.fine_tuning.jobs.list_events(job.id, limit=2)
    assert newest.data[0].message == "The job has successfully completed"
    assert newest.has_more
    paged = [event.id for event in newest]
    assert len(paged) == len(set(paged)) == len(events_of(client, job.id))


def test_metrics_events_carry_numbers_and_no_nulls(client, training_file):
    job = create(client, training_file)
    wait_for_job(client, job.id)
    raw = client.fine_tuning.jobs.with_raw_response.list_events(job.id, limit=100)
    for event in raw.http_response.json()["data"]:
        assert isinstance(event["data"], dict)
        assert None not in event["data"].values()
    first = next(e for e in events_of(client, job.id) if e.type == "metrics")
    assert first.data == {
        "step": 1,
        "total_steps": 8,
        "train_loss": 1.0,
        "train_mean_token_accuracy": 0.5,
    }


def test_the_last_three_epochs_are_offered_as_models(client, training_file):
    job = create(client, training_file, hyperparameters={"n_epochs": 5})
    job = wait_for_job(client, job.id)
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [item.step_number for item in checkpoints] == [20, 16, 12]
    name = job.fine_tuned_model
    names = [item.fine_tuned_model_checkpoint for item in checkpoints]
    assert names == [name, f"{name}:ckpt-step-16", f"{name}:ckpt-step-12"]
    for item in checkpoints:
        assert item.id.startswith("ftckpt_")
        assert client.models.retrieve(item.fine_tuned_model_checkpoint)
    offered = [model.id for model in client.models.list() if name in model.id]
    assert offered == names[::-1]


def test_the_metrics_of_a_checkpoint_have_no_nulls(client, training_file):
    job = create(client, training_file)
    wait_for_job(client, job.id)
    raw = client.fine_tuning.jobs.checkpoints.with_raw_response.list(job.id)
    for item in raw.http_response.json()["data"]:
        assert None not in item["metrics"].values()


def test_the_result_file_is_openais_csv_in_base64(client, training_file):
    job = create(client, training_file, validation_file=training_file)
    job = wait_for_job(client, job.id)
    file = client.files.retrieve(job.result_files[0])
    assert (file.purpose, file.filename) == ("fine-tune-results", "step_metrics.csv")
    text = base64.b64decode(client.files.content(file.id).read()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == [
        "step",
        "train_loss",
        "train_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
    ]
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 9)]
    assert rows[0]["train_loss"] == "1.0"


def test_a_hosted_model_is_accepted_and_its_stand_in_is_said_openly(
    client, training_file
):
    hosted = "gpt-4o-mini-2024-07-18"
    assert "stands in" in client.models.retrieve(hosted).owned_by
    job = create(client, training_file, model=hosted)
    assert job.model == hosted
    name = wait_for_job(client, job.id).fine_tuned_model
    assert name.startswith(f"ft:{hosted}:local::")
    said = [text for text in messages_of(client, job.id) if "stands in" in text]
    assert len(said) == 1
    assert BASE in said[0]


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("model", "gpt-99", "model"),
        ("training_file", "file-nobody", "training_file"),
        ("validation_file", "file-nobody", "validation_file"),
        ("suffix", "x" * 65, "suffix"),
        ("suffix", "", "suffix"),
        ("seed", -1, "seed"),
        ("seed", 2**31, "seed"),
        ("seed", "1", "seed"),
        ("hyperparameters", {"n_epochs": 51}, "hyperparameters.n_epochs"),
        ("hyperparameters", {"batch_size": 0}, "hyperparameters.batch_size"),
        ("hyperparameters", {"batch_size": 1.5}, "hyperparameters.batch_size"),
        (
            "hyperparameters",
            {"learning_rate_multiplier": 0},
            "hyperparameters.learning_rate_multiplier",
        ),
        ("method", {"type": "nonsense"}, "method.type"),
        ("metadata", {str(n): "x" for n in range(17)}, None),
        ("integrations", [{"type": "wandb"}], "integrations[0].wandb"),
    ],
)
def test_a_wrong_field_is_named_and_no_job_is_made(
    client, training_file, field, value, param
):
    before = [job.id for job in client.fine_tuning.jobs.list(limit=1).data]
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, **{"training_file": training_file, field: value})
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert [job.id for job in client.fine_tuning.jobs.list(limit=1).data] == before


def test_a_file_of_another_purpose_cannot_be_trained_on(client):
    file = client.files.create(file=jsonl(), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        create(client, file.id)


def test_hyperparameters_in_method_win_over_the_old_field(client, training_file):
    job = create(
        client,
        training_file,
        hyperparameters={"n_epochs": 3},
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 4}},
        },
    )
    assert job.hyperparameters.n_epochs == 1
    done = wait_for_job(client, job.id)
    assert done.hyperparameters.batch_size == 4
    assert len(steps_of(client, job.id)) == 4


def test_a_suffix_is_written_so_that_it_fits_into_a_name(client, training_file):
    job = create(client, training_file, suffix="my recipes: 1/2")
    name = wait_for_job(client, job.id).fine_tuned_model
    assert ":my-recipes-1-2:" in name


def test_an_integration_is_echoed_and_an_event_says_that_it_is_not_served(
    client, training_file
):
    wandb = {"type": "wandb", "wandb": {"project": "p"}}
    job = create(client, training_file, integrations=[wandb])
    assert job.integrations[0].wandb.project == "p"
    assert any("wandb" in text for text in messages_of(client, job.id))
    client.fine_tuning.jobs.cancel(job.id)


def test_a_broken_training_file_fails_the_job_and_names_the_example(client):
    file = client.files.create(file=jsonl(12) + b"{oops\n", purpose="fine-tune")
    job = create(client, file.id)
    job = wait_for_job(client, job.id)
    assert job.status == "failed"
    assert job.error.param == "training_file"
    assert "13" in job.error.message
    last = events_of(client, job.id)[-1]
    assert (last.level, last.message) == ("error", job.error.message)
    assert job.fine_tuned_model is None
    assert job.finished_at is not None


def test_too_few_examples_fail_the_job_with_openais_words(client):
    file = client.files.create(file=jsonl(7), purpose="fine-tune")
    job = wait_for_job(client, create(client, file.id).id)
    assert job.error.code == "invalid_n_examples"
    assert job.error.message == (
        "Training file has 7 example(s), but must have at least 10 examples"
    )


def test_a_broken_validation_file_is_named_as_such(client, training_file):
    file = client.files.create(file=b'{"messages": []}\n', purpose="fine-tune")
    job = create(client, training_file, validation_file=file.id)
    assert wait_for_job(client, job.id).error.param == "validation_file"


def test_jobs_are_trained_one_at_a_time_in_the_order_they_came(client, training_file):
    jobs = [create(client, training_file) for _ in range(3)]
    done = [wait_for_job(client, job.id) for job in jobs]
    with_steps = []
    for job in done:
        seqs = [event.created_at for event in events_of(client, job.id)]
        assert seqs == sorted(seqs)
        with_steps.append(job.finished_at)
    assert with_steps == sorted(with_steps)


def test_cancel_ends_a_running_job_within_a_step(client, training_file):
    job = endless(client, training_file)
    wait_for_job(client, job.id, 200, "running")
    wait_until(lambda: steps_of(client, job.id))
    cancelled = client.fine_tuning.jobs.cancel(job.id)
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at is not None
    count = len(events_of(client, job.id))
    # The next job gets the worker, so the cancelled one has let go of it.
    assert wait_for_job(client, create(client, training_file).id).status == "succeeded"
    assert len(events_of(client, job.id)) == count
    assert messages_of(client, job.id)[-1] == "Fine-tuning job cancelled"


def test_a_finished_job_cannot_be_cancelled_paused_or_resumed(client, training_file):
    job = wait_for_job(client, create(client, training_file).id)
    jobs = client.fine_tuning.jobs
    for action in (jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(
            openai.BadRequestError, match=f"Job has already completed: {job.id}"
        ) as caught:
            action(job.id)
        assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_paused_job_stops_and_goes_on_where_it_stood(client, training_file):
    jobs = client.fine_tuning.jobs
    job = endless(client, training_file)
    wait_until(lambda: len(steps_of(client, job.id)) > 10)
    # While its last step is under way the job still runs.
    assert jobs.pause(job.id).status == "running"
    wait_for_job(client, job.id, 200, "paused")
    standing = steps_of(client, job.id)
    # A paused job lets others train.
    other = wait_for_job(client, create(client, training_file).id)
    assert other.status == "succeeded"
    assert steps_of(client, job.id) == standing
    assert jobs.resume(job.id).status == "queued"
    assert wait_for_job(client, job.id, 200).status == "succeeded"
    assert steps_of(client, job.id) == list(range(1, 101))
    messages = messages_of(client, job.id)
    assert messages.index("Job paused") < messages.index("Job resumed")
    assert f"Training goes on from its saved state at step {standing[-1]}" in messages


def test_a_paused_job_is_queued_in_lists_where_typed_clients_know_six_states(
    fake, client, training_file
):
    job = endless(client, training_file)
    client.fine_tuning.jobs.pause(job.id)
    wait_for_job(client, job.id, 200, "paused")
    with openai.OpenAI(
        base_url=fake.url, api_key=client.api_key, _strict_response_validation=True
    ) as strict:
        listed = strict.fine_tuning.jobs.list(limit=1).data[0]
        assert (listed.id, listed.status) == (job.id, "queued")
        assert strict.fine_tuning.jobs.pause(job.id).status == "queued"
    client.fine_tuning.jobs.cancel(job.id)


def test_by_default_a_job_is_in_one_of_six_states_also_by_its_id(tmp_path):
    with FakeTraining(tmp_path / "six", tell_paused=False) as server:
        client = server.client
        file = client.files.create(file=jsonl(), purpose="fine-tune")
        job = endless(client, file.id)
        wait_for_job(client, job.id, 60, "running")
        client.fine_tuning.jobs.pause(job.id)
        with openai.OpenAI(
            base_url=server.url,
            api_key=client.api_key,
            _strict_response_validation=True,
        ) as strict:
            wait_until(
                lambda: strict.fine_tuning.jobs.retrieve(job.id).status == "queued"
            )
        assert "Job paused" in messages_of(client, job.id)
        client.fine_tuning.jobs.cancel(job.id)


def test_only_a_paused_job_can_be_resumed(client, training_file):
    job = endless(client, training_file)
    with pytest.raises(openai.BadRequestError, match="not paused"):
        client.fine_tuning.jobs.resume(job.id)
    client.fine_tuning.jobs.cancel(job.id)


def test_a_running_job_says_when_it_will_be_done(client, training_file):
    job = endless(client, training_file)

    def estimate():
        return client.fine_tuning.jobs.retrieve(job.id).estimated_finish

    assert wait_until(estimate) >= job.created_at
    client.fine_tuning.jobs.cancel(job.id)
    assert estimate() is None


def test_jobs_are_listed_newest_first_and_filtered_by_metadata(client, training_file):
    tagged = [
        create(client, training_file, metadata={"run": "r1", "n": str(n)})
        for n in range(3)
    ]
    plain = create(client, training_file)
    jobs = client.fine_tuning.jobs
    listed = [job.id for job in jobs.list(metadata={"run": "r1"}, limit=2)]
    assert listed == [job.id for job in tagged[::-1]]
    one = jobs.list(metadata={"run": "r1", "n": "1"}).data
    assert [job.id for job in one] == [tagged[1].id]
    without = jobs.list(extra_query={"metadata": "null"}, limit=1).data
    assert [job.id for job in without] == [plain.id]
    for job in [*tagged, plain]:
        wait_for_job(client, job.id)


@pytest.mark.parametrize(
    "query", [{"metadata": "x"}, {"metadata[a][b]": "x"}, {"metadata[]": "x"}]
)
def test_a_metadata_filter_of_another_shape_is_refused(client, query):
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.list(extra_query=query)
    assert caught.value.param == "metadata"


def test_an_unknown_job_is_a_404_in_every_call(client):
    jobs = client.fine_tuning.jobs
    calls = (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume)
    for call in (*calls, jobs.list_events, jobs.checkpoints.list):
        with pytest.raises(openai.NotFoundError, match="Could not find fine tune"):
            call("ftjob-nobody")


def test_the_same_request_sent_again_by_the_client_makes_one_job(client, training_file):
    first = create(client, training_file, seed=11)
    again = create(
        client, training_file, seed=11, extra_headers={"x-stainless-retry-count": "1"}
    )
    assert again.id == first.id
    other = create(client, training_file, seed=11)
    assert other.id != first.id
    for job in (first, other):
        wait_for_job(client, job.id)


def test_an_idempotency_key_makes_one_job_and_refuses_another_body(
    client, training_file
):
    headers = {"Idempotency-Key": "my-key-1"}
    first = create(client, training_file, extra_headers=headers)
    assert create(client, training_file, extra_headers=headers).id == first.id
    with pytest.raises(openai.BadRequestError, match="Idempotency-Key"):
        create(client, training_file, seed=1, extra_headers=headers)
    wait_for_job(client, first.id)


def test_a_full_queue_is_a_429(tmp_path):
    with FakeTraining(tmp_path, limits=Limits(unfinished_jobs=1)) as server:
        client = server.client.with_options(max_retries=0)
        file = client.files.create(file=jsonl(), purpose="fine-tune").id
        job = endless(client, file)
        with pytest.raises(openai.RateLimitError):
            create(client, file)
        client.fine_tuning.jobs.cancel(job.id)
        assert create(client, file).status == "validating_files"


def test_a_job_is_refused_while_the_disk_is_full(tmp_path):
    with FakeTraining(tmp_path) as server:
        file = server.client.files.create(file=jsonl(), purpose="fine-tune").id
        server.provider.blobs._free_disk_bytes = 2**62
        with pytest.raises(openai.BadRequestError) as caught:
            create(server.client, file)
        assert caught.value.code == "insufficient_storage"
        assert list(server.client.fine_tuning.jobs.list()) == []


def test_a_fine_tuned_model_can_be_trained_further(client, training_file):
    first = wait_for_job(client, create(client, training_file).id)
    job = create(client, training_file, model=first.fine_tuned_model)
    with pytest.raises(openai.BadRequestError, match=job.id):
        client.models.delete(first.fine_tuned_model)
    second = wait_for_job(client, job.id)
    assert second.fine_tuned_model.startswith("ft:kitchen-base:local::")
    assert second.fine_tuned_model != first.fine_tuned_model


def test_a_job_leaves_no_training_state_behind(fake, client, training_file):
    job = wait_for_job(client, create(client, training_file).id)
    folder = fake.home / "jobs" / job.id
    wait_until(lambda: not (folder / "state").exists())
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["step-4", "step-8"]
