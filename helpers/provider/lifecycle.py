"""What happens in a job's life, as changes of the database and lines in its log.

Purpose: every transition of a job stands here once, with the very words that notebooks
in the wild look for. Each function works within the caller's transaction.
Sources: transcripts of OpenAI's tutorials (notes of 2026-11-22), openai-python 3.54.0.
It must never know about processes, HTTP or tensors.
"""

from __future__ import annotations

import math
from typing import Any

from helpers.provider import graders
from helpers.provider.ids import new_id
from helpers.provider.store import Job, Session

METRICS = (
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)
# Of preferences: share of pairs won, and by how much, beside OpenAI's fields.
PREFERENCE_METRICS = tuple(
    f"{part}_reward_{name}"
    for part in ("train", "valid", "full_valid")
    for name in ("accuracy", "margin")
)
# Of reinforcement, as in the example of OpenAI's guide (read 2026-11-23).
REWARD_METRICS = (
    "train_mean_reward",
    "full_valid_mean_reward",
    "full_valid_mean_parse_error",
    "completion_tokens_mean",
)
_REWARDS_IN_MESSAGE = {
    "train_mean_reward": "train mean reward",
    "full_valid_mean_reward": "full validation mean reward",
    "full_valid_mean_parse_error": "full validation mean parse error",
}
_IN_MESSAGE = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
}


class JobConflict(Exception):
    """The job's state does not allow what was asked."""


def say(
    session: Session,
    job: Job,
    now: int,
    message: str,
    *,
    level: str = "info",
    data: dict[str, Any] | None = None,
) -> None:
    """Append an event; one with data is a metrics event."""
    session.add_event(
        id=new_id("ftevent-"),
        job_id=job.id,
        created_at=now,
        level=level,
        type="message" if data is None else "metrics",
        message=message,
        data=data or {},
    )


def checkpoint_name(job: Job, step: int) -> str:
    """Return the model name of a checkpoint."""
    return f"{job.planned_name}:ckpt-step-{step}"


def finite(
    report: dict[str, Any], names: tuple[str, ...] = METRICS
) -> dict[str, float]:
    """Return the metrics of a report, leaving out what is missing or not a number."""
    return {
        name: report[name]
        for name in names
        if isinstance(report.get(name), int | float) and math.isfinite(report[name])
    }


