"""Models: list, retrieve, delete. Names may hold slashes and colons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider, provider_of
from helpers.provider.errors import ApiError, no_such_model
from helpers.provider.models import ModelDeployed, ModelInUse, ModelProtected
from helpers.provider.routes.retrying import retries

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]


@router.get("/models")
def list_models(here: Here) -> Response:
    """List base models, hosted names and what jobs made."""
    shown = [views.model_view(entry) for entry in here.registry.all()]
    return views.answer({"object": "list", "data": shown})


@router.get("/models/{name:path}")
def retrieve_model(name: str, here: Here) -> Response:
    """Show one model."""
    entry = here.registry.find(name)
    if entry is None:
        raise no_such_model(name)
    return views.answer(views.model_view(entry))


@router.delete("/models/{name:path}")
def delete_model(name: str, request: Request, here: Here) -> Response:
    """Delete a fine-tuned model or a checkpoint."""
    try:
        folder = here.registry.delete(name)
    except ModelProtected as fault:
        raise ApiError(
            403,
            f"The model '{name}' was not made by a fine-tuning job, so it cannot be "
            "deleted.",
            param="model",
            code="model_not_deletable",
        ) from fault
    except ModelInUse as fault:
        raise ApiError(
            400,
            f"The model '{name}' is being fine-tuned by {fault}, which has not ended. "
            "Cancel the job or wait for its end, then delete the model.",
            param="model",
            code="model_in_use",
        ) from fault
    except ModelDeployed as fault:
        raise ApiError(
            400,
            f"The model '{name}' is deployed as '{fault}'. Delete the deployment, then "
            "delete the model.",
            param="model",
            code="model_in_use",
        ) from fault
    if folder is None:
        if retries(request) == 0 or not _was_deleted(here, name):
            raise no_such_model(name)
        # Its first request did it, and the answer was lost on the way.
        return views.answer(views.model_deleted_view(name))
    here.serving.forget(folder)
    return views.answer(views.model_deleted_view(name))


def _was_deleted(here: Provider, name: str) -> bool:
    with here.store.read() as session:
        return session.was_model(name)
