"""DELETE of a job, which only Azure has."""

from __future__ import annotations

import openai
import pytest

from tests.provider.azure.sdk import BASE, azure_client, finished_job
from tests.provider.harness import jsonl, wait_until


@pytest.fixture(scope="module")
def gone(azure, http):
    with azure_client(azure) as client:
        older = finished_job(client)
        job = finished_job(client)
        kept = finished_job(client)
        before = http.get("/health").json()["jobs"]["succeeded"]
        answer = http.delete(f"/openai/fine_tuning/jobs/{job.id}?api-version=x")
        assert answer.status_code == 204
        assert answer.content == b""
        yield client, job, (older, kept), before


def test_nothing_shows_it_any_more(azure, http, gone):
    client, job, _, before = gone
    for dialect in (client, azure.client):
        jobs = dialect.fine_tuning.jobs
        assert job.id not in [one.id for one in jobs.list(limit=100)]
        for ask in (
            jobs.retrieve,
            jobs.cancel,
            jobs.pause,
            jobs.resume,
            lambda i, jobs=jobs: jobs.list_events(i),
            lambda i, jobs=jobs: jobs.checkpoints.list(i),
        ):
            with pytest.raises(openai.NotFoundError):
                ask(job.id)
    assert http.get("/health").json()["jobs"]["succeeded"] == before - 1


def test_its_models_and_its_result_file_stay(client, gone):
    _, job, _, _ = gone
    assert client.models.retrieve(job.fine_tuned_model).id == job.fine_tuned_model
    assert client.files.content(job.result_files[0]).text.startswith("step,")


def test_who_pages_through_a_list_goes_on_behind_it(client, gone):
    _, job, (older, kept), _ = gone
    behind = client.fine_tuning.jobs.list(after=job.id, limit=100)
    ids = [one.id for one in behind]
    assert ids[0] == older.id
    assert kept.id not in ids


def test_asking_twice_is_no_error_and_nobodys_job_is_one(http, gone):
    _, job, _, _ = gone
    assert http.delete(f"/openai/fine_tuning/jobs/{job.id}").status_code == 204
    missing = http.delete("/openai/fine_tuning/jobs/ftjob-nobody")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "notFound"


def test_the_same_request_makes_a_new_job(azure, gone):
    _, job, _, _ = gone
    client = azure.client
    file = client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune").id
    headers = {"Idempotency-Key": "once"}
    ask = {"training_file": file, "model": BASE, "extra_headers": headers}
    first = client.fine_tuning.jobs.create(**ask)
    assert client.fine_tuning.jobs.create(**ask).id == first.id
    wait_until(lambda: client.fine_tuning.jobs.retrieve(first.id).status == "succeeded")
    with azure.store.write() as session:
        session.hide_job(first.id, 1)
    assert client.fine_tuning.jobs.create(**ask).id != first.id


def test_a_job_that_has_not_ended_is_not_deleted(http, client):
    file = client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(training_file=file, model=BASE)
    refused = http.delete(f"/openai/fine_tuning/jobs/{job.id}?api-version=x")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "unexpectedEntityState"