def rewards(
    report: dict[str, Any], grader: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return what a step of reinforcement says, and its data.

    Args:
        report: the worker's report.
        grader: of the job.
    """
    metrics = finite(report, REWARD_METRICS)
    parts = [
        f"{words}={metrics[name]:.2f}"
        for name, words in _REWARDS_IN_MESSAGE.items()
        if name in metrics
    ]
    scores: dict[str, Any] = {}
    for part, mean in (("train", "train_mean"), ("valid", "full_valid_mean")):
        if f"{mean}_reward" in metrics:
            scores[f"{part}_reward_mean"] = metrics[f"{mean}_reward"]
    scores["graders"] = [
        {
            "name": name,
            "type": one.type,
            **{
                f"{part}_reward_mean": report[f"{part}_grader_rewards"][name]
                for part in ("train", "valid")
                if name in report.get(f"{part}_grader_rewards", {})
            },
        }
        for name, one in graders.parts(graders.parse(grader)).items()
    ]
    return ", ".join(parts), {**metrics, "scores": scores}


def created(session: Session, job: Job, now: int, stands_in: str | None) -> None:
    """Log the birth of a job."""
    say(session, job, now, f"Created fine-tuning job: {job.id}")
    if stands_in is not None:
        say(
            session,
            job,
            now,
            f"{job.model} is a hosted model: the local base model {stands_in} stands "
            "in for it and is what this job trains",
            level="warn",
        )
    if job.asked.get("reasoning_effort", "default") != "default":
        message = (
            "reasoning_effort has no effect: the models of this local provider answer "
            "without reasoning first"
        )
        say(session, job, now, message, level="warn")
    for integration in job.integrations:
        say(
            session,
            job,
            now,
            f"The integration '{integration['type']}' is not served by this local "
            "provider: metrics are in this job's events and result file only",
            level="warn",
        )
    message = f"Validating training file: {job.training_file}"
    if job.validation_file is not None:
        message += f" and validation file: {job.validation_file}"
    say(session, job, now, message)


def validated(session: Session, job: Job, now: int, resolved: dict[str, Any]) -> None:
    """Keep the numbers that "auto" became, and queue the job unless it is paused."""
    columns: dict[str, Any] = {"resolved": resolved}
    if job.state == "validating_files":
        columns["state"] = "queued"
    session.update_job(job.id, **columns)
    say(session, job, now, "Files validated, moving job to queued state")


def started(session: Session, job: Job, now: int, threads: int) -> Job:
    """Mark a job as running; only the first start is an event."""
    if job.started_at is None:
        say(session, job, now, "Fine-tuning job started")
    return session.update_job(
        job.id,
        state="running",
        started_at=job.started_at or now,
        # A job that goes on has to add up its numbers as it did before.
        threads=job.threads or threads,
    )


def stepped(
    session: Session, job: Job, now: int, report: dict[str, Any], finish: int | None
) -> Job:
    """Log one training step; one that was logged before is left out."""
    step, total = report["step"], report["total_steps"]
    if step <= job.last_step:
        return job
    if job.grader is not None:
        words, metrics = rewards(report, job.grader)
        # With a space before the comma, as OpenAI's own event has it.
        message = f"Step {step}/{total} , {words}"
    else:
        metrics = finite(report, (*METRICS, *PREFERENCE_METRICS))
        parts = [
            f"{words}={metrics[name]:.2f}"
            for name, words in _IN_MESSAGE.items()
            if name in metrics
        ]
        message = f"Step {step}/{total}: {', '.join(parts) or 'training loss=nan'}"
    data = {"step": step, "total_steps": total, **metrics}
    say(session, job, now, message, data=data)
    return session.update_job(
        job.id, last_step=step, total_steps=total, failures=0, estimated_finish=finish
    )


def resumed(session: Session, job: Job, now: int, step: int) -> None:
    """Log that training goes on from a saved state."""
    say(session, job, now, f"Training goes on from its saved state at step {step}")


def noted(session: Session, job: Job, now: int, report: dict[str, Any]) -> None:
    """Log what training has to say about the data, once however often it starts."""
    message = report["message"]
    if not session.has_said(job.id, message):
        say(session, job, now, message, level=report.get("level", "info"))


def checkpointed(
    session: Session,
    job: Job,
    now: int,
    report: dict[str, Any],
    folder: str,
    offered: int,
) -> tuple[Job, list[str]]:
    """Offer a checkpoint as a model; the last step's waits for the job's success.

    Args:
        session: the transaction.
        job: the job.
        now: Unix time.
        report: the worker's report.
        folder: the model's folder, relative to the folder of all jobs.
        offered: how many checkpoints are kept.

    Returns:
        The job and the folders of models that are not offered any more.
    """
    step = report["step"]
    metrics = {"step": step, **finite(report.get("metrics") or {})}
    if step == job.total_steps:
        final = {"step": step, "folder": folder, "metrics": metrics}
        return session.update_job(job.id, final_checkpoint=final), []
    if (known := session.checkpoint_at(job.id, step)) is not None:
        # A pause while an epoch was measured offers its model before the measure.
        session.add_metrics(known, metrics)
        # Training that went back to its saved state came by here again, and wrote
        # anew what had been withdrawn meanwhile.
        return job, [] if session.model(known.model) is not None else [folder]
    name = checkpoint_name(job, step)
    _offer(session, job, now, name, step, folder, metrics)
    message = f"Checkpoint created at step {step} with Snapshot ID: {name}"
    say(session, job, now, message)
    return job, _withdraw_old(session, job, now, offered)


def _offer(
    session: Session,
    job: Job,
    now: int,
    name: str,
    step: int,
    folder: str,
    metrics: dict[str, float],
) -> None:
    session.add_model(name=name, created_at=now, job_id=job.id, folder=folder)
    session.add_checkpoint(
        id=new_id("ftckpt_"),
        job_id=job.id,
        created_at=now,
        step=step,
        model=name,
        metrics=metrics,
    )


def _withdraw_old(session: Session, job: Job, now: int, offered: int) -> list[str]:
    old = session.models_of_job(job.id)[:-offered]
    # A deployment may let one of them answer, and none may be pulled from under it.
    old = [model for model in old if not session.is_deployed(model.name, now)]
    session.delete_models(model.name for model in old)
    return [model.folder for model in old]


def succeeded(
    session: Session,
    job: Job,
    now: int,
    *,
    trained_tokens: int,
    result_file: str,
    offered: int,
) -> list[str]:
    """Offer the fine-tuned model and end the job well.

    Returns:
        The folders of models that are not offered any more.
    """
    final = job.final_checkpoint
    name = job.planned_name
    _offer(session, job, now, name, final["step"], final["folder"], final["metrics"])
    session.update_job(
        job.id,
        state="succeeded",
        finished_at=now,
        estimated_finish=None,
        fine_tuned_model=name,
        result_file=result_file,
        trained_tokens=trained_tokens,
    )
    say(session, job, now, f"New fine-tuned model created: {name}")
    say(session, job, now, "The job has successfully completed")
    return _withdraw_old(session, job, now, offered)


def failed(
    session: Session, job: Job, now: int, code: str, message: str, param: str | None
) -> None:
    """End a job with an error."""
    session.update_job(
        job.id,
        state="failed",
        finished_at=now,
        estimated_finish=None,
        error={"code": code, "message": message, "param": param},
    )
    say(session, job, now, message, level="error")


def cancel(session: Session, job: Job, now: int) -> Job:
    """End a job because its owner says so; the worker stops within a step.

    Raises:
        JobConflict: the job has ended already.
    """
    if job.is_final:
        raise JobConflict(f"Job has already completed: {job.id}")
    say(session, job, now, "Fine-tuning job cancelled")
    return session.update_job(
        job.id, state="cancelled", finished_at=now, estimated_finish=None
    )


def pause(session: Session, job: Job, now: int) -> Job:
    """Hold a job: one that waits at once, one that trains after its current step.

    Pausing a paused job changes nothing, since clients repeat requests.

    Raises:
        JobConflict: the job has ended already.
    """
    if job.is_final:
        raise JobConflict(f"Job has already completed: {job.id}")
    if job.state in ("pausing", "paused"):
        return job
    if job.state == "running":
        return session.update_job(job.id, state="pausing")
    return paused(session, job, now)


def paused(session: Session, job: Job, now: int) -> Job:
    """Note that nothing more happens until the job is resumed."""
    say(session, job, now, "Job paused")
    return session.update_job(
        job.id, state="paused", queue_position=None, estimated_finish=None
    )


def resume(session: Session, job: Job, now: int) -> Job:
    """Let a paused job go on, behind those that wait already.

    Raises:
        JobConflict: the job has ended, or is not paused.
    """
    if job.is_final:
        raise JobConflict(f"Job has already completed: {job.id}")
    if job.state not in ("pausing", "paused"):
        raise JobConflict(f"Job is not paused: {job.id} (status: {job.state})")
    say(session, job, now, "Job resumed")
    if job.state == "pausing":
        return session.update_job(job.id, state="running")
    state = "validating_files" if job.resolved is None else "queued"
    position = session.next_queue_position()
    return session.update_job(job.id, state=state, queue_position=position)
