"""Fine-tuning jobs: create, watch, cancel, pause, resume, events, checkpoints."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider import graders, lifecycle, views
from helpers.provider.azure.deployments import TRAINING_TYPE
from helpers.provider.blobs import DiskFull
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import (
    ApiError,
    from_validation,
    invalid,
    no_such_job,
    not_served,
    path_of,
)
from helpers.provider.hyperparameters import RL_BATCH, samples_per_prompt
from helpers.provider.ids import new_id, random_text
from helpers.provider.model_folders import job_bytes, room_for_job
from helpers.provider.models import HOSTED, ModelEntry
from helpers.provider.routes.following import (
    job_at_its_end,
    stream_of_events,
    wants_stream,
)
from helpers.provider.routes.generating import unless_gone
from helpers.provider.routes.paging import limit_of, metadata_filter, page_or_error
from helpers.provider.routes.retrying import retries
from helpers.provider.runner import JobConflict, NoSuchJob
from helpers.provider.schemas import LARGEST_SEED, CreateJob, RewardMethod
from helpers.provider.settings import ORGANIZATION, Limits
from helpers.provider.store import FINAL_STATES, Job, Session

router = APIRouter(prefix="/fine_tuning/jobs")
Here = Annotated[Provider, Depends(provider_of)]

_LIMITS = Limits()
DEFAULT_JOBS, DEFAULT_EVENTS, DEFAULT_CHECKPOINTS = 20, 20, 10


@router.post("")
def create_job(request: Request, payload: CreateJob, here: Here) -> Response:
    """Create a job; the same request sent again makes no second one."""
    asked = json.dumps(payload.model_dump(mode="json"), sort_keys=True)
    request_hash = hashlib.sha256(asked.encode()).hexdigest()
    key = _idempotency_key(request, here)
    with here.store.read() as session:
        known = _known_job(session, here, request, key, request_hash)
    if known is not None:
        return views.answer(views.job_view(known))
    model = _check(here, payload)
    _check_space(here, payload, model)
    with here.store.write() as session:
        known = _known_job(session, here, request, key, request_hash)
        if known is not None:
            return views.answer(views.job_view(known))
        _check_files(session, payload)
        _check_queue(session, here)
        # Its place is that of its coming, however long its files take to be read.
        place = session.next_queue_position()
        columns = _columns(payload, model, request_hash)
        job = session.add_job(queue_position=place, **columns)
        stands_in = model.really if model.kind == HOSTED else None
        lifecycle.created(session, job, now(), stands_in)
        session.keep_training_type(job.id, request.scope.get(TRAINING_TYPE))
        if key:
            session.keep_key(key, request_hash, job.id, now())
    here.runner.submit(job)
    return views.answer(views.job_view(job))


def _idempotency_key(request: Request, here: Provider) -> str | None:
    key = request.headers.get("idempotency-key")
    most = here.settings.limits.idempotency_key_characters
    if key is not None and len(key) > most:
        raise ApiError(
            400,
            f"The header Idempotency-Key has {len(key)} characters; expected at most "
            f"{most}, for example those of a UUID.",
            code="invalid_idempotency_key",
        )
    return key or None


def _known_job(
    session: Session, here: Provider, request: Request, key: str | None, digest: str
) -> Job | None:
    """Return the job that this request made when it was sent before."""
    limits = here.settings.limits
    if key:
        known = session.job_of_key(key, now() - limits.idempotency_seconds)
        if known is None:
            return None
        if known[0] != digest:
            raise ApiError(
                400,
                "This Idempotency-Key was used for a request with another body. Use a "
                "new key for a new request.",
                code="idempotency_key_reused",
            )
        return known[1]
    if retries(request) > 0:
        return session.job_of_request(digest, now() - limits.retry_window_seconds)
    return None


def _check(here: Provider, payload: CreateJob) -> ModelEntry:
    """Return the model to train, or raise what is wrong with the request."""
    if payload.method_type == "reinforcement":
        _check_rewards(payload.method.reinforcement)
    model = here.registry.find(payload.model)
    if model is None:
        raise invalid(
            f"Model {payload.model} is not available for fine-tuning or does not "
            "exist.",
            "model",
            "model_not_available",
        )
    return model


def _check_space(here: Provider, payload: CreateJob, model: ModelEntry) -> None:
    asked = payload.asked().n_epochs
    # Checkpoints need room; a full disk is said now, not in the middle.
    needed = job_bytes(model.path, asked if isinstance(asked, int) else None)
    try:
        here.blobs.check_space(needed)
    except DiskFull as fault:
        words = room_for_job(model.name, needed)
        raise ApiError(400, words, code="insufficient_storage") from fault


def _check_rewards(wanted: RewardMethod) -> None:
    """Refuse a reinforcement job that could not be run here."""
    place = ("method", "reinforcement")
    if wanted.response_format is not None:
        raise not_served("A response format", ".".join([*place, "response_format"]))
    try:
        graders.check_servable(
            graders.parse(wanted.grader, (*place, "grader")), (*place, "grader")
        )
    except graders.InvalidGrader as fault:
        problem = fault.problem
        raise from_validation({**problem, "loc": ("body", *problem["loc"])}) from fault
    except graders.NotServed as fault:
        raise ApiError(
            400,
            str(fault),
            param=path_of(("body", *fault.place)),
            code="unsupported_grader",
        ) from fault
    numbers = wanted.hyperparameters
    if numbers is None:
        return
    asked = {"batch_size": RL_BATCH, "compute_multiplier": 1.0}
    asked |= {k: v for k, v in numbers.model_dump().items() if v != "auto"}
    samples = samples_per_prompt(asked["compute_multiplier"])
    if (drawn := asked["batch_size"] * samples) > _LIMITS.rollouts_in_a_step:
        raise invalid(
            f"A step would draw {drawn} answers ({asked['batch_size']} prompts, "
            f"{samples} answers each), but this provider draws at most "
            f"{_LIMITS.rollouts_in_a_step}. Lower 'batch_size' or "
            "'compute_multiplier'.",
            "method.reinforcement.hyperparameters",
            "invalid_value",
        )


def _check_files(session: Session, payload: CreateJob) -> None:
    for param in ("training_file", "validation_file"):
        file_id = getattr(payload, param)
        if file_id is None:
            continue
        file = session.file(file_id, now())
        if file is None:
            raise invalid(f"invalid {param}: {file_id}", param, f"invalid_{param}")
        if file.purpose != "fine-tune":
            raise invalid(
                f"File '{file_id}' has the purpose '{file.purpose}', but must have "
                "the purpose 'fine-tune'. Upload it again with that purpose.",
                param,
                "invalid_file_purpose",
            )


def _check_queue(session: Session, here: Provider) -> None:
    counts = session.count_jobs()
    most = here.settings.limits.jobs
    # A job that was deleted keeps its row, for the models that it made.
    if session.all_jobs() >= most:
        raise ApiError(
            400,
            f"This provider keeps {most} fine-tuning jobs, the most that it can. Start "
            "one with another folder (--home) for new ones.",
            code="too_many_jobs",
        )
    waiting = sum(n for state, n in counts.items() if state not in FINAL_STATES)
    if waiting >= here.settings.limits.unfinished_jobs:
        raise ApiError(
            429,
            f"{waiting} fine-tuning jobs have not ended yet, the most that this "
            "provider keeps. Wait for some of them or cancel them.",
            type="rate_limit_error",
            code="rate_limit_exceeded",
        )


def name_part(text: str | None) -> str:
    """Return a suffix as it stands in a model name: letters, digits, "-", "_", "."."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text or "").strip("-")


