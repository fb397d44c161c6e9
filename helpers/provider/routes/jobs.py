"""Fine-tuning jobs: create, watch, cancel, pause, resume, events, checkpoints."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from helpers.provider import lifecycle, views
from helpers.provider.azure.deployments import TRAINING_TYPE
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import (
    ApiError,
    invalid,
    no_such_job,
    not_served,
)
from helpers.provider.ids import new_id, random_text
from helpers.provider.models import HOSTED, ModelEntry
from helpers.provider.routes.paging import limit_of, metadata_filter, page_or_error
from helpers.provider.routes.retrying import retries
from helpers.provider.runner import JobConflict, NoSuchJob
from helpers.provider.schemas import LARGEST_SEED, CreateJob
from helpers.provider.settings import ORGANIZATION
from helpers.provider.store import FINAL_STATES, Job, Session

router = APIRouter(prefix="/fine_tuning/jobs")
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_JOBS, DEFAULT_EVENTS, DEFAULT_CHECKPOINTS = 20, 20, 10


@router.post("")
def create_job(request: Request, payload: CreateJob, here: Here) -> Response:
    """Create a job; the same request sent again makes no second one."""
    asked = json.dumps(payload.model_dump(mode="json"), sort_keys=True)
    request_hash = hashlib.sha256(asked.encode()).hexdigest()
    key = request.headers.get("idempotency-key")
    with here.store.read() as session:
        known = _known_job(session, here, request, key, request_hash)
    if known is not None:
        return views.answer(views.job_view(known))
    model = _check(here, payload)
    # Checkpoints will need room; a full disk is said now, not in the middle.
    here.blobs.check_space(0)
    with here.store.write() as session:
        known = _known_job(session, here, request, key, request_hash)
        if known is not None:
            return views.answer(views.job_view(known))
        _check_files(session, payload)
        _check_queue(session, here)
        job = session.add_job(**_columns(payload, model, request_hash))
        stands_in = model.really if model.kind == HOSTED else None
        lifecycle.created(session, job, now(), stands_in)
        session.keep_training_type(job.id, request.scope.get(TRAINING_TYPE))
        if key:
            session.keep_key(key, request_hash, job.id, now())
    here.runner.submit(job)
    return views.answer(views.job_view(job))


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
    if payload.method is not None and payload.method.type != "supervised":
        raise not_served(f"The method '{payload.method.type}'", "method.type")
    model = here.registry.find(payload.model)
    if model is None:
        raise invalid(
            f"Model {payload.model} is not available for fine-tuning or does not "
            "exist.",
            "model",
            "model_not_available",
        )
    return model


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
        "method": "supervised",
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
def retrieve_job(job_id: str, here: Here) -> Response:
    """Show one job."""
    with here.store.read() as session:
        job = _find(session, job_id)
    return views.answer(views.job_view(job, true_state=True))


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
def list_events(
    job_id: str, here: Here, limit: str | None = None, after: str | None = None
) -> Response:
    """List a job's events, newest first."""
    size = limit_of(limit, DEFAULT_EVENTS, here.settings.limits.list_events)
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
