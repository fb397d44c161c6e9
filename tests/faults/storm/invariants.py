"""What must hold after every run, whatever happened in it.

A torn database is the one case in which less can be promised: commits that a disk
acknowledged and then lost are lost. What is left must be whole and consistent all the
same, every job that is left must come to its end, and with the right weights.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

import psutil

from tests.faults.storm.plan import JobKind
from tests.faults.storm.servers import processes_of
from tests.faults.storm.world import FINAL, QUESTION, World, fault_of_model

IDLE_SECONDS = 0.3


@dataclass(frozen=True)
class Reference:
    """How a job ends that nobody disturbs."""

    weights: bytes
    metrics: list[dict]


def check_served(world: World, references: dict[JobKind, Reference]) -> None:
    """Check what the API says when all is over and the server still runs."""
    client = world.client()
    made = [job_id for job_id, _ in world.jobs]
    there = [job.id for job in client.fine_tuning.jobs.list(limit=100)]
    lost, unknown = set(made) - set(there), set(there) - set(made)
    if lost and not world.forgetful:
        world.blame(f"jobs are lost: {lost}")
    if (unknown and not world.forgetful) or len(there) != len(set(there)):
        world.blame(f"jobs nobody created, or twice: {unknown or there}")
    for job_id, kind in world.jobs:
        if job_id in there:
            _check_job(world, job_id, kind, references[kind])
    for model in client.models.list():
        if model.id.startswith("ft:"):
            client.chat.completions.create(
                model=model.id, messages=QUESTION, max_tokens=1
            )
    _check_idle(world)


def _check_job(world: World, job_id: str, kind: JobKind, reference: Reference) -> None:
    client = world.client()
    job = client.fine_tuning.jobs.retrieve(job_id)
    log = list(client.fine_tuning.jobs.list_events(job_id, limit=1000))[::-1]
    seen = world.events[job_id]
    if not world.forgetful and [e.id for e in seen] != [e.id for e in log][: len(seen)]:
        world.blame(f"{job_id}: who followed along saw other events than the list has")
    metrics = [event.data for event in log if event.type == "metrics"]
    if metrics != reference.metrics[: len(metrics)]:
        steps = [entry["step"] for entry in metrics]
        world.blame(f"{job_id}: steps or numbers differ from undisturbed ones: {steps}")
    _check_log(world, job_id, job.status, [event.message for event in log])
    if job.status == "succeeded":
        if len(metrics) != kind.steps:
            world.blame(f"{job_id}: {len(metrics)} of {kind.steps} steps are told")
        folder = world.job_folder(job_id) / "checkpoints" / f"step-{kind.steps}"
        if (folder / "model.safetensors").read_bytes() != reference.weights:
            world.blame(f"{job_id}: the weights differ from the undisturbed ones")
        if job.fine_tuned_model not in {model.id for model in client.models.list()}:
            world.blame(f"{job_id} succeeded, and its model is not listed")
        if len(client.files.content(job.result_files[0]).read()) == 0:
            world.blame(f"{job_id}: its result file is empty")
    elif not _may_end_so(world, job):
        world.blame(f"{job_id} ended as {job.status}: {job.error}")


def _may_end_so(world: World, job) -> bool:
    faults = world.plan.faults
    if job.status == "cancelled":
        return "cancel" in faults
    full = "disk full, worker" in faults or world.disk_was_full
    return job.status == "failed" and full and job.error.code == "insufficient_storage"


def _check_log(world: World, job_id: str, status: str, messages: list[str]) -> None:
    ends = [
        message
        for message in messages
        if message == "The job has successfully completed"
        or message == "Fine-tuning job cancelled"
        or message.startswith("The job failed")
    ]
    if len(ends) != 1 or messages[-1] != ends[0]:
        world.blame(f"{job_id} is {status}, and its log ends {len(ends)} times: {ends}")
    for once in ("Created fine-tuning job", "Files validated", "Fine-tuning job star"):
        if sum(message.startswith(once) for message in messages) > 1:
            world.blame(f"{job_id}: '{once}...' is in its log more than once")
    snapshots = [text for text in messages if text.startswith("Checkpoint created")]
    if len(snapshots) != len(set(snapshots)):
        world.blame(f"{job_id}: a checkpoint was created twice")


def _check_idle(world: World) -> None:
    """A server with nothing to do does nothing: no answer goes on for a gone client."""
    process = psutil.Process(world.server.pid)
    # Models that were just loaded are warmed up first.
    for _ in range(20):
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        if sum(process.cpu_times()[:2]) - before < 0.3 * IDLE_SECONDS:
            return
    world.blame("the server computes although nobody asks it anything")


def check_left_behind(world: World) -> None:
    """Check the folder after an orderly stop: all of it is known, nothing is torn."""
    home = world.home
    with closing(sqlite3.connect(home / "store.sqlite3")) as database:
        (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            world.blame(f"the database is not whole: {verdict}")
        if database.execute("PRAGMA foreign_key_check").fetchall():
            world.blame("the database refers to rows that are not there")
        blobs = dict(
            database.execute("SELECT blob, bytes FROM files WHERE deleted_at IS NULL")
        )
        models = [row[0] for row in database.execute("SELECT folder FROM models")]
        states = dict(database.execute("SELECT id, state FROM jobs"))
    on_disk = {path.name: path.stat().st_size for path in (home / "blobs").iterdir()}
    if on_disk != blobs:
        differ = set(on_disk.items()) ^ set(blobs.items())
        world.blame(f"contents on disk and files in the database differ: {differ}")
    folders = {
        path.relative_to(home / "jobs").as_posix()
        for path in home.glob("jobs/*/checkpoints/*")
    }
    if folders != set(models):
        world.blame(f"model folders and models differ: {folders ^ set(models)}")
    for folder in models:
        if fault := fault_of_model(home / "jobs" / folder):
            world.blame(f"the model in {folder}: {fault}")
    for path in home.rglob("*"):
        if path.name.endswith((".part", ".tmp", ".removed")):
            world.blame(f"left behind: {path.relative_to(home)}")
        if path.name == "state" and states.get(path.parent.name) in FINAL:
            world.blame(f"left behind: {path.relative_to(home)}")
    if left := processes_of(home):
        world.blame(f"training processes outlived their server: {left}")
