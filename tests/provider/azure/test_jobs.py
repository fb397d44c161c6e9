"""The life of a job as Azure tells it."""

from __future__ import annotations

import csv
import io
import re

import openai
import pytest

from tests.provider.azure.sdk import BASE, azure_client, finished_job, v1_client
from tests.provider.harness import events_of, jsonl, wait_until

AZURE_NAME = re.compile(r"gpt-4o-mini-2024-07-18\.ft-[0-9a-f]{32}-sass")


def test_a_job_is_created_with_201_and_an_address_that_answers(client, http):
    file = client.files.with_raw_response.create(
        file=("rows.jsonl", jsonl()), purpose="fine-tune"
    )
    assert file.status_code == 201
    found = http.get(file.headers["location"])
    assert found.json()["id"] == file.parse().id
    made = client.fine_tuning.jobs.with_raw_response.create(
        training_file=file.parse().id, model=BASE
    )
    assert made.status_code == 201
    assert http.get(made.headers["location"]).json()["id"] == made.parse().id
    assert made.parse().status == "pending"


def test_v1_creates_with_200(azure):
    with v1_client(azure) as plain:
        made = plain.files.with_raw_response.create(
            file=("rows.jsonl", jsonl()), purpose="fine-tune"
        )
    assert made.status_code == 200
    assert "location" not in made.headers


@pytest.mark.parametrize(
    "version", ["2023-09-15-preview", "2024-02-01", "2025-11-15-preview", "v1", "??"]
)
def test_any_api_version_is_taken(azure, version):
    with azure_client(azure, api_version=version) as client:
        assert client.models.list().data


def test_a_finished_job_speaks_azures_words(client, job):
    assert AZURE_NAME.fullmatch(job.fine_tuned_model)
    assert job.model == BASE
    assert job.seed == 105
    assert job.trainingType == "Standard"
    assert job.organisation_id
    events = events_of(client, job.id)
    said = [event.message for event in events]
    assert "Job enqueued. Waiting for jobs ahead to complete." in said
    assert said[-2:] == [
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "Job succeeded.",
    ]
    assert "Job started." in said
    assert any(re.fullmatch(r"Step 4: training loss=\d\.\d\d", text) for text in said)
    assert {event.level for event in events} == {"info", "warning"}
    assert not [text for text in said if "ft:" in text]


@pytest.mark.parametrize("given", ["developerTier", "globalstandard", "Standard"])
def test_the_training_type_is_echoed_as_it_was_given(client, given):
    job = finished_job(client, extra_body={"trainingType": given})
    assert job.trainingType == given
    assert client.fine_tuning.jobs.list(limit=1).data[0].trainingType == given


@pytest.mark.parametrize("given", ["fastest", 3, ["Standard"]])
def test_a_training_type_that_azure_has_not_is_refused(client, training_file, given):
    with pytest.raises(openai.BadRequestError, match="trainingType") as refused:
        client.fine_tuning.jobs.create(
            training_file=training_file,
            model=BASE,
            extra_body={"trainingType": given},
        )
    assert refused.value.body["code"] == "invalidPayload"
    assert refused.value.body["innererror"]["param"] == "trainingType"


def test_minus_one_is_azures_word_for_auto(client, azure, training_file):
    job = client.fine_tuning.jobs.create(
        training_file=training_file,
        model=BASE,
        hyperparameters={"n_epochs": -1, "batch_size": -1},
    )
    assert job.hyperparameters.n_epochs == -1
    assert job.hyperparameters.learning_rate_multiplier == -1
    assert job.method.supervised.hyperparameters.n_epochs == -1
    wait_until(lambda: azure.client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.hyperparameters.n_epochs > 0
    other = client.fine_tuning.jobs.create(
        training_file=training_file,
        model=BASE,
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": -1}},
        },
    )
    assert other.method.supervised.hyperparameters.n_epochs == -1


