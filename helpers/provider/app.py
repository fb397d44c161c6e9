"""The HTTP application: routes, errors and the guard put together.

It must never know how anything is done; it only says what belongs together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from helpers import __version__
from helpers.provider import errors
from helpers.provider.azure import control_plane, identity, projects
from helpers.provider.azure.gateway import Gateway, refusal
from helpers.provider.azure.tokens import Tokens
from helpers.provider.batch_runner import BatchRunner
from helpers.provider.context import Provider
from helpers.provider.guard import Guard
from helpers.provider.routes import (
    batches,
    chat,
    completions,
    embeddings,
    files,
    graders,
    health,
    jobs,
    models,
    permissions,
    responses,
    stored,
    uploads,
)

API_PREFIX = "/v1"


def make_app(provider: Provider, *, key: str, hosts: set[str]) -> ASGIApp:
    """Return the whole application.

    Args:
        provider: everything behind the routes; started and stopped with the app.
        key: what every call has to bring.
        hosts: exact Host headers that are served.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        provider.start()
        await batch_runner.start()
        yield
        await batch_runner.stop()
        provider.stop()

    app = FastAPI(
        title="Local fine-tuning provider",
        version=__version__,
        # Pages with scripts from elsewhere have no place on a server with a key.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
    app.state.provider = provider
    batch_runner = BatchRunner(
        app,
        provider.store,
        provider.blobs,
        provider.settings,
        door=Gateway(app, provider),
    )
    app.state.batches = batch_runner
    errors.install(app)
    app.include_router(health.router)
    for module in (
        files,
        jobs,
        models,
        chat,
        uploads,
        permissions,
        completions,
        embeddings,
        graders,
        stored,
        responses,
        batches,
    ):
        app.include_router(module.router, prefix=API_PREFIX)
    # Azure's: paths of their own, behind the same guard.
    for module in (control_plane, projects, identity):
        app.include_router(module.router)
    tokens = app.state.tokens = Tokens(key)
    return Guard(
        # Azure's requests become OpenAI's first, so that batches make way for both.
        Gateway(batch_runner.making_way(app), provider),
        key=key,
        hosts=hosts,
        limits=provider.settings.limits,
        tokens=tokens,
        refusal=refusal,
    )
