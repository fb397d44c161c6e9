"""Is it alive: an answer for `status` that needs no key and tells no secret."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from helpers import __version__
from helpers.provider import views
from helpers.provider.context import Provider, provider_of

router = APIRouter()


@router.get("/health")
def health(here: Annotated[Provider, Depends(provider_of)]) -> Response:
    """Say that the server answers, and what its training process does."""
    with here.store.read() as session:
        jobs = session.count_jobs()
    return views.answer(
        {
            "status": "ok",
            "version": __version__,
            "pid": os.getpid(),
            "training_process": here.runner.worker_state(),
            "jobs": jobs,
        }
    )
