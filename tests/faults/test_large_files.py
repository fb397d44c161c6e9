"""Large files go in and out in flat memory, and a large validation can be stopped.

The sizes are a tenth of what is allowed; `benchmarks/bench_limits.py` does it with
files of 512 MiB.
"""

from __future__ import annotations

import hashlib
import time

import psutil
import pytest

from tests.provider.harness import jsonl, served, wait_for_job

MEBIBYTE = 1024 * 1024
SIZE = 48 * MEBIBYTE
GROWTH = 32 * MEBIBYTE


@pytest.fixture(scope="module")
def server(tmp_path_factory, tiny_llama):
    with served(tmp_path_factory.mktemp("large"), tiny_llama) as server:
        # What is loaded once is no growth.
        server.client.files.create(file=jsonl(), purpose="fine-tune")
        server.client.chat.completions.create(
            model="kitchen-base",
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=1,
        )
        yield server


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A valid training file of the size, short examples by the hundred thousand."""
    path = tmp_path_factory.mktemp("file") / "large.jsonl"
    block = jsonl(2000) + b" " * 4000 + b"\n"
    with path.open("wb") as file:
        while file.tell() < SIZE:
            file.write(block)
    return path


def memory(server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


def test_a_large_file_goes_in_and_out_in_flat_memory(server, large, tmp_path):
    before = memory(server)
    most = [before]
    with large.open("rb") as content:
        file = server.client.files.create(file=content, purpose="fine-tune")
    most.append(memory(server))
    digest = hashlib.sha256()
    files = server.client.files.with_streaming_response
    with files.content(file.id) as answer:
        for piece in answer.iter_bytes(MEBIBYTE):
            digest.update(piece)
            most.append(memory(server))
    assert digest.hexdigest() == hashlib.sha256(large.read_bytes()).hexdigest()
    assert max(most) - before < GROWTH


def test_a_large_validation_is_cancelled_at_once_and_holds_up_nobody(server, large):
    client = server.client
    with large.open("rb") as content:
        file = client.files.create(file=content, purpose="fine-tune")
    before = memory(server)

    def create(file_id: str):
        return client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file_id,
            hyperparameters={"n_epochs": 1},
        )

    job = create(file.id)
    time.sleep(0.3)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "validating_files"
    assert memory(server) - before < GROWTH
    small = client.files.create(file=jsonl(), purpose="fine-tune")
    other = create(small.id)
    client.fine_tuning.jobs.cancel(job.id)
    began = time.monotonic()
    states = ("queued", "running", "succeeded")
    wait_for_job(client, other.id, 60, *states)
    # The whole file takes the validation several seconds.
    assert time.monotonic() - began < 1.5
    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"
    client.fine_tuning.jobs.cancel(other.id)
