"""A provider's folder with a long history, written through the store's own functions.

Used by the test of a long history and by benchmarks/bench_limits.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.provider import lifecycle
from helpers.provider.blobs import BlobStore
from helpers.provider.home import prepare
from helpers.provider.ids import new_id, random_text
from helpers.provider.settings import Settings
from helpers.provider.store import Session, Store
from tests.provider.harness import jsonl

STEPS, EPOCHS = 30, 3
JOBS_A_COMMIT = 100
START = 1_700_000_000  # Unix time of the first job
RESULT = b"step,train_loss\n1,0.5\n"
HYPERPARAMETERS = {
    "n_epochs": EPOCHS,
    "batch_size": 1,
    "learning_rate_multiplier": 1.0,
}


def write_history(home: Path, model: Path, jobs: int) -> list[str]:
    """Write jobs that have succeeded, with files, events, checkpoints and models.

    Args:
        home: the provider's folder; it is made.
        model: a model folder; each checkpoint links to its files.
        jobs: how many.

    Returns:
        The ids of the jobs, oldest first.
    """
    prepare(home)
    settings = Settings(home=home)
    store = Store(settings.database)
    blobs = BlobStore(settings.blobs)
    content = jsonl()
    blob, ids = blobs.write(content), []
    with store.write() as session:
        file = session.add_file(
            id=new_id("file-"),
            bytes=len(content),
            created_at=START,
            filename="recipes.jsonl",
            purpose="fine-tune",
            blob=blob,
        )
    for first in range(0, jobs, JOBS_A_COMMIT):
        with store.write() as session:
            for number in range(first, min(first + JOBS_A_COMMIT, jobs)):
                ids.append(_add_job(session, settings, model, number, file.id))
    store.close()
    return ids


def _add_job(
    session: Session, settings: Settings, model: Path, number: int, file_id: str
) -> str:
    now, job_id = START + 100 * number, new_id("ftjob-")
    # A thousand flushes to the disk would take longer than all the rest.
    result = random_text(32)
    (settings.blobs / result).write_bytes(RESULT)
    job = session.add_job(
        id=job_id,
        created_at=now,
        model="kitchen-base",
        trained_model="kitchen-base",
        planned_name=f"ft:kitchen-base:local::{random_text(8)}",
        training_file=file_id,
        validation_file=None,
        method="supervised",
        asked=HYPERPARAMETERS,
        seed=number,
        integrations=[],
        metadata={"number": str(number)},
        state="validating_files",
        request_hash=random_text(64),
    )
    lifecycle.created(session, job, now, None)
    lifecycle.validated(session, job, now, HYPERPARAMETERS)
    job = lifecycle.started(session, session.job(job_id), now, 1)
    for step in range(1, STEPS + 1):
        report = {"step": step, "total_steps": STEPS, "train_loss": 1 / step}
        job = lifecycle.stepped(session, job, now, report, None)
        if step % (STEPS // EPOCHS) == 0:
            folder = settings.jobs / job_id / "checkpoints" / f"step-{step}"
            shutil.copytree(model, folder, copy_function=_link)
            job, _ = lifecycle.checkpointed(
                session,
                job,
                now,
                {"step": step, "metrics": report},
                folder.relative_to(settings.jobs).as_posix(),
                EPOCHS,
            )
    outcome = session.add_file(
        id=new_id("file-"),
        bytes=len(RESULT),
        created_at=now,
        filename="step_metrics.csv",
        purpose="fine-tune-results",
        blob=result,
    )
    lifecycle.succeeded(
        session,
        job,
        now,
        trained_tokens=1000,
        result_file=outcome.id,
        offered=EPOCHS,
    )
    return job_id


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
