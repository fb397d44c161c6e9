"""Embeddings: texts as vectors."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from openai.types import CreateEmbeddingResponse, Embedding
from openai.types.create_embedding_response import Usage
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from helpers.provider import views
from helpers.provider.context import Provider, provider_of
from helpers.provider.errors import invalid
from helpers.provider.models import ModelEntry
from helpers.provider.routes.completions import check_tokens, read_inputs, too_long
from helpers.provider.routes.generating import (
    deleted_is_unknown,
    found_model,
    opened,
    unless_gone,
)
from helpers.provider.text_requests import CreateEmbedding

if TYPE_CHECKING:
    from helpers.provider.rendering import ChatRenderer

router = APIRouter()
Here = Annotated[Provider, Depends(provider_of)]

# The reading thread takes so many tokens in a row, then others have their turn: a
# quarter of a second for the base model.
TOKENS_A_TURN = 2048


def _shown(vector: Any, encoding: str) -> Any:
    if encoding == "base64":
        return base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode()
    return vector.tolist()


async def _fragments(
    here: Provider,
    payload: CreateEmbedding,
    model: ModelEntry,
    renderer: ChatRenderer,
    rows: list[list[int]],
) -> list[str]:
    """Return each embedding as JSON, which is written on the reading thread too."""
    from helpers.provider.embedding import TooManyDimensions, embed
    from helpers.provider.reading import groups

    fragments: list[str] = []
    for turn in groups(rows, TOKENS_A_TURN):
        start = len(fragments)

        def work(reader, turn=turn, first=start) -> list[str]:
            vectors = embed(reader, renderer, turn, payload.dimensions)
            return [
                # Not validated: the package's type knows no base64, though its client
                # asks for it.
                json.dumps(
                    views.dump(
                        Embedding.model_construct(
                            object="embedding",
                            index=first + number,
                            embedding=_shown(vector, payload.encoding_format),
                        )
                    )
                )
                for number, vector in enumerate(vectors)
            ]

        with deleted_is_unknown(here, model):
            try:
                fragments += await here.serving.read(model.path, work)
            except TooManyDimensions as fault:
                raise invalid(
                    "Invalid 'dimensions': integer above maximum value. Expected a "
                    f"value <= {fault.width}, the width of this model's vectors, but "
                    f"got {fault.asked} instead.",
                    "dimensions",
                    "integer_above_max_value",
                ) from fault
    return fragments


@router.post("/embeddings")
async def create_embeddings(
    request: Request, payload: CreateEmbedding, here: Here
) -> Response:
    """Turn texts into vectors of length 1."""
    model = await found_model(here, payload.model)
    _, renderer = await opened(here, model)
    rows = await run_in_threadpool(read_inputs, renderer, payload.input, "input")
    check_tokens(rows, here.settings.limits.request_tokens, "input")
    most = renderer.context - len(renderer.start_ids)
    for ids in rows:
        if len(ids) > most:
            raise too_long(most, len(ids), 0, "input")
    fragments = await unless_gone(
        request, _fragments(here, payload, model, renderer, rows)
    )
    tokens = sum(map(len, rows))
    frame = CreateEmbeddingResponse(
        object="list",
        data=[],
        model=model.really,
        usage=Usage(prompt_tokens=tokens, total_tokens=tokens),
    )
    body = json.dumps({**views.dump(frame), "data": None})
    joined = body.replace('"data": null', f'"data": [{", ".join(fragments)}]', 1)
    return Response(joined, media_type="application/json")
