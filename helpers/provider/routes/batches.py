"""Batches: create, list, retrieve, cancel."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from helpers.provider import batches, views
from helpers.provider.azure.deployments import OF_AZURE
from helpers.provider.batch_runner import AZURE_PREFIX, ENDPOINTS, BatchRunner
from helpers.provider.batches import Batch, BatchConflict
from helpers.provider.context import Provider, now, provider_of
from helpers.provider.errors import ApiError, invalid, no_such_batch
from helpers.provider.ids import new_id
from helpers.provider.routes.paging import limit_of, page_or_error
from helpers.provider.routes.retrying import retries
from helpers.provider.schemas import CreateBatch
from helpers.provider.store import Session

router = APIRouter(prefix="/batches")
Here = Annotated[Provider, Depends(provider_of)]

DEFAULT_PAGE = 20
WINDOW_SECONDS = {"24h": 24 * 3600}


def runner_of(request: Request) -> BatchRunner:
    """Return what runs batches (a FastAPI dependency)."""
    return request.app.state.batches


Runner = Annotated[BatchRunner, Depends(runner_of)]


def _check_endpoint(runner: BatchRunner, endpoint: str) -> None:
    served = [path for path in ENDPOINTS if runner.serves(path)]
    if endpoint not in served:
        raise invalid(
            f"Invalid value for 'endpoint': '{endpoint[:100]}' is not an endpoint that "
            f"this local provider serves in batches. Expected one of: "
            f"{', '.join(repr(path) for path in served)}.",
            "endpoint",
            "invalid_value",
        )


def _check_file(session: Session, here: Provider, file_id: str) -> None:
    file = session.file(file_id, now())
    if file is None:
        raise invalid(
            f"No such File object: {file_id}", "input_file_id", "invalid_input_file_id"
        )
    if file.purpose != "batch":
        raise invalid(
            f"File '{file_id}' has the purpose '{file.purpose}', but must have the "
            "purpose 'batch'. Upload it again with that purpose.",
            "input_file_id",
            "invalid_file_purpose",
        )
    most = here.settings.limits.batch_file_bytes
    if file.bytes > most:
        raise invalid(
            f"File '{file_id}' has {file.bytes} bytes, more than the {most} that the "
            "file of a batch may have. Send its requests in several batches.",
            "input_file_id",
            "file_too_large",
        )


def _check_queue(session: Session, here: Provider) -> None:
    waiting = len(session.open_batches())
    if waiting >= here.settings.limits.open_batches:
        raise ApiError(
            429,
            f"{waiting} batches have not ended yet, the most that this provider "
            "keeps. Wait for some of them or cancel them.",
            type="rate_limit_error",
            code="rate_limit_exceeded",
        )


def _known_batch(
    session: Session, here: Provider, request: Request, digest: str
) -> Batch | None:
    """Return the batch that this request made when the client sent it before."""
    if retries(request) == 0:
        return None
    since = now() - here.settings.limits.retry_window_seconds
    return session.batch_of_request(digest, since)


@router.post("")
def create_batch(
    request: Request, payload: CreateBatch, here: Here, runner: Runner
) -> Response:
    """Create a batch; the same request sent again makes no second one."""
    _check_endpoint(runner, payload.endpoint)
    of_azure = bool(request.scope.get(OF_AZURE))
    asked = json.dumps(payload.model_dump(mode="json"), sort_keys=True)
    asked += AZURE_PREFIX if of_azure else ""
    digest = hashlib.sha256(asked.encode()).hexdigest()
    # The answers will need room; a full disk is said now, not in the middle.
    here.blobs.check_space(0)
    life = payload.output_expires_after
    with here.store.write() as session:
        known = _known_batch(session, here, request, digest)
        if known is not None:
            return views.answer(views.batch_view(known))
        _check_file(session, here, payload.input_file_id)
        _check_queue(session, here)
        batch = session.add_batch(
            most=here.settings.limits.kept_batches,
            id=new_id("batch_"),
            created_at=now(),
            expires_at=now() + WINDOW_SECONDS[payload.completion_window],
            endpoint=payload.endpoint,
            input_file=payload.input_file_id,
            completion_window=payload.completion_window,
            metadata=payload.metadata,
            output_seconds=life.seconds if life else None,
            request_hash=digest,
            of_azure=int(of_azure),
        )
    runner.submit(batch)
    return views.answer(views.batch_view(batch))


@router.get("")
def list_batches(
    here: Here, limit: str | None = None, after: str | None = None
) -> Response:
    """List batches, newest first."""
    size = limit_of(limit, DEFAULT_PAGE, here.settings.limits.list_batches)
    with here.store.read() as session:
        page = page_or_error(
            lambda: session.list_batches(limit=size, after=after), after
        )
    shown = [views.batch_view(batch) for batch in page.rows]
    return views.answer(views.page_view(page, shown, ids=True))


@router.get("/{batch_id}")
def retrieve_batch(batch_id: str, here: Here) -> Response:
    """Show one batch."""
    with here.store.read() as session:
        batch = session.batch(batch_id)
    if batch is None:
        raise no_such_batch(batch_id)
    return views.answer(views.batch_view(batch))


@router.post("/{batch_id}/cancel")
def cancel_batch(
    batch_id: str, request: Request, here: Here, runner: Runner
) -> Response:
    """Stop a batch; what is answered is kept."""
    with here.store.write() as session:
        batch = session.batch(batch_id)
        if batch is None:
            raise no_such_batch(batch_id)
        # The client only repeats what it has done already.
        again = batch.state == batches.CANCELLED and retries(request) > 0
        if not again:
            try:
                batch = batches.cancel(session, batch, now())
            except BatchConflict as fault:
                raise ApiError(400, str(fault), code="invalid_batch_state") from fault
    runner.cancel(batch)
    return views.answer(views.batch_view(batch))
