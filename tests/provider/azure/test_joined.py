"""Responses, batches, event streams and other methods, in Azure's dialect."""

from __future__ import annotations

import csv
import io
import json

import openai
import pytest
from openai.types.fine_tuning import FineTuningJobEvent

from tests.provider.azure.sdk import BASE, azure_client, http_client, put, v1_client
from tests.provider.harness import KEY, FakeTraining, jsonl, wait_for_job, wait_until
from tests.provider.method_rows import ALIKE, as_jsonl, preferences, prompts

ASK = {"input": "Hi", "max_output_tokens": 16, "temperature": 0}
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}


@pytest.fixture(scope="module")
def answering(tmp_path_factory, tiny_llama):
    """A server that answers with a tiny model, deployed under a name of its own."""
    home = tmp_path_factory.mktemp("answering")
    models = {"kitchen-base": tiny_llama}
    with FakeTraining(home, deployment_seconds=0.0, models=models) as server:
        with http_client(server) as http:
            assert put(http, "kitchen", "kitchen-base").status_code == 201
        yield server


def both(server):
    """Yield a client of each data plane, and close it."""
    with azure_client(server) as client:
        yield client
    with v1_client(server) as client:
        yield client


def test_a_response_is_given_by_a_deployment(answering):
    texts = set()
    for client in both(answering):
        answer = client.responses.create(model="kitchen", **ASK)
        assert answer.model == "kitchen-base"
        events = list(client.responses.create(model="kitchen", stream=True, **ASK))
        assert events[-1].type in ("response.completed", "response.incomplete")
        texts |= {answer.output_text, events[-1].response.output_text}
        assert client.responses.input_tokens.count(model="kitchen", input="Hi")
        further = client.responses.create(
            model="kitchen", previous_response_id=answer.id, **ASK
        )
        assert further.previous_response_id == answer.id
        for ask in client.responses.create, client.responses.input_tokens.count:
            with pytest.raises(openai.NotFoundError) as caught:
                ask(model="kitchen-base", input="Hi")
            assert caught.value.code == "DeploymentNotFound"
    assert len(texts) == 1


@pytest.fixture
def asking(answering):
    """Azure's client for that server."""
    with azure_client(answering) as client:
        yield client


def test_a_stored_response_names_its_model_as_azure_does(answering, asking):
    own = "ft:kitchen-base:local::abcdefgh"
    client, plain = asking, answering.client
    kept = client.responses.create(model="kitchen", **ASK)
    # As if a fine-tuned model had answered: its job is known, whatever answered.
    file = plain.files.create(file=jsonl(), purpose="fine-tune").id
    job = plain.fine_tuning.jobs.create(model="kitchen-base", training_file=file)
    wait_for_job(plain, job.id)
    with answering.store.write() as session:
        session._connection.execute(
            "UPDATE jobs SET planned_name = ? WHERE id = ?", (own, job.id)
        )
        session._connection.execute(
            "UPDATE responses SET response = json_set(response, '$.model', ?) "
            "WHERE id = ?",
            (own, kept.id),
        )
    assert plain.responses.retrieve(kept.id).model == own
    shown = client.responses.retrieve(kept.id)
    assert shown.model.startswith("kitchen-base.ft-")
    events = list(client.responses.retrieve(kept.id, stream=True))
    assert [event.type for event in events] == [
        event.type for event in plain.responses.retrieve(kept.id, stream=True)
    ]
    told = {event.response.model for event in events if hasattr(event, "response")}
    assert told == {shown.model}


