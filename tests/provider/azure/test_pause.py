"""A job that is held: its states, and the model that a pause leaves."""

from __future__ import annotations

import os

import openai
import pytest

from tests.provider.azure.sdk import BASE, azure_client, http_client, put
from tests.provider.harness import FakeTraining, jsonl, wait_until


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    os.environ["FAKE_SECONDS_PER_STEP"] = "0.25"
    try:
        home = tmp_path_factory.mktemp("slow")
        with FakeTraining(home, deployment_seconds=0.0) as server:
            server.worker_pid()
            yield server
    finally:
        del os.environ["FAKE_SECONDS_PER_STEP"]


@pytest.fixture(scope="module")
def held(slow):
    """A job paused within its first epoch, and its client."""
    with azure_client(slow) as client:
        file = client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(training_file=file.id, model=BASE)
        refused = None
        try:
            client.fine_tuning.jobs.pause(job.id)
        except openai.BadRequestError as fault:
            refused = fault
        steps = client.fine_tuning.jobs.list_events
        wait_until(lambda: [e for e in steps(job.id) if e.type == "metrics"])
        answer = client.fine_tuning.jobs.pause(job.id)
        seen = [answer.status]

        def paused():
            status = client.fine_tuning.jobs.retrieve(job.id).status
            seen.append(status)
            return status == "paused"

        wait_until(paused)
        yield client, job.id, refused, seen


def test_a_job_that_has_not_begun_is_not_paused(held):
    _, _, refused, _ = held
    assert refused.body["code"] == "unexpectedEntityState"
    assert "at least one training step" in refused.message


def test_it_says_pausing_and_then_paused_in_lists_too(held):
    client, job_id, _, seen = held
    assert seen[0] in ("pausing", "paused")
    assert set(seen) <= {"pausing", "paused"}
    listed = client.fine_tuning.jobs.list(limit=1).data[0]
    assert (listed.id, listed.status) == (job_id, "paused")


def test_a_pause_leaves_a_model_that_can_be_deployed(slow, held):
    client, job_id, _, _ = held
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job_id).data
    assert checkpoint.step_number >= 1
    model = client.models.retrieve(checkpoint.fine_tuned_model_checkpoint)
    assert model.id == checkpoint.fine_tuned_model_checkpoint
    own = slow.client.fine_tuning.jobs.checkpoints.list(job_id).data
    assert [one.step_number for one in own] == [checkpoint.step_number]


def test_resumed_it_waits_as_resuming_and_goes_on_to_the_end(slow, held):
    client, job_id, _, _ = held
    first = client.fine_tuning.jobs.checkpoints.list(job_id).data[0]
    with http_client(slow) as http:
        assert put(http, "kept", first.id).status_code == 201
    assert client.fine_tuning.jobs.resume(job_id).status in ("resuming", "running")
    wait_until(lambda: client.fine_tuning.jobs.retrieve(job_id).status == "succeeded")
    steps = [
        one.step_number for one in client.fine_tuning.jobs.checkpoints.list(job_id).data
    ]
    # The last three, and the one that a deployment lets answer.
    assert len(steps) == 4
    assert steps[-1] == first.step_number
    folder = slow.settings.jobs / job_id / "checkpoints"
    assert (folder / f"step-{first.step_number}").is_dir()
    with pytest.raises(openai.BadRequestError, match="deployed as 'kept'"):
        client.models.delete(first.fine_tuned_model_checkpoint)