def test_both_dialects_show_the_same_job_each_under_its_names(azure, client, job):
    own = azure.client.fine_tuning.jobs.retrieve(job.id)
    assert own.status == "succeeded"
    assert own.fine_tuned_model.startswith("ft:gpt-4o-mini-2024-07-18:")
    shown = {model.id for model in client.models.list()}
    assert job.fine_tuned_model in shown
    assert not [name for name in shown if name.startswith("ft:")]


def test_checkpoints_have_azures_ids_and_page_by_them(client, job):
    everything = client.fine_tuning.jobs.checkpoints.list(job.id)
    ids = [checkpoint.id for checkpoint in everything.data]
    assert all(re.fullmatch(r"ftchkpt-[0-9a-f]{32}", one) for one in ids)
    assert everything.first_id == ids[0]
    assert everything.last_id == ids[-1]
    names = [one.fine_tuned_model_checkpoint for one in everything.data]
    assert names[0] == job.fine_tuned_model
    assert re.fullmatch(AZURE_NAME.pattern + r":ckpt-step-\d+", names[1])
    one_by_one = client.fine_tuning.jobs.checkpoints.list(job.id, limit=1)
    assert [checkpoint.id for checkpoint in one_by_one] == ids
    assert len(ids) == 3


def test_a_cursor_of_nobody_is_refused(client, job):
    with pytest.raises(openai.BadRequestError, match="after"):
        client.fine_tuning.jobs.checkpoints.list(job.id, after="ftchkpt-" + "0" * 32)


def test_a_model_says_what_it_was_made_from(client, http, job):
    model = http.get(f"/openai/models/{job.fine_tuned_model}?api-version=x").json()
    assert model["id"] == job.fine_tuned_model
    assert model["model"] == BASE
    assert model["fine_tune"] == job.id
    assert model["status"] == "succeeded"
    assert model["capabilities"]["fine_tune"] is True
    plain = http.get(f"/openai/v1/models/{job.fine_tuned_model}").json()
    assert set(plain) == {"id", "object", "created", "owned_by"}


def test_a_fine_tuned_model_is_trained_on_under_its_azure_name(client, job):
    further = finished_job(client, model=job.fine_tuned_model, suffix="more")
    assert further.model == job.fine_tuned_model
    assert re.fullmatch(
        r"gpt-4o-mini-2024-07-18\.ft-[0-9a-f]{32}-more", further.fine_tuned_model
    )
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[1]
    third = finished_job(client, model=checkpoint.id)
    assert third.model == checkpoint.fine_tuned_model_checkpoint


def test_a_name_with_another_base_before_its_digits_is_no_model(client, job):
    wrong = job.fine_tuned_model.replace("mini", "maxi")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(wrong)


def test_the_result_file_is_plain_csv_with_azures_columns(azure, client, job):
    (file_id,) = job.result_files
    content = client.files.content(file_id).content
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(rows[0]) == [
        "step",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "validation_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    ]
    assert [row["step"] for row in rows] == [str(n + 1) for n in range(len(rows))]
    assert float(rows[3]["train_loss"]) == 0.25
    assert client.files.retrieve(file_id).bytes == len(content)
    listed = {file.id: file.bytes for file in client.files.list()}
    assert listed[file_id] == len(content)
    # The other dialect keeps its own columns, and their size.
    own = azure.client.files.retrieve(file_id)
    assert own.bytes != len(content)


def test_a_file_of_other_purpose_comes_back_as_it_was(client, training_file):
    assert client.files.content(training_file).content == jsonl()


@pytest.fixture
def training_file(client):
    return client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune").id


def test_a_failed_file_is_told_in_azures_code(client):
    rows = b'{"messages": [{"role": "user"}]}\n' * 12
    file = client.files.create(file=("bad.jsonl", rows), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(training_file=file, model=BASE)
    failed = wait_until(
        lambda: (
            (now := client.fine_tuning.jobs.retrieve(job.id)).status == "failed" and now
        )
    )
    assert failed.error.code == "jsonlValidationFailed"
