"""Models: list, retrieve, delete. Names may hold slashes and colons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider, provider_of
from helpers.provider.errors import ApiError, no_such_model
from helpers.provider.models import ModelDeployed, ModelInUse, ModelProtected

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
def delete_model(name: str, here: Here) -> Response:
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
        raise no_such_model(name)
    here.serving.forget(folder)
    return views.answer(views.model_deleted_view(name))