def _grader(payload: CreateJob) -> dict[str, Any] | None:
    """Return the grader as it was understood, of a reinforcement job."""
    if payload.method_type != "reinforcement":
        return None
    return graders.shown(graders.parse(payload.method.reinforcement.grader))


def _columns(
    payload: CreateJob, model: ModelEntry, request_hash: str
) -> dict[str, Any]:
    # A fine-tuned model that is trained further keeps the name of its own base.
    base = payload.model
    if base.startswith("ft:"):
        base = base.split(":")[1]
    suffix = name_part(payload.suffix)
    seed = payload.seed
    return {
        "id": new_id("ftjob-"),
        "created_at": now(),
        "model": payload.model,
        "trained_model": model.really,
        "planned_name": f"ft:{base}:{ORGANIZATION}:{suffix}:{random_text(8)}",
        "training_file": payload.training_file,
        "validation_file": payload.validation_file,
        "method": payload.method_type,
        "grader": _grader(payload),
        "asked": payload.asked().model_dump(),
        "seed": secrets.randbelow(LARGEST_SEED + 1) if seed is None else seed,
        "integrations": [
            item.model_dump(exclude_none=True) for item in payload.integrations or []
        ],
        "metadata": payload.metadata,
        "state": "validating_files",
        "request_hash": request_hash,
    }