def run_batch(client, rows, endpoint="/chat/completions"):
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = client.files.create(file=("lines.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h"
    )

    def ended():
        found = client.batches.retrieve(batch.id)
        return found if found.status in ("completed", "failed") else None

    return wait_until(ended)


def row_of(number: int, model: str, url: str) -> dict:
    body = {"model": model, **CHAT}
    return {"custom_id": f"r-{number}", "method": "POST", "url": url, "body": body}


def test_the_lines_of_a_batch_name_deployments(answering):
    for client in both(answering):
        for url in "/chat/completions", "/v1/chat/completions":
            rows = [row_of(n, "kitchen", url) for n in range(3)]
            batch = run_batch(client, rows, endpoint=url)
            assert batch.status == "completed", batch.errors
            assert batch.request_counts.completed == 3
            lines = client.files.content(batch.output_file_id).text.splitlines()
            bodies = [json.loads(line)["response"]["body"] for line in lines]
            assert {body["model"] for body in bodies} == {"kitchen-base"}
    # The same lines in OpenAI's dialect name no model, nor do Azure's elsewhere.
    url = "/v1/chat/completions"
    batch = run_batch(answering.client, [row_of(1, "kitchen", url)], endpoint=url)
    assert batch.request_counts.failed == 1
    with v1_client(answering) as client:
        batch = run_batch(client, [row_of(1, "kitchen-base", url)])
        (line,) = client.files.content(batch.error_file_id).text.splitlines()
        fault = json.loads(line)["response"]
        assert fault["status_code"] == 404
        assert fault["body"]["error"]["code"] == "DeploymentNotFound"


def test_a_bare_url_is_azures_alone(answering):
    rows = [row_of(1, "kitchen-base", "/chat/completions")]
    batch = run_batch(answering.client, rows, endpoint="/v1/chat/completions")
    assert batch.status == "failed"
    assert batch.errors.data[0].code == "invalid_url"
    with pytest.raises(openai.BadRequestError):
        run_batch(answering.client, rows, endpoint="/chat/completions")


def test_events_are_streamed_in_azures_words(client, job):
    events = client.get(
        f"/fine_tuning/jobs/{job.id}/events",
        cast_to=object,
        stream=True,
        stream_cls=openai.Stream[FineTuningJobEvent],
        options={"params": {"stream": "true"}},
    )
    listed = client.fine_tuning.jobs.list_events(job.id, limit=100)
    streamed = [(event.id, event.message) for event in events]
    assert streamed == [(event.id, event.message) for event in listed][::-1]
    said = "\n".join(message for _, message in streamed)
    assert "Job succeeded." in said
    assert "ft:" not in said


def test_a_deleted_job_has_no_stream(azure, client, http):
    file = client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune").id
    made = client.fine_tuning.jobs.create(training_file=file, model=BASE)
    wait_for_job(client, made.id)
    assert http.delete(f"/openai/fine_tuning/jobs/{made.id}").status_code == 204
    headers = {"authorization": f"Bearer {KEY}"}
    for prefix in "/openai", "/openai/v1", "/v1":
        path = f"{prefix}/fine_tuning/jobs/{made.id}/events?stream=true"
        assert http.get(path, headers=headers).status_code == 404


@pytest.mark.parametrize("kind", ["dpo", "reinforcement"])
def test_minus_one_is_auto_in_every_method(client, kind):
    rows = preferences(12) if kind == "dpo" else prompts(12)
    content = ("rows.jsonl", as_jsonl(rows))
    file = client.files.create(file=content, purpose="fine-tune").id
    numbers = {"n_epochs": 2, "batch_size": -1, "learning_rate_multiplier": -1}
    own = {"dpo": ["beta"], "reinforcement": ["compute_multiplier", "eval_samples"]}
    numbers |= dict.fromkeys(own[kind], -1)
    part = {"hyperparameters": numbers}
    if kind == "reinforcement":
        part["grader"] = ALIKE
    job = client.fine_tuning.jobs.create(
        training_file=file, model=BASE, method={"type": kind, kind: part}
    )
    shown = getattr(job.method, kind).hyperparameters
    assert shown.n_epochs == 2
    assert {getattr(shown, name) for name in own[kind]} <= {-1} or job.status != (
        "pending"
    )
    done = wait_for_job(client, job.id)
    assert done.status == "succeeded", done.error
    resolved = getattr(done.method, kind).hyperparameters
    assert all(getattr(resolved, name) > 0 for name in own[kind])
    text = client.files.content(done.result_files[0]).text
    columns = next(csv.reader(io.StringIO(text)))
    rewards = "train_mean_reward" in columns
    assert rewards == (kind == "reinforcement")
