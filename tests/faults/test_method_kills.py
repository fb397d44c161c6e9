"""kill -9 of the worker in the middle of preferences and of reinforcement."""

from __future__ import annotations

import pytest

from tests.provider.harness import events_of, served, wait_for_job, wait_until
from tests.provider.method_rows import HAS_A, as_jsonl, preferences, prompts


@pytest.fixture(scope="module")
def server(tmp_path_factory, tiny_llama):
    with served(tmp_path_factory.mktemp("methods"), tiny_llama) as server:
        yield server


def metrics_of(server, job_id: str) -> list[dict]:
    log = events_of(server.client, job_id)
    return [event.data for event in log if event.type == "metrics"]


def weights(server, job_id: str) -> bytes:
    folder = server.home / "jobs" / job_id / "checkpoints"
    newest = max(folder.iterdir(), key=lambda path: int(path.name.split("-")[1]))
    return (newest / "model.safetensors").read_bytes()


@pytest.mark.parametrize("method", ["dpo", "reinforcement"])
def test_a_killed_worker_costs_nothing_but_time(server, method):
    client = server.client
    if method == "dpo":
        rows, epochs = preferences(40), 3
        settings = {"hyperparameters": {"n_epochs": epochs, "batch_size": 1}}
    else:
        rows, epochs = prompts(10), 2
        for row in rows:  # short prompts and few answers: a step takes a moment only
            row["messages"] = [{"role": "user", "content": row["reference"]}]
        numbers = {"n_epochs": epochs, "batch_size": 1, "compute_multiplier": 0.25}
        settings = {"hyperparameters": numbers, "grader": HAS_A}
    content = ("rows.jsonl", as_jsonl(rows))
    file = client.files.create(file=content, purpose="fine-tune").id
    total = len(rows) * epochs

    def start() -> str:
        job = client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file,
            method={"type": method, method: settings},
            seed=11,
        )
        return job.id

    calm, killed = start(), start()
    assert wait_for_job(client, calm, 200).status == "succeeded"

    def under_way() -> bool:
        newest = client.fine_tuning.jobs.list_events(killed, limit=1).data[0]
        return newest.data.get("step", 0) >= 4

    wait_until(under_way, 200)
    assert client.fine_tuning.jobs.retrieve(killed).status == "running"
    server.worker().kill()
    assert wait_for_job(client, killed, 200).status == "succeeded"
    messages = [event.message for event in events_of(client, killed)]
    assert any("ended unexpectedly" in text for text in messages)
    expected = metrics_of(server, calm)
    assert metrics_of(server, killed) == expected
    assert [entry["step"] for entry in expected] == list(range(1, total + 1))
    assert weights(server, killed) == weights(server, calm)
