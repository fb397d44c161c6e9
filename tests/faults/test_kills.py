"""kill -9 of the worker and of the server: the job ends with the very same weights."""

from __future__ import annotations

import json

import pytest

from tests.provider.harness import Served, served, wait_for_job, wait_until
from tests.provider.tiny_models import recipe_examples

EPOCHS, ROWS = 8, 40


def start_job(server) -> str:
    rows = "\n".join(json.dumps(row) for row in recipe_examples(ROWS)).encode()
    file = server.client.files.create(file=rows, purpose="fine-tune")
    job = server.client.fine_tuning.jobs.create(
        model="kitchen-base",
        training_file=file.id,
        validation_file=file.id,
        hyperparameters={"n_epochs": EPOCHS, "batch_size": 1},
        seed=11,
    )
    return job.id


def events(server, job_id: str) -> list:
    return list(server.client.fine_tuning.jobs.list_events(job_id, limit=2000))[::-1]


def steps(server, job_id: str) -> list[int]:
    return [e.data["step"] for e in events(server, job_id) if e.type == "metrics"]


def wait_for_step(server, job_id: str, step: int) -> None:
    def there():
        newest = server.client.fine_tuning.jobs.list_events(job_id, limit=1).data[0]
        return newest.data.get("step", 0) >= step

    wait_until(there, 60)


def weights(server, job_id: str) -> bytes:
    folder = server.home / "jobs" / job_id / "checkpoints" / f"step-{EPOCHS * ROWS}"
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny_llama):
    """Weights and metrics of the job when nobody kills anything."""
    with served(tmp_path_factory.mktemp("undisturbed"), tiny_llama) as server:
        job_id = start_job(server)
        assert wait_for_job(server.client, job_id, 120).status == "succeeded"
        metrics = [e.data for e in events(server, job_id) if e.type == "metrics"]
        return weights(server, job_id), metrics


def check(server, job_id: str, undisturbed, pauses: int = 0) -> None:
    """Nothing lost, nothing doubled, in order, and the same numbers to the last bit."""
    job = wait_for_job(server.client, job_id, 120)
    assert job.status == "succeeded", job.error
    log = events(server, job_id)
    metrics = [event.data for event in log if event.type == "metrics"]
    assert metrics == undisturbed[1]
    assert [entry["step"] for entry in metrics] == list(range(1, EPOCHS * ROWS + 1))
    messages = [event.message for event in log]
    for once in ("Fine-tuning job started", "The job has successfully completed"):
        assert messages.count(once) == 1
    snapshots = [text for text in messages if text.startswith("Checkpoint created")]
    assert len(snapshots) == len(set(snapshots))
    # A pause offers the model of its step, which may be that of an epoch.
    assert EPOCHS - 1 <= len(snapshots) <= EPOCHS - 1 + pauses
    assert weights(server, job_id) == undisturbed[0]


def test_a_killed_worker_costs_nothing_but_time(tmp_path, tiny_llama, undisturbed):
    with served(tmp_path / "home", tiny_llama) as server:
        job_id = start_job(server)
        for step in (60, 170):
            wait_for_step(server, job_id, step)
            server.worker().kill()
        check(server, job_id, undisturbed)


def test_a_killed_server_costs_nothing_but_time(tmp_path, tiny_llama, undisturbed):
    home = tmp_path / "home"
    home.mkdir()
    server = Served(home, tiny_llama).start()
    job_id = start_job(server)
    states = 0  # a fast machine comes this far before the first state is saved
    for step in (50, 150):
        wait_for_step(server, job_id, step)
        worker = server.worker()
        server.kill()
        # Training must not go on behind the back of the next server.
        wait_until(lambda worker=worker: not worker.is_running())
        states += any((home / "jobs" / job_id / "state").glob("*.json"))
        server = Served(home, tiny_llama).start()
    try:
        check(server, job_id, undisturbed)
        messages = [event.message for event in events(server, job_id)]
        resumed = [text for text in messages if "goes on from its saved state" in text]
        assert len(resumed) == states
    finally:
        server.stop()


def test_a_paused_and_a_stopped_job_end_with_the_same_weights(
    tmp_path, tiny_llama, undisturbed
):
    home = tmp_path / "home"
    with served(home, tiny_llama) as server:
        job_id = start_job(server)
        wait_for_step(server, job_id, 50)
        server.client.fine_tuning.jobs.pause(job_id)
        wait_for_job(server.client, job_id, 200, "paused")
        standing = steps(server, job_id)
        server.client.fine_tuning.jobs.resume(job_id)
        wait_for_step(server, job_id, standing[-1] + 60)
    with served(home, tiny_llama) as server:
        check(server, job_id, undisturbed, pauses=1)
