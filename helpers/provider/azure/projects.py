"""What Foundry's project client asks beside the OpenAI API: its list of deployments.

Source of paths and shapes: azure-ai-projects 2.10.0.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from helpers.provider.azure.control_plane import all_living, living
from helpers.provider.azure.deployments import Deployment
from helpers.provider.context import Provider, provider_of
from helpers.provider.errors import ApiError

router = APIRouter(prefix="/api/projects/{project}")
Here = Annotated[Provider, Depends(provider_of)]


def _view(row: Deployment) -> dict[str, Any]:
    return {
        "type": "ModelDeployment",
        "name": row.name,
        "modelName": row.model_shown,
        "modelVersion": row.version or "1",
        "modelPublisher": "OpenAI",
        "capabilities": {"chat_completion": "true"},
        "sku": {
            "name": row.sku,
            "capacity": row.capacity,
            "family": "",
            "size": "",
            "tier": "",
        },
    }


@router.get("/deployments")
def list_deployments(
    here: Here, modelName: str | None = None, modelPublisher: str | None = None
) -> Response:
    """List deployments, perhaps those of one model or publisher only."""
    with here.store.read() as session:
        shown = [_view(row) for row in all_living(here, session)]
    for field, wanted in (("modelName", modelName), ("modelPublisher", modelPublisher)):
        if wanted is not None:
            shown = [one for one in shown if one[field] == wanted]
    return JSONResponse({"value": shown})


@router.get("/deployments/{name}")
def get_deployment(name: str, here: Here) -> Response:
    """Show one deployment."""
    with here.store.read() as session:
        row = living(here, session, name)
    if row is None:
        raise ApiError(404, f"The deployment '{name}' was not found.", code="NotFound")
    return JSONResponse(_view(row))
