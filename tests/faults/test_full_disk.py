"""A disk that takes no more: clear answers, nothing half-written, and life goes on.

The limit is the operating system's own on the size of a file (RLIMIT_FSIZE), set from
outside on the running process, so the product knows nothing of the test.
"""

from __future__ import annotations

import json
import resource

import openai
import pytest

from tests.provider.harness import served, wait_for_job
from tests.provider.tiny_models import recipe_examples

UNLIMITED = resource.RLIM_INFINITY


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file beyond `size` bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


@pytest.fixture(scope="module")
def server(tmp_path_factory, tiny_llama):
    with served(tmp_path_factory.mktemp("full"), tiny_llama) as server:
        yield server


def upload(server, content: bytes):
    return server.client.files.create(file=content, purpose="fine-tune")


def blobs(server) -> set[str]:
    return {path.name for path in (server.home / "blobs").iterdir()}


def test_an_upload_that_does_not_fit_is_refused_and_leaves_nothing(server):
    before = blobs(server)
    listed = [file.id for file in server.client.files.list()]
    # The database may still grow; the upload is larger than all of it.
    limit_files(server.process.pid, 4_000_000)
    with pytest.raises(openai.BadRequestError) as caught:
        upload(server, b"x" * 6_000_000)
    limit_files(server.process.pid, UNLIMITED)
    assert caught.value.code == "insufficient_storage"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert blobs(server) == before
    assert [file.id for file in server.client.files.list()] == listed
    assert upload(server, b"x" * 6_000_000).bytes == 6_000_000


def test_a_job_whose_checkpoint_does_not_fit_fails_and_the_next_one_succeeds(server):
    rows = "\n".join(json.dumps(row) for row in recipe_examples(12)).encode()
    file = upload(server, rows)

    def run():
        job = server.client.fine_tuning.jobs.create(
            model="kitchen-base",
            training_file=file.id,
            hyperparameters={"n_epochs": 1},
        )
        return wait_for_job(server.client, job.id, 200)

    worker = server.worker().pid
    limit_files(worker, 20_000)
    job = run()
    limit_files(worker, UNLIMITED)
    assert job.status == "failed"
    assert job.error.code == "insufficient_storage"
    assert job.fine_tuned_model is None
    assert list(server.client.fine_tuning.jobs.checkpoints.list(job.id)) == []
    folder = server.home / "jobs" / job.id / "checkpoints"
    assert not list(folder.glob("step-*"))
    assert run().status == "succeeded"