@router.get("")
def list_jobs(
    request: Request,
    here: Here,
    limit: str | None = None,
    after: str | None = None,
) -> Response:
    """List jobs, newest first, filtered by `metadata[key]=value`."""
    wanted, without = metadata_filter(request)
    size = limit_of(limit, DEFAULT_JOBS, here.settings.limits.list_jobs)
    with here.store.read() as session:
        page = page_or_error(
            lambda: session.list_jobs(
                limit=size,
                after=after,
                metadata=wanted,
                without_metadata=without,
            ),
            after,
        )
    shown = [views.job_view(job) for job in page.rows]
    return views.answer(views.page_view(page, shown, ids=False))


def _find(session: Session, job_id: str) -> Job:
    job = session.shown_job(job_id)
    if job is None:
        raise no_such_job(job_id)
    return job


@router.get("/{job_id}")
async def retrieve_job(job_id: str, request: Request, here: Here) -> Response:
    """Show one job; with --hold-retrieve as soon as it has ended, but not for ever."""
    held = here.settings.hold_retrieve_seconds
    job = await unless_gone(request, job_at_its_end(here, job_id, held))
    if job is None:
        raise no_such_job(job_id)
    told = here.settings.tell_paused
    return views.answer(views.job_view(job, true_state=told))


def _change(here: Provider, request: Request, job_id: str, action: str) -> Response:
    try:
        job = getattr(here.runner, action)(job_id)
    except NoSuchJob as fault:
        raise no_such_job(job_id) from fault
    except JobConflict as fault:
        job = _done_before(here, request, job_id, action)
        if job is None:
            raise ApiError(400, str(fault), code="invalid_job_state") from fault
    return views.answer(views.job_view(job))


def _done_before(
    here: Provider, request: Request, job_id: str, action: str
) -> Job | None:
    """Return the job if the client only repeats what it has done already."""
    if retries(request) == 0:
        return None
    with here.store.read() as session:
        job = session.job(job_id)
    done = {
        "cancel": ("cancelled",),
        "resume": ("validating_files", "queued", "running"),
    }
    return job if job.state in done.get(action, ()) else None


@router.post("/{job_id}/cancel")
def cancel_job(job_id: str, request: Request, here: Here) -> Response:
    """End a job."""
    return _change(here, request, job_id, "cancel")


@router.post("/{job_id}/pause")
def pause_job(job_id: str, request: Request, here: Here) -> Response:
    """Hold a job."""
    return _change(here, request, job_id, "pause")


@router.post("/{job_id}/resume")
def resume_job(job_id: str, request: Request, here: Here) -> Response:
    """Let a paused job go on."""
    return _change(here, request, job_id, "resume")


@router.get("/{job_id}/events")
async def list_events(
    job_id: str,
    request: Request,
    here: Here,
    limit: str | None = None,
    after: str | None = None,
    stream: str | None = None,
) -> Response:
    """List a job's events, newest first, or stream them, oldest first."""
    size = limit_of(limit, DEFAULT_EVENTS, here.settings.limits.list_events)
    if not wants_stream(request, stream):
        return await run_in_threadpool(_event_list, here, job_id, size, after)
    if await job_at_its_end(here, job_id, 0) is None:
        raise no_such_job(job_id)
    # A client that was cut off names the last event that it has seen.
    last_seen = after or request.headers.get("last-event-id") or None
    return await stream_of_events(here, job_id, last_seen)


def _event_list(here: Provider, job_id: str, size: int, after: str | None) -> Response:
    with here.store.read() as session:
        _find(session, job_id)
        page = page_or_error(
            lambda: session.list_events(job_id, limit=size, after=after), after
        )
    shown = [views.event_view(event) for event in page.rows]
    return views.answer(views.page_view(page, shown, ids=False))


@router.get("/{job_id}/checkpoints")
def list_checkpoints(
    job_id: str, here: Here, limit: str | None = None, after: str | None = None
) -> Response:
    """List the checkpoints that are offered as models, newest first."""
    size = limit_of(limit, DEFAULT_CHECKPOINTS, here.settings.limits.list_jobs)
    with here.store.read() as session:
        _find(session, job_id)
        page = page_or_error(
            lambda: session.list_checkpoints(job_id, limit=size, after=after), after
        )
    shown = [views.checkpoint_view(item) for item in page.rows]
    return views.answer(views.page_view(page, shown, ids=True))
